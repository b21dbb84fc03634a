"""The table of balancing algorithms: `balancer("roundrobin", dynamic=True, source="manual 4.2")(RoundRobin)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

C = TypeVar("C", bound=type)


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One row. dynamic: weights may change at run time; argument: what `balance NAME` takes behind the name."""

    name: str
    make: Callable[..., Any]
    dynamic: bool
    argument: str
    source: str
    module: str


_table: dict[str, Algorithm] = {}


def balancer(name: str, *, dynamic: bool, source: str, argument: str = "") -> Callable[[C], C]:
    """Register a Balancer class under the word that `balance` takes. Raises: RuntimeError: the word is taken."""

    def register(cls: C) -> C:
        if name in _table:
            raise RuntimeError(f"balance {name!r} registered by {_table[name].module} and {cls.__module__}")
        _table[name] = Algorithm(name, cls, dynamic, argument, source, cls.__module__)
        return cls

    return register


def names() -> tuple[str, ...]:
    """Every algorithm that is built, sorted."""
    return tuple(sorted(_table))


def find(name: str) -> Algorithm | None:
    """The row of `balance NAME`."""
    return _table.get(name)
