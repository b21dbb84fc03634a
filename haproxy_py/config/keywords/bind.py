"""`bind` lines and their options that are not about TLS (manual 4.2, 5.1).

A comma list or a range of ports makes several Bind items with the same settings (a range stays one item: its address tells
port and port_high).
"""

from __future__ import annotations

import grp
import pwd
import re
from dataclasses import replace

from haproxy_py.config import known
from haproxy_py.config.address import parse_listen
from haproxy_py.config.errors import ConfigError
from haproxy_py.config.keywords.effectless import accept
from haproxy_py.config.line import Line
from haproxy_py.config.model import Address, Bind, Config, Proxy, Setting
from haproxy_py.config.registry import BIND_OPTIONS, DEFAULTS, FRONTEND, bind_option, proxy_keyword
from haproxy_py.config.units import UnitError, leading_int, parse_time, strict_int

NAME: Setting[str] = Setting("name", "")
ID: Setting[int | None] = Setting("id", None)
ACCEPT_PROXY: Setting[bool] = Setting("accept-proxy", False)
MAXCONN: Setting[int] = Setting("maxconn", 0)  # 0: no limit of its own
BACKLOG: Setting[int] = Setting("backlog", 0)  # 0: the frontend's
DEFER_ACCEPT: Setting[bool] = Setting("defer-accept", False)
INTERFACE: Setting[str] = Setting("interface", "")
MSS: Setting[int] = Setting("mss", 0)  # below 0: the system's less this
MODE: Setting[int | None] = Setting("mode", None)  # permission bits of a UNIX socket
UID: Setting[int | None] = Setting("uid", None)
GID: Setting[int | None] = Setting("gid", None)
NICE: Setting[int] = Setting("nice", 0)
TRANSPARENT: Setting[bool] = Setting("transparent", False)
V4V6: Setting[bool] = Setting("v4v6", False)
V6ONLY: Setting[bool] = Setting("v6only", False)
TFO: Setting[bool] = Setting("tfo", False)
TCP_UT: Setting[int] = Setting("tcp-ut", 0)  # ms
LEVEL: Setting[str] = Setting("level", "operator")
EXPOSE_FD: Setting[bool] = Setting("expose-fd", False)
SEVERITY_OUTPUT: Setting[str] = Setting("severity-output", "none")
THREAD: Setting[str] = Setting("thread", "")
SHARDS: Setting[str] = Setting("shards", "")
PROTO: Setting[str] = Setting("proto", "")
GUID_PREFIX: Setting[str] = Setting("guid-prefix", "")
LABEL: Setting[str] = Setting("label", "")

SOURCE = "manual 5.1"
USAGE = "'bind' expects {<path>|[addr1]:port1[-end1]}{,[addr]:port[-end]}... as arguments."


@proxy_keyword("bind", sections=FRONTEND - DEFAULTS, args=(1, None), source="manual 4.2", missing=USAGE)
def bind(line: Line, proxy: Proxy) -> None:
    """`bind ADDRESSES [option]...`."""
    text = line.words[1]
    try:
        addresses = parse_listen(text, line.config.env)
    except ConfigError as wrong:
        line.fail(f"'bind' : {wrong.text}")
    made = Bind(line.where)
    addresses = [unix_defaults(line.config, made, address) for address in addresses]
    made.address = addresses[0]
    options(line, made, 2, f"'bind {text}' in section '{proxy.kind}'")
    identify(line, proxy, made, text)
    proxy.binds.append(made)
    for address in addresses[1:]:
        proxy.binds.append(Bind(line.where, values=dict(made.values), said=dict(made.said), address=address))


def unix_defaults(config: Config, made: Bind, address: Address) -> Address:
    """What the global `unix-bind` says of UNIX sockets: a prefix of the path, permissions and owner (manual 3.1)."""
    said: dict[str, str] = next((value for setting, value in config.globals.values.items() if setting.name == "unix-bind"), {})
    if address.family != "unix" or not said:
        return address
    if "mode" in said:
        made[MODE] = int(said["mode"], 8)
    if "uid" in said:
        made[UID] = int(said["uid"])
    if "gid" in said:
        made[GID] = int(said["gid"])
    return replace(address, host=said.get("prefix", "") + (address.host or ""))


def options(line: Line, made: Bind, at: int, title: str) -> None:
    """The words behind an address, by their tables; also used for `stats socket` and -S."""
    words = line.words
    while at < len(words):
        word = words[at]
        row = BIND_OPTIONS.find(word)
        if row is None:
            if word in known.words("bind"):
                line.fail(f"{title} : '{word}' is known to HAProxy, not supported yet.")
            line.fail(f"{title}: unknown keyword '{word}'{known.maybe(word, known.words('bind')) or '.'}")
        if len(words) - at - 1 < row.args[0]:
            line.fail(f"{title} : '{word}' : {row.missing or MISSING.get(word, 'missing value')}")
        try:
            at = row.call(line, made, at)
        except ConfigError as wrong:
            line.fail(f"{title} : {wrong.text}")


