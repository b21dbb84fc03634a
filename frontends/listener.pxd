"""A listening socket in one worker."""

from libc.stdint cimport uint16_t, uint32_t, uint64_t
from haproxy_py.engine.addr cimport Addr
from haproxy_py.engine.shm cimport ProxySlot
from haproxy_py.engine.sys cimport sockaddr
from haproxy_py.engine.worker cimport Worker
from haproxy_py.stream.session cimport Door, Session

cdef class Listener(Door):
    cdef Worker worker
    cdef readonly object key               # what the supervisor knows the descriptor by
    cdef public uint32_t maxconn           # of the bind line; 0: none
    cdef ProxySlot limit                   # counts its connections in all workers when it has a maxconn; else None
    cdef bint in_rate(self) noexcept
    cdef void give_rates(self) noexcept
    cdef bint full(self) noexcept
    cdef void uncount(self) noexcept
    cdef bint paused
    cdef bint on_unix
    cdef uint16_t number                   # id of the bind line in its proxy
    cdef int tcp_ut
    cdef Addr address                      # of every connection; family 0: each its own (wildcard)
    cdef void learn_address(self) noexcept
    cdef void accept_some(self) noexcept
    cdef bint admit(self) noexcept
    cdef bint has_room(self) noexcept
    cdef void note_peak(self) noexcept
    cdef void pause(self) noexcept
    cdef void welcome(self, int fd, sockaddr *sa) noexcept
    cdef void wake_waiting(self) noexcept
