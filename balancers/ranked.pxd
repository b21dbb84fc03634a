"""Balancers that take the lowest of a rank: a heap of servers per group (active, backup) in the segment."""

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from haproxy_py.engine.shm cimport ServerSlot
from haproxy_py.engine.txn cimport Txn
from balancers.base cimport Balancer

cdef struct Standing:    # of one server
    uint64_t rank        # what the algorithm goes by, FULL_RANK: no slot is free
    uint64_t age         # of equals the one that has been there longest comes first
    uint64_t key         # the algorithm's own: the rank it would have with a free slot
    uint32_t at          # index in its heap
    uint32_t weight      # effective weight that is applied, 0: in no heap
    uint32_t load        # the algorithm's own: streams when the key was made
    uint8_t backup       # its group

cdef struct RankedState:
    uint32_t generation  # balancers.base.StateHead
    uint32_t ready
    uint64_t age         # stamps
    uint32_t size[2]     # of the heaps: active, backup

cdef class Ranked(Balancer):
    cdef RankedState *st
    cdef Standing *standing
    cdef uint32_t *heaps                  # 2 x room
    cdef uint64_t key(self, uint32_t i) noexcept              # for subclasses: lower is taken first; lock held
    cdef bint full(self, uint32_t i) noexcept                 # for subclasses: may not be taken now, whatever its rank
    cdef bint room_ever(self, uint32_t i) noexcept            # for subclasses: a slot is free when its limit is at the top
    cdef uint32_t wanted(self, uint32_t i) noexcept
    cdef uint64_t stamp(self) noexcept
    cdef void rerank(self, uint32_t i) noexcept               # its key or fullness may have changed; lock held
    cdef int lowest(self, uint32_t *heap, uint32_t size) noexcept
    cdef int lowest_of_all(self, uint32_t *heap, uint32_t size, int avoided) noexcept
    cdef void enter(self, uint32_t i) noexcept
    cdef void leave(self, uint32_t i) noexcept
    cdef void place_again(self, uint32_t i) noexcept
    cdef uint32_t sift_up(self, uint32_t *heap, uint32_t i, uint32_t at) noexcept
    cdef uint32_t sift_down(self, uint32_t *heap, uint32_t size, uint32_t i, uint32_t at) noexcept