def identify(line: Line, proxy: Proxy, made: Bind, text: str) -> None:
    """Listener numbers are unique within a proxy."""
    number = made[ID]
    twin = next((b for b in proxy.binds if number is not None and b[ID] == number), None)
    if twin:
        told = f"custom id {number} already used at {twin.where} ('bind {twin.address.text}')"
        line.fail(f"'bind {text}' in section '{proxy.kind}' : 'id' : {told}")


MISSING = {
    "name": "missing name", "id": "expects an integer argument", "interface": "missing interface name",
    "tcp-ut": "missing TCP User Timeout value", "level": "missing level", "expose-fd": "missing fd type",
    "mss": "missing MSS value", "user": "missing user name", "group": "missing group name",
    "mode": "missing or invalid mode '' (octal integer expected)",
}  # fmt: skip


def _flag(setting: Setting[bool]) -> None:
    def set_flag(line: Line, made: Bind, at: int) -> int:
        made[setting] = True
        return at + 1

    bind_option(setting.name, source=SOURCE)(set_flag)


for _setting in (ACCEPT_PROXY, DEFER_ACCEPT, TRANSPARENT, V4V6, V6ONLY, TFO):
    _flag(_setting)


def _text(setting: Setting[str]) -> None:
    def set_text(line: Line, made: Bind, at: int) -> int:
        made[setting] = line.words[at + 1]
        return at + 2

    bind_option(setting.name, args=1, source=SOURCE)(set_text)


_THREADS = re.compile(r"(?:[0-9]{1,4}/)?(?:all|odd|even|[0-9]{1,4}(?:-[0-9]{0,4})?)")


@bind_option("thread", args=1, source=SOURCE)
def thread(line: Line, made: Bind, at: int) -> int:
    """`thread [GROUP/]SET[,...]`: every worker accepts here, so it changes nothing."""
    value = line.words[at + 1]
    for piece in value.split(","):
        if not _THREADS.fullmatch(piece):
            line.fail(f"'{value}' : '{piece}' is not a valid number/range.")
    made[THREAD] = value
    accept("bind thread", line.config.globals)
    return at + 2


for _word in (NAME, INTERFACE, GUID_PREFIX, LABEL):
    _text(_word)


