"""`option forwardfor` and `option originalto` (manual 4.2)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from haproxy_py.config.line import Line
from haproxy_py.config.model import Proxy, Setting
from haproxy_py.config.registry import ANY_PROXY, BACKEND, proxy_keyword

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Forward:
    """header: its name; excepted: networks whose addresses are not told; if_none: only when the header is absent."""

    header: str
    excepted: Network | None = None
    if_none: bool = False


FORWARDFOR: Setting[Forward | None] = Setting("option forwardfor", None)
ORIGINALTO: Setting[Forward | None] = Setting("option originalto", None)
SEND_NAME: Setting[str] = Setting("http-send-name-header", "")
MANUAL = "manual 4.2"


def network(text: str) -> Network | None:
    """An address with an optional mask (bits or, for IPv4, dotted); None when it is neither."""
    address, slash, mask = text.partition("/")
    try:
        return ipaddress.ip_network(f"{address}/{mask}" if slash else address, strict=False)
    except ValueError:
        return None


def _read(line: Line, name: str, header: str, words: str, if_none: bool) -> Forward:
    rest, excepted, absent = line.args, None, False
    while rest:
        if rest[0] == "except":
            excepted = network(rest[1]) if len(rest) > 1 else None
            if excepted is None:
                line.fail(f"'{name} except' expects <address>[/mask] as argument.")
            rest = rest[2:]
        elif rest[0] == "header":
            if len(rest) < 2:
                line.fail(f"'{name} header' expects <header_name> as argument.")
            header, rest = rest[1], rest[2:]
        elif rest[0] == "if-none" and if_none:
            absent, rest = True, rest[1:]
        else:
            line.fail(f"'{name}' only supports optional values: {words}.")
    return Forward(header, excepted, absent)


@proxy_keyword("option forwardfor", sections=ANY_PROXY, args=(0, None), source=MANUAL)
def forwardfor(line: Line, proxy: Proxy) -> None:
    """`option forwardfor [except NET] [header NAME] [if-none]`: tell servers the client's address."""
    made = _read(line, "option forwardfor", "X-Forwarded-For", "'except', 'header' and 'if-none'", True)
    line.set(proxy, FORWARDFOR, made)


@proxy_keyword("option originalto", sections=ANY_PROXY, args=(0, None), source=MANUAL)
def originalto(line: Line, proxy: Proxy) -> None:
    """`option originalto [except NET] [header NAME]`: tell servers the address that the client asked."""
    line.set(proxy, ORIGINALTO, _read(line, "option originalto", "X-Original-To", "'except' and 'header'", False))


@proxy_keyword("http-send-name-header", sections=BACKEND, args=(0, None), source=MANUAL)
def send_name_header(line: Line, proxy: Proxy) -> None:
    """`http-send-name-header FIELD`: requests tell the name of the server that they are sent to."""
    if not line.args or not line.arg(0):
        line.fail("'http-send-name-header' requires a header string.")
    line.set(proxy, SEND_NAME, line.arg(0))
