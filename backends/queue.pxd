"""The queues of a backend, and the streams of this worker that are in one."""

from libc.stdint cimport uint32_t
from haproxy_py.engine.reactor cimport Source
from haproxy_py.engine.shm cimport ProxySlot, Segment
from haproxy_py.engine.worker cimport Worker
from backends.server cimport Server, ServerUser

cdef enum Added:
    Q_IN = 1
    Q_LIMIT = 0          # maxqueue is reached
    Q_NO_ROOM = -1       # more streams wait in this worker than it has room for

cdef class Hall(Source):
    """One a worker (hall_of)."""
    cdef Worker worker
    cdef Segment segment
    cdef list users                        # ServerUser by number of its waiter - first; None: free, or its stream has left
    cdef uint32_t first                    # number of this worker's first waiter, 0: not known yet
    cdef uint32_t free                     # chain of those given back
    cdef uint32_t take(self, ServerUser u) noexcept        # a waiter for it, 0: no room
    cdef void give(self, uint32_t n) noexcept
    cdef ServerUser user(self, uint32_t n)
    cdef void open_letter(self, uint32_t n) noexcept

cdef class Queues:
    """All queues of one backend: its own and those of its servers."""
    cdef Hall hall
    cdef Segment segment
    cdef ProxySlot slot
    cdef list servers                      # of the Backend
    cdef bint allbackups
    cdef int add(self, ServerUser u, Server s) noexcept    # s None: the backend's queue
    cdef void leave(self, ServerUser u) noexcept
    cdef int serve(self, Server s) noexcept                # hand the free slots of `s` out; how many
    cdef int serve_all(self) noexcept
    cdef uint32_t release(self, Server s, bint any) noexcept
    cdef bint helps_backend(self, Server s) noexcept
    cdef int redistribute(self, Server s) noexcept
    cdef void grant(self, uint32_t n, Server s) noexcept
    cdef bint foreign(self, uint32_t n) noexcept