def _choice(setting: Setting[str], choices: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{c}'" for c in choices[:-1]) + f", and '{choices[-1]}'"

    def set_choice(line: Line, made: Bind, at: int) -> int:
        value = line.words[at + 1]
        if value not in choices:
            line.fail(f"'{setting.name}' only supports {listed} (got '{value}')")
        made[setting] = value
        return at + 2

    bind_option(setting.name, args=1, source=SOURCE)(set_choice)


_choice(LEVEL, ("user", "operator", "admin"))
_choice(SEVERITY_OUTPUT, ("none", "number", "string"))


@bind_option("expose-fd", args=1, source=SOURCE)
def expose_fd(line: Line, made: Bind, at: int) -> int:
    """`expose-fd listeners`: the runtime socket may hand the listening sockets to a new process."""
    if line.words[at + 1] != "listeners":
        line.fail(f"'expose-fd' only supports 'listeners' (got '{line.words[at + 1]}')")
    made[EXPOSE_FD] = True
    return at + 2


def number(line: Line, at: int, name: str) -> int:
    """The word at `at` as C's atol reads it; what is no number is warned about."""
    text = line.words[at]
    value = leading_int(text)
    if strict_int(text) is None:
        line.warn(f"'{name}' expects a number: '{text}' counts as {value}.")
    return value


@bind_option("maxconn", args=1, source=SOURCE)
def maxconn(line: Line, made: Bind, at: int) -> int:
    """`maxconn N`: connections of this listener."""
    value = number(line, at + 1, "maxconn")
    if value < 0:
        line.fail(f"'maxconn' : invalid value {value}, must be > 0")
    made[MAXCONN] = value
    return at + 2


@bind_option("backlog", args=1, source=SOURCE)
def backlog(line: Line, made: Bind, at: int) -> int:
    """`backlog N`: connections that the kernel holds until they are accepted."""
    value = number(line, at + 1, "backlog")
    if value < 0:
        line.fail(f"'backlog' : invalid value {value}, must be > 0")
    made[BACKLOG] = value
    return at + 2


@bind_option("id", args=1, source=SOURCE)
def set_id(line: Line, made: Bind, at: int) -> int:
    """`id N`: the listener's number in statistics, from 1."""
    value = strict_int(line.words[at + 1])
    if value is None:
        line.fail(f"'id' : expects an integer argument, found '{line.words[at + 1]}'")
    if value <= 0:
        line.fail(f"'id' : custom id has to be > 0 (found {value})")
    made[ID] = value
    return at + 2


@bind_option("mss", args=1, source=SOURCE)
def mss(line: Line, made: Bind, at: int) -> int:
    """`mss N`: largest segment of incoming connections; below 0: less than the system's."""
    value = leading_int(line.words[at + 1])
    if not 1 <= abs(value) <= 65535:
        line.fail("'mss' : expects an MSS with and absolute value between 1 and 65535")
    made[MSS] = value
    return at + 2


@bind_option("nice", args=1, source=SOURCE)
def nice(line: Line, made: Bind, at: int) -> int:
    """`nice N`: priority of this listener's connections, -1024..1024."""
    value = number(line, at + 1, "nice")
    if not -1024 <= value <= 1024:
        line.fail(f"'nice' : invalid value {value}, allowed range is -1024..1024")
    made[NICE] = value
    accept("bind nice", line.config.globals)
    return at + 2


@bind_option("mode", args=1, source=SOURCE)
def mode(line: Line, made: Bind, at: int) -> int:
    """`mode 660`: permission bits of a UNIX socket, octal."""
    made[MODE] = octal(line, line.words[at + 1])
    return at + 2


def octal(line: Line, text: str) -> int:
    """Permission bits written in octal."""
    if not text or len(text) > 6 or any(c not in "01234567" for c in text):
        line.fail(f"'mode' : missing or invalid mode '{text}' (octal integer expected)")
    return int(text, 8)


@bind_option("user", args=1, source=SOURCE)
def user(line: Line, made: Bind, at: int) -> int:
    """`user NAME`: owner of a UNIX socket."""
    try:
        made[UID] = pwd.getpwnam(line.words[at + 1]).pw_uid
    except (KeyError, ValueError, UnicodeError):
        line.fail(f"'user' : unknown user name '{line.words[at + 1]}'")
    return at + 2


@bind_option("group", args=1, source=SOURCE)
def group(line: Line, made: Bind, at: int) -> int:
    """`group NAME`: group of a UNIX socket."""
    try:
        made[GID] = grp.getgrnam(line.words[at + 1]).gr_gid
    except (KeyError, ValueError, UnicodeError):
        line.fail(f"'group' : unknown group name '{line.words[at + 1]}'")
    return at + 2


@bind_option("uid", args=1, source=SOURCE)
def uid(line: Line, made: Bind, at: int) -> int:
    """`uid N`: owner of a UNIX socket by number."""
    made[UID] = number(line, at + 1, "uid")
    return at + 2


@bind_option("gid", args=1, source=SOURCE)
def gid(line: Line, made: Bind, at: int) -> int:
    """`gid N`: group of a UNIX socket by number."""
    made[GID] = number(line, at + 1, "gid")
    return at + 2


@bind_option("process", args=1, source=SOURCE)
def process(line: Line, made: Bind, at: int) -> int:
    """Removed from HAProxy in 2.7."""
    line.fail(f"'process {line.words[at + 1]}' on 'bind' lines is not supported anymore, please use 'thread' instead.")


@bind_option("shards", args=1, source=SOURCE)
def shards(line: Line, made: Bind, at: int) -> int:
    """`shards N|by-thread|by-group`: every worker accepts from the one socket here, so it changes nothing."""
    value = line.words[at + 1]
    if value not in ("by-thread", "by-group") and not 1 <= leading_int(value) <= 1000:
        line.fail(f"'shards' : invalid value {leading_int(value)}, allowed range is 1..1000 or 'by-thread'")
    made[SHARDS] = value
    accept("bind shards", line.config.globals)
    return at + 2


@bind_option("tcp-ut", args=1, source=SOURCE)
def tcp_ut(line: Line, made: Bind, at: int) -> int:
    """`tcp-ut DELAY`: how long sent data may stay unacknowledged."""
    try:
        made[TCP_UT] = parse_time(line.words[at + 1], "ms", line.warn)
    except UnitError:
        line.fail("'tcp-ut' : expects a positive delay in milliseconds")
    return at + 2


@bind_option("proto", args=1, source=SOURCE)
def proto(line: Line, made: Bind, at: int) -> int:
    """`proto h1`: the protocol spoken without negotiation."""
    made[PROTO] = protocol(line, line.words[at + 1])
    return at + 2


def protocol(line: Line, name: str) -> str:
    """A protocol name that is built, else the right refusal."""
    if name in ("h1", "none"):
        return name
    if name in ("h2", "fcgi", "quic", "spop"):
        line.fail(f"'proto' : MUX protocol '{name}' is known to HAProxy, not supported yet.")
    line.fail(f"'proto' :  unknown MUX protocol '{name}'")
