"""Types of balancers.testing for Python."""

from collections.abc import Iterable, Sequence

from balancers.base import Balancer
from haproxy_py.engine.shm import ProxySlot, Segment, ServerSlot

class Pool:
    segment: Segment
    proxy: ProxySlot
    balancer: Balancer
    servers: list[ServerSlot]
    nbsrv: int
    tot_weight: int
    def __init__(
        self,
        make: type[Balancer],
        weights: Sequence[int],
        *,
        backups: Iterable[int] = (),
        allbackups: bool = False,
        workers: int = 1,
    ) -> None: ...
    def pick(self) -> int | None: ...
    def picks(self, n: int) -> list[int | None]: ...
    def weight(self, i: int, weight: int) -> None: ...
    def up(self, i: int, up: bool = True) -> None: ...
    def down(self, i: int) -> None: ...
    def limit(self, i: int, maxconn: int, scur: int) -> None: ...
