"""balance sticky: one server takes everything until it goes down (HAProxy 3.x manual 4.2, balance).

The first usable server of the list is used, even if it is full: then its queue is. One that comes back is added at the
end of the list, so that nothing moves before the server in use goes down.
"""

from libc.stdint cimport uint32_t, uint64_t
from balancers.ranked cimport Ranked
from balancers.registry import balancer


cdef class Sticky(Ranked):
    def __cinit__(self):
        self.holds = True

    cdef uint64_t key(self, uint32_t i) noexcept:
        return 0

    cdef bint full(self, uint32_t i) noexcept:
        return False

    cdef bint room_ever(self, uint32_t i) noexcept:
        return True

    cdef uint32_t wanted(self, uint32_t i) noexcept:
        """A new weight does not move a server."""
        return 1 if Ranked.wanted(self, i) else 0


balancer("sticky", dynamic=False, source="HAProxy 3.x manual 4.2")(Sticky)
