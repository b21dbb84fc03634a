"""Configured persistence -> a Persistence for the backend, None when nothing asks for one. Called before the fork."""

from __future__ import annotations

from backends.persistence import CookiePlan, Persistence
from backends.persistence_keywords import PERSIST_RDP, PERSIST_RULES, USE_SERVER
from backends.server import Server
from haproxy_py.config.keywords import options
from haproxy_py.config.keywords import proxy as words
from haproxy_py.config.keywords.cookie import COOKIE, DYNAMIC_KEY, SERVER_COOKIE, Cookie
from haproxy_py.config.model import Proxy
from haproxy_py.config.model import Server as ServerItem
from haproxy_py.engine.shm import ProxySlot


def build_persistence(proxy: Proxy, slot: ProxySlot, servers: list[Server]) -> Persistence | None:
    """servers: the backend's own list, which servers added at run time join."""
    cookie = proxy[COOKIE] if proxy[words.MODE] == "http" else None
    if not (cookie or proxy[USE_SERVER] or proxy[PERSIST_RULES] or proxy[PERSIST_RDP]):
        return None
    return Persistence(
        slot,
        servers,
        cookie=cookie_plan(cookie, proxy[DYNAMIC_KEY]) if cookie else None,
        switches=proxy[USE_SERVER] or None,
        conditions=proxy[PERSIST_RULES] or None,
        rdp=_raw(proxy[PERSIST_RDP]) if proxy[PERSIST_RDP] else None,
        anyway=bool(proxy[options.PERSIST]),
    )


def give_cookie(made: Server, item: ServerItem) -> None:
    """The cookie that a server line names."""
    if item[SERVER_COOKIE]:
        made.cookie = _raw(item[SERVER_COOKIE])
        made.own_cookie = True


def cookie_plan(cookie: Cookie, key: str) -> CookiePlan:
    """What a `cookie` line said, ready to use; the attributes in HAProxy's order."""
    attributes = [f"domain={'; domain='.join(cookie.domains)}"] if cookie.domains else []
    attributes += [text for word, text in (("httponly", "HttpOnly"), ("secure", "Secure")) if word in cookie.switches]
    attributes += cookie.attributes
    return CookiePlan(
        _raw(cookie.name),
        modes=cookie.switches,
        maxidle=cookie.maxidle,
        maxlife=cookie.maxlife,
        attributes=_raw("".join(f"; {text}" for text in attributes)),
        key=_raw(key) if key else None,
    )


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
