"""`cookie` of proxies and servers, `dynamic-cookie-key` (manual 4.2, 5.2). Complaints are HAProxy's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from haproxy_py.config.errors import GLUED
from haproxy_py.config.line import Line
from haproxy_py.config.model import Proxy, Server, Setting
from haproxy_py.config.registry import BACKEND, proxy_keyword, server_option
from haproxy_py.config.units import UnitError, parse_time

MANUAL = "manual 4.2"
MODES = ("rewrite", "insert", "prefix")
SWITCHES = (*MODES, "indirect", "nocache", "postonly", "preserve", "httponly", "secure", "dynamic")
_USAGE = (
    "'cookie' supports 'rewrite', 'insert', 'prefix', 'indirect', 'nocache', 'postonly', 'domain', 'maxidle', "
    "'dynamic', 'maxlife' and 'attr' options."
)
_LONG = {"maxidle": "<idletime>", "maxlife": "<lifetime>"}


@dataclass(frozen=True, slots=True)
class Cookie:
    """What a `cookie` line said. switches: words of SWITCHES; maxidle, maxlife: seconds, 0 not limited."""

    name: str
    switches: frozenset[str] = frozenset()
    domains: tuple[str, ...] = ()
    maxidle: int = 0
    maxlife: int = 0
    attributes: tuple[str, ...] = ()


COOKIE: Setting[Cookie | None] = Setting("cookie", None)
DYNAMIC_KEY: Setting[str] = Setting("dynamic-cookie-key", "")
SERVER_COOKIE: Setting[str] = Setting("cookie", "")


@proxy_keyword("cookie", sections=BACKEND, args=(0, None), source=MANUAL)
def cookie(line: Line, proxy: Proxy) -> None:
    """`cookie NAME [rewrite|insert|prefix] [option]...`; a later line replaces an earlier one."""
    if not line.arg(0):
        line.fail("'cookie' expects <cookie_name> as argument.")
    made = Cookie(line.arg(0))
    words = line.args[1:]
    while words:
        made, words = _option(line, made, words)
    _compatible(line, made.switches)
    line.set(proxy, COOKIE, made)


def _option(line: Line, made: Cookie, words: list[str]) -> tuple[Cookie, list[str]]:
    """One option: the cookie with it, and the words behind it."""
    word, value = words[0], words[1] if len(words) > 1 else ""
    if word in SWITCHES:
        return replace(made, switches=made.switches | {word}), words[1:]
    changed: dict[str, Any]
    if word == "domain":
        changed = {"domains": (*made.domains, _domain(line, value))}
    elif word in _LONG:
        changed = {word: _seconds(line, word, value)}
    elif word == "attr":
        changed = {"attributes": (*made.attributes, _attribute(line, value))}
    else:
        line.fail(_USAGE)
    return replace(made, **changed), words[2:]


def _domain(line: Line, value: str) -> str:
    if not value:
        line.fail("'domain' expects <domain> as argument.", GLUED)
    if "." not in value:
        line.warn(
            f"domain '{value}' contains no embedded dot, this configuration may not work properly (see RFC6265#5.2.3).", GLUED
        )
    bad = next((c for c in value if not (c.isascii() and (c.isalnum() or c in "-_."))), None)
    if bad:
        line.fail(f"character '{bad}' is not permitted in domain name '{value}'.", GLUED)
    return value


def _seconds(line: Line, word: str, value: str) -> int:
    if not value:
        line.fail(f"'{word}' expects {_LONG[word]} in seconds as argument.", GLUED)
    try:
        return parse_time(value, "s", line.warn)
    except UnitError as wrong:
        if wrong.kind == "char":
            line.fail(f"unexpected character '{wrong.char}' in argument to <{word}>.", GLUED)
        line.fail(f"timer overflow in argument <{value}> to <{word}>, maximum value is 2147483647 s (~68 years).", GLUED)


def _attribute(line: Line, value: str) -> str:
    """Any characters but controls and `;`."""
    if not value:
        line.fail("'attr' expects <value> as argument.", GLUED)
    bad = next((c for c in value if ord(c) < 32 or ord(c) == 127 or c == ";"), None)
    if bad:
        line.fail(f"character '%x{ord(bad):02X}' is not permitted in attribute value.", GLUED)
    return value


def _compatible(line: Line, said: frozenset[str]) -> None:
    if {"rewrite", "indirect"} <= said:
        line.fail("cookie 'rewrite' and 'indirect' modes are incompatible.")
    if len(said.intersection(MODES)) > 1:
        line.fail("cookie 'rewrite', 'insert' and 'prefix' modes are incompatible.")
    if "preserve" in said and not said & {"insert", "indirect"}:
        line.fail("cookie 'preserve' requires at least 'insert' or 'indirect'.")


@proxy_keyword("dynamic-cookie-key", sections=BACKEND, args=(0, None), source=MANUAL)
def dynamic_cookie_key(line: Line, proxy: Proxy) -> None:
    """`dynamic-cookie-key KEY`: the secret that dynamic cookies are made with."""
    if not line.arg(0):
        line.fail("'dynamic-cookie-key' expects <secret_key> as argument.")
    line.set(proxy, DYNAMIC_KEY, line.arg(0))


@server_option("cookie", args=1, source="manual 5.2")
def server_cookie(line: Line, server: Server, at: int) -> int:
    """`cookie VALUE`: what the persistence cookie says of this server."""
    if not line.words[at + 1]:
        line.fail("'cookie' expects <value> as argument..")
    server[SERVER_COOKIE] = line.words[at + 1]
    return at + 2
