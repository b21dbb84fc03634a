"""Types of balancers.base for Python; the C side is in base.pxd."""

from collections.abc import Callable, Sequence
from typing import Any

from haproxy_py.engine.shm import ProxySlot, ServerSlot

class Balancer:
    proxy: ProxySlot
    servers: list[ServerSlot]
    allbackups: bool
    fullconn: int
    complain: Callable[[str], None] | None
    by_load: bool
    by_time: bool
    holds: bool
    def configure(self, words: Sequence[str]) -> None: ...
    def state_size(self, servers: int) -> int: ...
    def attach(
        self, proxy: ProxySlot, servers: list[ServerSlot], *, allbackups: bool = False, room: int = 0
    ) -> None: ...
    def append(self, slot: ServerSlot) -> None: ...
    def remove(self, slot: ServerSlot) -> None: ...
    def next_server(self, txn: Any = None, avoid: ServerSlot | None = None) -> ServerSlot | None: ...
    def server_changed(self, server: ServerSlot) -> None: ...
