"""What one worker can ask of all: named functions on the instance of a process (see bus.py).

    @operation("frontend maxconn", change=True)
    def set_maxconn(instance: Any, name: str, value: int) -> None: ...

A change alters what later workers must start with too, so the supervisor applies it to its own instance, which they are
forked from. A question is for the workers that run. Arguments and values are what JSON can hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Operation:
    """One row."""

    name: str
    run: Callable[..., Any]
    change: bool


OPERATIONS: dict[str, Operation] = {}


def operation(name: str, *, change: bool = False) -> Callable[[F], F]:
    """Register fn(instance, *arguments). Raises: RuntimeError: the name is taken."""

    def register(run: F) -> F:
        if name in OPERATIONS:
            raise RuntimeError(f"operation {name!r} registered by {OPERATIONS[name].run.__module__} and {run.__module__}")
        OPERATIONS[name] = Operation(name, run, change)
        return run

    return register


def apply(instance: Any, name: str, arguments: list[Any]) -> list[Any]:
    """Run an operation here. Returns: ["ok", value] or ["error", what went wrong]; never raises."""
    try:
        return ["ok", OPERATIONS[name].run(instance, *arguments)]
    except Exception as wrong:  # noqa: BLE001 - the other workers and the traffic go on
        return ["error", f"{type(wrong).__name__}: {wrong}"]
