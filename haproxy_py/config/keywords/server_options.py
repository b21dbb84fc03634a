"""Options of server and default-server lines that are not about TLS, checks' kinds or cookies (manual 5.2)."""

from __future__ import annotations

from typing import Any

from haproxy_py.config.address import is_ipv4, parse_address, parse_source
from haproxy_py.config.errors import ConfigError
from haproxy_py.config.keywords.bind import protocol
from haproxy_py.config.keywords.server import ID, INIT_ADDR
from haproxy_py.config.line import Line
from haproxy_py.config.model import Address, Server, Setting
from haproxy_py.config.registry import server_option
from haproxy_py.config.units import UnitError, leading_int, parse_time, strict_int

WEIGHT: Setting[int] = Setting("weight", 1)  # 0..256
MAXCONN: Setting[int] = Setting("maxconn", 0)  # 0: no limit
MINCONN: Setting[int] = Setting("minconn", 0)  # 0: maxconn does not vary
MAXQUEUE: Setting[int] = Setting("maxqueue", 0)  # 0: no limit
BACKUP: Setting[bool] = Setting("backup", False)
DISABLED: Setting[bool] = Setting("disabled", False)
CHECK: Setting[bool] = Setting("check", False)
INTER: Setting[int] = Setting("inter", 2000)  # ms
FASTINTER: Setting[int | None] = Setting("fastinter", None)  # ms; None: inter
DOWNINTER: Setting[int | None] = Setting("downinter", None)  # ms; None: inter
RISE: Setting[int] = Setting("rise", 2)
FALL: Setting[int] = Setting("fall", 3)
CHECK_PORT: Setting[int] = Setting("port", 0)  # 0: the server's
CHECK_ADDR: Setting[Address | None] = Setting("addr", None)
POOL_MAX_CONN: Setting[int] = Setting("pool-max-conn", -1)  # -1: no limit
POOL_LOW_CONN: Setting[int] = Setting("pool-low-conn", 0)
POOL_PURGE_DELAY: Setting[int] = Setting("pool-purge-delay", 5000)  # ms
MAX_REUSE: Setting[int] = Setting("max-reuse", -1)  # -1: no limit
SEND_PROXY: Setting[bool] = Setting("send-proxy", False)
SEND_PROXY_V2: Setting[bool] = Setting("send-proxy-v2", False)
TFO: Setting[bool] = Setting("tfo", False)
TCP_UT: Setting[int] = Setting("tcp-ut", 0)  # ms
SOURCE: Setting[Address | None] = Setting("source", None)
SOURCE_INTERFACE: Setting[str] = Setting("source interface", "")
PROTO: Setting[str] = Setting("proto", "")
NON_STICK: Setting[bool] = Setting("non-stick", False)
GUID: Setting[str] = Setting("guid", "", inherit=False)
INIT_STATE: Setting[str] = Setting("init-state", "up")
MANUAL = "manual 5.2"


def _switch(name: str, setting: Setting[bool], value: bool) -> None:
    def set_switch(line: Line, server: Server, at: int) -> int:
        server[setting] = value
        return at + 1

    server_option(name, source=MANUAL)(set_switch)


for _name, _setting in (
    ("backup", BACKUP), ("check", CHECK), ("send-proxy", SEND_PROXY), ("send-proxy-v2", SEND_PROXY_V2), ("tfo", TFO),
):  # fmt: skip
    _switch(_name, _setting, True)
    _switch("no-" + _name, _setting, False)
_switch("disabled", DISABLED, True)
_switch("enabled", DISABLED, False)
_switch("non-stick", NON_STICK, True)
_switch("stick", NON_STICK, False)


def _count(setting: Setting[int], least: int = 0, complaint: str = "") -> None:
    """A number as C's atol reads it; below `least`: the complaint."""

    def set_count(line: Line, server: Server, at: int) -> int:
        text = line.words[at + 1]
        value = leading_int(text)
        if strict_int(text) is None:
            line.warn(f"'{setting.name}' expects a number: '{text}' counts as {value}.")
        if value < least:
            line.fail(complaint or f"'{setting.name}' : invalid value {value}, must be at least {least}.")
        server[setting] = value
        return at + 2

    server_option(setting.name, args=1, source=MANUAL)(set_count)


for _count_setting in (MAXCONN, MINCONN, MAXQUEUE, POOL_LOW_CONN):
    _count(_count_setting)
for _count_setting in (MAX_REUSE, POOL_MAX_CONN):
    _count(_count_setting, -1, f"'{_count_setting.name}' must be >= -1.")
for _count_setting in (RISE, FALL):
    _count(_count_setting, 1, f"'{_count_setting.name}' has to be > 0..")


@server_option("weight", args=1, source=MANUAL)
def weight(line: Line, server: Server, at: int) -> int:
    """`weight N`: share of the load, 0..256."""
    value = leading_int(line.words[at + 1])
    if not 0 <= value <= 256:
        line.fail(f"weight of server {server.name} is not within 0 and 256 ({value})..")
    if strict_int(line.words[at + 1]) is None:
        line.warn(f"'weight' expects a number: '{line.words[at + 1]}' counts as {value}.")
    server[WEIGHT] = value
    return at + 2


