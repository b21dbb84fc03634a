"""Types of balancers.python for Python."""

from collections.abc import Callable
from typing import Any

from balancers.base import Balancer

__all__: list[str]

class PickServer:
    data: Any
    name: str
    id: int
    weight: float
    streams: int
    queued: int
    maxconn: int
    backup: bool

class PickRequest:
    src: str
    method: str
    target: str
    def header(self, name: str) -> str | None: ...

class PythonBalancer(Balancer):
    made: object
    name: str
    def __init__(self, name: str, make: Callable[[], object]) -> None: ...
