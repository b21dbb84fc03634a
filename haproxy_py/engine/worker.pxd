"""What every part of one worker process shares: its reactor, pools and segment."""

from libc.stdint cimport uint32_t, uint64_t
from haproxy_py.engine.reactor cimport Reactor
from haproxy_py.engine.buffers cimport BufferPool, PipePool
from haproxy_py.engine.shm cimport Segment
from haproxy_py.engine.message cimport Head

cdef class Worker:
    cdef readonly Reactor reactor
    cdef readonly BufferPool buffers
    cdef readonly BufferPool big_buffers   # for long transfers over TLS
    cdef readonly PipePool pipes
    cdef readonly Segment segment
    cdef readonly uint32_t maxrewrite      # tune.maxrewrite: bytes of a buffer that a received head must leave free
    cdef readonly uint32_t maxhdr          # tune.http.maxhdr
    cdef public bint stopping              # soft stop: replies close their connections
    cdef public uint64_t spread_ms         # close-spread-time; 0: connections are closed at once, UINT64_MAX: never by a soft stop
    cdef uint64_t stopping_ms              # monotonic, when the soft stop began
    cdef public bint splice                # kernel splicing allowed (-dS and `nosplice` forbid it)
    cdef void *newest_session              # stream.session keeps its list here
    cdef public object hall                # backends.queue keeps those who wait here
    cdef list heads                        # pooled Head objects
    cdef Head take_head(self)
    cdef bint closes_now(self) noexcept    # a soft stop runs and this connection is one to close
    cdef bint spreads(self) noexcept       # ... and closes those that wait one after the other (manual 3.1, close-spread-time)
    cdef uint64_t lot(self) noexcept       # ms until one of them is to go: drawn by chance from what is left of the time
    cdef void give_head(self, Head head) noexcept
