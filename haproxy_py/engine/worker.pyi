"""Types of engine.worker for Python; the C side is in worker.pxd."""

import asyncio

from haproxy_py.engine.buffers import BufferPool, PipePool
from haproxy_py.engine.reactor import Reactor
from haproxy_py.engine.shm import Segment

class Worker:
    reactor: Reactor
    buffers: BufferPool
    pipes: PipePool
    segment: Segment
    maxrewrite: int
    maxhdr: int
    stopping: bool
    spread_ms: int
    splice: bool
    def __init__(
        self,
        segment: Segment,
        *,
        bufsize: int = 16384,
        maxrewrite: int = 1024,
        maxhdr: int = 101,
        pipesize: int = 262144,
        splice: bool = True,
    ) -> None: ...
    def open(self, loop: asyncio.AbstractEventLoop, *, linger_ms: int = 0) -> None: ...
    def close(self) -> None: ...
    def begin_stopping(self) -> None: ...
    @property
    def newest_session_exists(self) -> bool: ...
