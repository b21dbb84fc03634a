"""Dynamic cookies on the runtime socket (management manual 9.3)."""

from __future__ import annotations

from typing import Any

from haproxy_py.runtime.call import Call
from haproxy_py.runtime.naming import backend_of
from haproxy_py.runtime.operations import operation
from haproxy_py.runtime.registry import Answer, Level, command


def _about(instance: Any, backend: str) -> Any:
    """backends.persistence.CookiePlan of a backend, None: it has no cookie."""
    persistence = instance.backends[backend].persistence
    return persistence.cookie if persistence is not None else None


@operation("dynamic cookies", change=True)
def switch(instance: Any, backend: str, on: bool) -> None:
    """Begin or cease to make them up."""
    plan = _about(instance, backend)
    if plan is not None:
        plan.make_dynamic(on)


@operation("dynamic cookie key", change=True)
def set_key(instance: Any, backend: str, key: str) -> None:
    """A new key: new cookies."""
    plan = _about(instance, backend)
    if plan is not None:
        plan.change_key(key.encode("utf-8", "surrogateescape"))


async def _switch(call: Call, on: bool) -> None:
    await call.service.everywhere("dynamic cookies", backend_of(call.instance, call.arg(0)).name, on)


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
    backend = backend_of(call.instance, call.arg(0)).name
    if not call.arg(1):
        raise Answer("String value expected.\n")
    await call.service.everywhere("dynamic cookie key", backend, call.arg(1))
