"""Proxies and servers as commands name them."""

from __future__ import annotations

from typing import Any

from haproxy_py.runtime.call import Call
from haproxy_py.runtime.registry import Answer

NO_BACKEND, NO_SERVER, NO_FRONTEND = "No such backend.\n", "No such server.\n", "No such frontend.\n"


def cut(text: str) -> tuple[str, str]:
    """`backend/server` taken apart. Raises: Answer."""
    backend, _, server = text.partition("/")
    if not backend or not server:
        raise Answer("Require 'backend/server'.\n")
    return backend, server


def backend_of(instance: Any, name: str, complaint: str = NO_BACKEND) -> Any:
    """backends.backend.Backend by name or `#id`. Raises: Answer."""
    found = instance.backends.get(name)
    if found is None:
        raise Answer(complaint)
    return found


def server_of(call: Call, i: int = 0) -> Any:
    """backends.server.Server that argument `i` names. Raises: Answer."""
    return find_server(call.instance, call.arg(i))


def find_server(instance: Any, text: str) -> Any:
    """backends.server.Server by "backend/server". Raises: Answer."""
    backend, server = cut(text)
    for each in backend_of(instance, backend).servers:
        if each.name == server:
            return each
    raise Answer(NO_SERVER)


def frontend_of(call: Call, i: int = 0) -> Any:
    """stream.conf.FrontConf that argument `i` names. Raises: Answer."""
    name = call.arg(i)
    if not name:
        raise Answer("A frontend name is expected.\n")
    found = call.instance.frontends.get(name)
    if found is None:
        raise Answer(NO_FRONTEND)
    return found
