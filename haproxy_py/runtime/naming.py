"""Proxies and servers as commands name them."""

from __future__ import annotations

from typing import Any

from haproxy_py.config.units import atoi, leading_int
from haproxy_py.runtime.call import Call
from haproxy_py.runtime.registry import Answer

NO_BACKEND, NO_SERVER = "No such backend.\n", "No such server.\n"


def cut(text: str) -> tuple[str, str]:
    """`backend/server` taken apart. Raises: Answer."""
    backend, _, server = text.partition("/")
    if not backend or not server:
        raise Answer("Require 'backend/server'.\n")
    return backend, server


def proxy_name(instance: Any, text: str) -> str:
    """What a proxy's name or `#id` stands for; "" for an id that nobody has."""
    if text[:1] != "#":
        return text
    parts, number = instance.statistics.parts, atoi(text[1:])
    return next((proxy.name for proxy in parts.proxies if parts.iid(proxy) == number), "")


def backend_of(instance: Any, name: str, complaint: str = NO_BACKEND) -> Any:
    """backends.backend.Backend by name or `#id`. Raises: Answer."""
    found = instance.backends.get(proxy_name(instance, name))
    if found is None:
        raise Answer(complaint)
    return found


def server_of(call: Call, i: int = 0) -> Any:
    """backends.server.Server that argument `i` names. Raises: Answer."""
    return find_server(call.instance, call.arg(i))


def find_server(instance: Any, text: str) -> Any:
    """backends.server.Server by "backend/server", either as `#id` too. Raises: Answer."""
    backend, server = cut(text)
    servers = backend_of(instance, backend).servers
    for each in servers:
        if each.name == server:
            return each
    if server[:1] == "#":
        for each in servers:
            if each.slot.puid == leading_int(server[1:]):
                return each
    raise Answer(NO_SERVER)
