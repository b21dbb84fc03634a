"""The things of one worker process, made once and handed to every connection."""

from libc.stdint cimport UINT64_MAX, uint64_t
from libc.stdlib cimport rand
from haproxy_py.engine.reactor cimport Reactor
from haproxy_py.engine.buffers cimport BufferPool, PipePool
from haproxy_py.engine.shm cimport Segment
from haproxy_py.engine.message cimport Head


cdef enum:
    BIG = 65536               # four TLS records
    HTX_HEAD = 48             # what HAProxy keeps for itself in a buffer that holds a head


cdef class Worker:
    """Args: segment: the shared mapping. bufsize, maxrewrite, maxhdr: tune.* (manual 3.2); pipesize: bytes a pipe may hold."""

    def __init__(self, Segment segment, *, bufsize: int = 16384, maxrewrite: int = 1024, maxhdr: int = 101,
                 pipesize: int = 262144, splice: bool = True):
        self.buffers = BufferPool(bufsize)
        self.big_buffers = BufferPool(BIG, 64)
        self.pipes = PipePool(pipesize)
        self.segment = segment
        self.maxrewrite = max(64, min(maxrewrite, bufsize // 2))
        self.maxhdr = maxhdr
        self.splice = splice
        self.heads = []

    def open(self, loop, *, linger_ms: int = 0) -> None:
        """Make the reactor and nest it in `loop`. Called in the process that will run it: an epoll set is not shared.

        linger_ms: see Reactor.turn; for processes that do nothing but proxy.
        """
        self.reactor = Reactor()
        self.reactor.linger_ms = linger_ms
        self.reactor.attach(loop)

    def close(self) -> None:
        """Leave the loop."""
        if self.reactor is not None:
            self.reactor.detach()

    @property
    def newest_session_exists(self) -> bool:
        """Whether any client is connected to this worker."""
        return self.newest_session != NULL

    def begin_stopping(self) -> None:
        """A soft stop runs from now on."""
        self.stopping = True
        self.reactor.tick()
        self.stopping_ms = self.reactor.now_ms

    cdef bint spreads(self) noexcept:
        return self.stopping and self.spread_ms != 0 and self.spread_ms != UINT64_MAX

    cdef uint64_t lot(self) noexcept:
        cdef uint64_t end = self.stopping_ms + self.spread_ms
        return 1 + (<uint64_t>rand() % (end - self.reactor.now_ms) if end > self.reactor.now_ms else 0)

    cdef bint closes_now(self) noexcept:
        cdef uint64_t passed
        if not self.stopping or self.spread_ms == 0:
            return self.stopping
        passed = self.reactor.now_ms - self.stopping_ms
        return self.spread_ms != UINT64_MAX and <uint64_t>rand() % self.spread_ms < passed

    cdef Head take_head(self):
        cdef Head head
        if self.heads:
            return <Head>self.heads.pop()
        head = Head()
        head.room = self.buffers.size - HTX_HEAD
        return head

    cdef void give_head(self, Head head) noexcept:
        head.clear()
        if len(self.heads) < 1024:
            self.heads.append(head)
