"""One process follows what any process did to its servers."""

from libc.stdint cimport uint32_t
from haproxy_py.engine.shm cimport Segment
from backends.backend cimport Backend
from backends.server cimport Server

cdef class Follower:
    cdef Segment segment
    cdef readonly list backends               # Backend
    cdef uint32_t seen                        # GlobalShared.life when it last looked
    cdef readonly set warming                 # ServerSlot in slowstart, found by looks; whoever warms them takes them out
    cdef readonly set hurried                 # ServerSlot to be checked soon; whoever checks takes them out
    cdef public object heard                  # called without arguments after a look that found something, or None
    cdef int look(self) noexcept              # streams that were moved or served
    cdef int look_at(self, Backend b) noexcept
    cdef void look_at_server(self, Server s) noexcept
