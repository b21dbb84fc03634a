"""balance first: the server of the lowest id that has a free slot; weights do not count (manual 4.2, balance).

Ids may be changed by `id` and are unique in a backend; one that comes back takes its old place.
"""

from libc.stdint cimport uint32_t, uint64_t
from haproxy_py.engine.shm cimport ServerSlot
from balancers.ranked cimport Ranked
from balancers.registry import balancer


cdef class First(Ranked):
    def __cinit__(self):
        self.by_load = True

    cdef uint64_t key(self, uint32_t i) noexcept:
        return <uint64_t>(<ServerSlot>self.servers[i]).puid


balancer("first", dynamic=True, source="manual 4.2")(First)
