"""The table of balancing algorithms: `balancer("roundrobin", dynamic=True, source="manual 4.2")(RoundRobin)`.

A Cython class that inherits balancers.base.Balancer stands under the word that `balance` takes. Any other class is a user's:
`@balancer("NAME")` makes it `balance python.NAME` (balancers.python).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
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


def balancer(name: str, *, dynamic: bool = True, source: str = "", argument: str = "") -> Callable[[C], C]:
    """Register a class: a Balancer under `name`, any other with a method `pick` under `python.NAME`.

    Raises: RuntimeError: the word is taken; TypeError: a class without pick(); ValueError: no name.
    """

    def register(cls: C) -> C:
        row = Algorithm(name, cls, dynamic, argument, source, cls.__module__)
        if not hasattr(cls, "attach"):
            row = _of_user(cls, name, source)
        if row.name in _table:
            raise RuntimeError(f"balance {row.name!r} registered by {_table[row.name].module} and {cls.__module__}")
        _table[row.name] = row
        return cls

    return register


def _of_user(cls: type, name: str, source: str) -> Algorithm:
    """The row of a Python class."""
    from balancers.python import PythonBalancer

    if not name or any(c.isspace() or c in "()\"'#" for c in name):
        raise ValueError(f"a balancer needs a name of one word, without brackets and quotes, not {name!r}")
    if not callable(getattr(cls, "pick", None)):
        raise TypeError(f"balancer {name!r}: {cls.__qualname__} has no method pick(servers, request)")
    return Algorithm(f"python.{name}", partial(PythonBalancer, name, cls), True, "", source, cls.__module__)


def names() -> tuple[str, ...]:
    """Every algorithm that is built or loaded, sorted."""
    return tuple(sorted(_table))


def find(name: str) -> Algorithm | None:
    """The row of `balance NAME`."""
    return _table.get(name)
