"""Dynamic cookies on the runtime socket (management manual 9.3)."""

from __future__ import annotations

from typing import Any

from haproxy_py.config.keywords.cookie import COOKIE, DYNAMIC_KEY
from haproxy_py.runtime.call import Call
from haproxy_py.runtime.naming import backend_of
from haproxy_py.runtime.operations import operation
from haproxy_py.runtime.registry import Answer, Level, command


def _change(instance: Any, backend: str, on: bool | None, key: str | None) -> None:
    """Take what was said (None: as it is) and make the cookies anew."""
    if backend not in instance.cookie_keys:
        proxy = instance.config.backend(backend)
        cookie = proxy[COOKIE]
        instance.cookie_keys[backend] = bool(cookie and "dynamic" in cookie.switches), proxy[DYNAMIC_KEY] or ""
    before_on, before_key = instance.cookie_keys[backend]
    on, key = before_on if on is None else on, before_key if key is None else key
    instance.cookie_keys[backend] = on, key
    persistence = instance.backends[backend].persistence
    if persistence is not None and persistence.cookie is not None:
        persistence.rekey(key.encode("utf-8", "surrogateescape") if on and key else None)


@operation("dynamic cookies", change=True)
def switch(instance: Any, backend: str, on: bool) -> None:
    """Begin or cease to make them up."""
    _change(instance, backend, on, None)


@operation("dynamic cookie key", change=True)
def set_key(instance: Any, backend: str, key: str) -> None:
    """A new key: new cookies."""
    _change(instance, backend, None, key)


def named(call: Call) -> str:
    """The backend. Raises: Answer."""
    if not call.arg(0):
        raise Answer("A backend name is expected.\n")
    name: str = backend_of(call.instance, call.arg(0)).name
    return name


async def _switch(call: Call, on: bool) -> None:
    await call.service.everywhere("dynamic cookies", named(call), on)


@command(
    "enable dynamic-cookie backend", "enable dynamic-cookie backend <bk>", "enable dynamic cookies on a specific backend",
    level=Level.ADMIN,
)  # fmt: skip
async def enable(call: Call) -> None:
    """Without a key or a cookie in the backend there is nothing to see of it."""
    await _switch(call, True)


@command(
    "disable dynamic-cookie backend", "disable dynamic-cookie backend <bk>", "disable dynamic cookies on a specific backend",
    level=Level.ADMIN,
)  # fmt: skip
async def disable(call: Call) -> None:
    """Servers keep the cookies that their lines give them."""
    await _switch(call, False)


@command(
    "set dynamic-cookie-key backend", "set dynamic-cookie-key backend <bk> <k>", "change a backend secret key for dynamic cookies",
    level=Level.ADMIN,
)  # fmt: skip
async def change_key(call: Call) -> None:
    """`set dynamic-cookie-key backend B KEY`."""
    backend = named(call)
    if not call.arg(1):
        raise Answer("String value expected.\n")
    await call.service.everywhere("dynamic cookie key", backend, call.arg(1))
