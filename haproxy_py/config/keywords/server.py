"""`server`, `default-server` and `server-template` lines (manual 4.2): names, addresses, numbers, and the walk over options.

The options are in server_options.py and, for TLS and checks, with their features.
"""

from __future__ import annotations

import re
from typing import NoReturn

from haproxy_py.config import known
from haproxy_py.config.address import parse_server
from haproxy_py.config.errors import SERVER, ConfigError
from haproxy_py.config.line import Line
from haproxy_py.config.model import Address, Proxy, Server, Setting
from haproxy_py.config.registry import BACKEND, DEFAULTS, SERVER_OPTIONS, proxy_keyword

ID: Setting[int | None] = Setting("id", None, inherit=False)
INIT_ADDR: Setting[list[str]] = Setting("init-addr", list)  # methods in order; empty: last,libc
LOOKED_UP: Setting[bool] = Setting("looked up", False, inherit=False)  # init-addr was gone through while loading
NONE_YET = Address("", "inet", "", None, 0, 0, False)
USAGE = "expects <name> and <addr>[:<port>] as arguments."
TEMPLATE_USAGE = "'server-template' expects <prefix> <nb | range> <addr>[:<port>] as arguments."
MAX_TEMPLATE = 65536

_BAD_NAME = re.compile(r"[^A-Za-z0-9_.:-]")
_RANGE = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")


def may_wait(server: Server) -> bool:
    """Whether the server may start without an address (`init-addr ... none` or an IP address as the last way)."""
    return any(method == "none" for method in server[INIT_ADDR])


@proxy_keyword("server", sections=BACKEND - DEFAULTS, args=(0, None), source="manual 4.2")
def server(line: Line, proxy: Proxy) -> None:
    """`server NAME ADDR[:PORT] [option]...`."""
    if len(line.words) < 3:
        line.fail(f"'server' {USAGE}", SERVER)
    name = line.words[1]
    bad = _BAD_NAME.search(name)
    if bad:
        line.fail(f"character '{bad.group()}' is not permitted in server name '{name}'.", SERVER)
    add(line, proxy, made(line, proxy, name, line.words[2], 3))


@proxy_keyword("default-server", sections=BACKEND, args=(0, None), source="manual 4.2")
def default_server(line: Line, proxy: Proxy) -> None:
    """`default-server [option]...`: settings of the servers that follow; lines add up."""
    if proxy.default_server is None:
        proxy.default_server = Server(line.where)
    options(line, proxy.default_server, 1, "")


@proxy_keyword("server-template", sections=BACKEND - DEFAULTS, args=(0, None), source="manual 4.2")
def server_template(line: Line, proxy: Proxy) -> None:
    """`server-template PREFIX N|LOW-HIGH ADDR[:PORT] [option]...`: as many servers, named PREFIX and number."""
    if len(line.words) < 4:
        line.fail(TEMPLATE_USAGE, SERVER)
    prefix, amount, text = line.words[1:4]
    bad = _BAD_NAME.search(prefix)
    if bad:
        line.fail(f"character '{bad.group()}' is not permitted in server-template prefix '{prefix}'.", SERVER)
    found = _RANGE.fullmatch(amount)
    low, high = (int(found.group(1)), int(found.group(2) or 0)) if found else (0, 0)
    if found and found.group(2) is None:
        low, high = 1, low
    if not found or not 1 <= low <= high or high - low >= MAX_TEMPLATE:
        line.fail(f"Wrong server-template number or range arg '{amount}'.", SERVER)
    first = made(line, proxy, f"{prefix}{low}", text, 4)
    add(line, proxy, first)
    for i in range(low + 1, high + 1):
        twin = Server(line.where, said=dict(first.said), name=f"{prefix}{i}", address=first.address)
        twin.inherit(first)
        add(line, proxy, twin)


def made(line: Line, proxy: Proxy, name: str, text: str, at: int) -> Server:
    """A server with its address and options."""
    title = f"'server {proxy.name}/{name}' : "
    try:
        address = parse_server(text, line.config.env)
    except ConfigError as wrong:
        line.fail(title + wrong.text, SERVER)
    fresh = Server(line.where, name=name, address=address)
    if proxy.default_server:
        fresh.inherit(proxy.default_server)
    options(line, fresh, at, title)
    return fresh


def add(line: Line, proxy: Proxy, fresh: Server) -> None:
    """Give the server its place; numbers given with `id` are unique in a backend."""
    fresh.number = len(proxy.servers) + 1
    number = fresh[ID]
    if number is not None:
        twin = proxy.server_ids.get(number)
        if twin:
            told = f"custom id {number} already used at {twin.where} ('server {twin.name}')."
            line.fail(f"'server {proxy.name}/{fresh.name}' : 'id' : {told}", SERVER)
        proxy.server_ids[number] = fresh
    proxy.servers.append(fresh)


def options(line: Line, item: Server, at: int, title: str) -> None:
    """The words behind an address, by their table."""
    words = line.words
    end = len(words)
    while at < end:
        word = words[at]
        row = SERVER_OPTIONS.find(word)
        if row is None:
            _unknown(line, word, title)
        if end - at - 1 < row.args[0]:
            line.fail(f"{title}'{word}' expects {MISSING.get(word, 'an argument')}.", SERVER)
        try:
            at = row.call(line, item, at)
        except ConfigError as wrong:
            line.fail(title + wrong.text, SERVER)


MISSING = {
    "inter": "a delay as argument.", "fastinter": "a delay as argument.", "downinter": "a delay as argument.",
    "track": "[<proxy>/]<server> as argument.", "observe": "<mode> as argument.", "error-limit": "an integer argument.",
    "on-error": "one of 'fastinter', 'fail-check', 'sudden-death' or 'mark-down' but got ''",
    "on-marked-down": "'shutdown-sessions' but got ''", "on-marked-up": "'shutdown-backup-sessions' but got ''",
    "cookie": "<value> as argument.", "redir": "<prefix> as argument.", "addr": "<ipv4|ipv6> as argument.",
    "slowstart": "a delay as argument.",
    "source": "<addr>[:<port>[-<port>]], and optionally 'usesrc' <addr>, and 'interface' <name> as argument.",
}  # fmt: skip


def _unknown(line: Line, word: str, title: str) -> NoReturn:
    if word in known.words("server"):
        line.fail(f"{title}'{word}' is known to HAProxy, not supported yet.", SERVER)
    near = known.maybe(word, known.words("server"))
    hint = "" if title else " Hint: no address was expected for this server."
    line.fail(f"{title}unknown keyword '{word}'{near}{'' if near else '.'}{hint}", SERVER)
