"""See layout.pxd."""

from libc.stddef cimport size_t
from libc.stdint cimport uint32_t
from balancers.base cimport Balancer, server_full


cdef class Layout:
    """Subclasses override all that they need but full()."""

    cdef size_t block_bytes(self, uint32_t servers) noexcept:
        return 0

    cdef void start(self, Balancer owner, void *block) noexcept:
        self.owner = owner

    cdef void sync(self) noexcept:
        pass

    cdef void repair(self) noexcept:
        pass

    cdef int find(self, uint32_t hash, int avoid) noexcept:
        return -1

    cdef int turn(self, int avoid) noexcept:
        return -1

    cdef void note_load(self, uint32_t i) noexcept:
        pass

    cdef bint full(self, uint32_t i) noexcept:
        return server_full(self.owner.shared[i], self.owner.proxy.shared.scur, self.owner.fullconn)
