"""Services by the name that `http-request use-service` gives them. One call beside the code adds one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from haproxy_py.rules.actionset import HTTP_REQUEST

# name -> (maker of a service, told the `world`, an Instance, by its resolve(); rule sets that may use it; complaint)
SERVICES: dict[str, tuple[Callable[[], Any], tuple[str, ...], str]] = {}


def service(name: str, *, rules: tuple[str, ...] = (HTTP_REQUEST,), elsewhere: str = "") -> Callable[[Any], Any]:
    """Register a Service class. elsewhere: what is said about rule sets that cannot use it. A duplicate fails at import."""

    def register(make: Any) -> Any:
        if name in SERVICES:
            raise RuntimeError(f"service {name!r} registered twice")
        SERVICES[name] = (make, rules, elsewhere)
        return make

    return register