def _delay(setting: Setting[Any]) -> None:
    name = setting.name

    def set_delay(line: Line, server: Server, at: int) -> int:
        server[setting] = delay(line, line.words[at + 1], name, server.name)
        return at + 2

    server_option(name, args=1, source=MANUAL)(set_delay)


def delay(line: Line, text: str, name: str, server: str) -> int:
    """A delay above 0 in milliseconds."""
    try:
        value = parse_time(text, "ms", line.warn)
    except UnitError as wrong:
        if wrong.kind == "char":
            line.fail(f"unexpected character '{wrong.char}' in '{name}' argument of server {server}..")
        line.fail(f"timer overflow in argument <{text}> to <{name}> of server {server}, maximum value is 2147483647 ms (~24.8 days)..")
    if value <= 0:
        line.fail(f"invalid value {value} for argument '{name}' of server {server}..")
    return value


for _delay_setting in (INTER, FASTINTER, DOWNINTER):
    _delay(_delay_setting)


@server_option("pool-purge-delay", args=1, source=MANUAL)
def pool_purge_delay(line: Line, server: Server, at: int) -> int:
    """`pool-purge-delay DELAY`: how often idle connections are thinned out."""
    try:
        server[POOL_PURGE_DELAY] = parse_time(line.words[at + 1], "ms", line.warn)
    except UnitError as wrong:
        line.fail(f"unexpected character '{wrong.char}' in argument to <pool-purge-delay>..")
    return at + 2


@server_option("tcp-ut", args=1, source=MANUAL)
def tcp_ut(line: Line, server: Server, at: int) -> int:
    """`tcp-ut DELAY`: how long sent data may stay unacknowledged."""
    try:
        server[TCP_UT] = parse_time(line.words[at + 1], "ms", line.warn)
    except UnitError:
        line.fail("'tcp-ut' : expects a positive delay in milliseconds.")
    return at + 2


@server_option("id", args=1, source=MANUAL)
def set_id(line: Line, server: Server, at: int) -> int:
    """`id N`: the server's number in statistics, from 1."""
    value = leading_int(line.words[at + 1])
    if value <= 0:
        line.fail("'id' : custom id has to be > 0.")
    server[ID] = value
    return at + 2


@server_option("guid", args=1, source=MANUAL)
def guid(line: Line, server: Server, at: int) -> int:
    """`guid TEXT`: a name that is unique in the whole configuration."""
    server[GUID] = line.words[at + 1]
    return at + 2


@server_option("port", args=1, source=MANUAL)
def port(line: Line, server: Server, at: int) -> int:
    """`port N`: where health checks connect to."""
    value = leading_int(line.words[at + 1])
    if not 0 <= value <= 65535:
        line.fail(f"'port' : invalid port {value}, must be between 1 and 65535.")
    server[CHECK_PORT] = value
    return at + 2


@server_option("addr", args=1, source=MANUAL)
def addr(line: Line, server: Server, at: int) -> int:
    """`addr IP`: where health checks connect to; a port may follow."""
    address = parse_address(line.words[at + 1], line.config.env)
    server[CHECK_ADDR] = address
    if address.port:
        server[CHECK_PORT] = address.port
    return at + 2


@server_option("init-addr", args=1, source=MANUAL)
def init_addr(line: Line, server: Server, at: int) -> int:
    """`init-addr last|libc|none|IP,...`: ways to find the address at start, in order."""
    methods = line.words[at + 1].split(",")
    for method in methods:
        if method in ("", "last", "libc", "none"):
            continue
        if not any(c in method for c in ".:") or parse_or_none(line, method) is None:
            line.fail(f"'init-addr' : unknown init-addr method '{method}', supported methods are 'libc', 'last', 'none'..")
    server[INIT_ADDR] = methods
    return at + 2


def parse_or_none(line: Line, text: str) -> Address | None:
    """An IP address, or None when the text is none."""
    try:
        address = parse_address(f"[{text}]" if ":" in text else text, line.config.env, port="none")
    except ConfigError:
        return None
    return address if address.name is None and (":" in text or is_ipv4(text)) else None


@server_option("init-state", args=1, source=MANUAL)
def init_state(line: Line, server: Server, at: int) -> int:
    """`init-state up|down|fully-up|fully-down`: what a checked server is before its first checks."""
    value = line.words[at + 1]
    if value not in ("fully-up", "up", "down", "fully-down"):
        line.fail(f"'init-state' : unknown state '{value}', supported ones are 'fully-up', 'up', 'down' and 'fully-down'.")
    server[INIT_STATE] = value
    return at + 2


@server_option("proto", args=1, source=MANUAL)
def proto(line: Line, server: Server, at: int) -> int:
    """`proto h1`: the protocol spoken without negotiation."""
    server[PROTO] = protocol(line, line.words[at + 1])
    return at + 2


@server_option("source", args=1, source=MANUAL)
def source(line: Line, server: Server, at: int) -> int:
    """`source ADDR[:PORT[-PORT]] [interface NAME]`: where connections to the server come from."""
    server[SOURCE] = parse_source(line.words[at + 1], line.config.env)
    at += 2
    while at < len(line.words):
        if line.words[at] == "usesrc":
            line.fail("'usesrc' is known to HAProxy, not supported yet.")
        if line.words[at] != "interface":
            break
        if at + 1 >= len(line.words):
            line.fail("'interface' : missing interface name.")
        server[SOURCE_INTERFACE] = line.words[at + 1]
        at += 2
    return at
