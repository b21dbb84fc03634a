"""balance roundrobin: see roundrobin.pyx. Others let it stand in for them."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from balancers.base cimport Balancer

cdef struct Place:       # of one server
    int32_t due          # pick number of its next turn
    int32_t last         # when its last turn was due
    int32_t rest         # fraction of a pick still to be waited, in 1/weight
    int32_t weight       # effective weight that is applied, 0: out
    uint32_t at          # index in its heap
    uint32_t next        # of the full ones that one pick has met
    uint8_t heap         # 0..2, OUT
    uint8_t backup       # its group
    int64_t order        # heap order, then age
    uint64_t age

cdef struct Group:
    int32_t pos          # picks in this round
    int32_t length       # of this round
    int32_t total        # sum of weights: the length of the next round
    uint32_t unseen      # 0 or 1: which heap
    uint32_t size[3]     # of the heaps

cdef struct State:
    uint32_t generation  # balancers.base.StateHead
    uint32_t ready
    uint64_t age         # stamps, so that equals keep their order
    Group groups[2]      # active, backup

cdef class RoundRobin(Balancer):
    cdef State *st
    cdef Place *places
    cdef uint32_t *heaps          # 2 groups x 3 heaps x room
    cdef int32_t wanted(self, uint32_t i) noexcept
    cdef int take(self, Group *g, uint32_t *heaps) noexcept
    cdef bint full(self, uint32_t i) noexcept
    cdef bint may_serve(self, uint32_t i, Group *g) noexcept
    cdef uint32_t turn(self, Group *g, uint32_t *heaps) noexcept
    cdef void reweigh(self, uint32_t i, int32_t weight) noexcept
    cdef void advance(self, Place *p, Group *g) noexcept
    cdef void schedule(self, uint32_t i) noexcept
    cdef void park(self, uint32_t i, uint32_t heap) noexcept
    cdef void enter(self, uint32_t i, uint32_t heap) noexcept
    cdef void leave(self, uint32_t i) noexcept
    cdef uint32_t *heap_of(self, Place *p) noexcept
    cdef void sift_up(self, uint32_t *heap, uint32_t i, uint32_t at) noexcept
    cdef void sift_down(self, uint32_t *heap, uint32_t size, uint32_t i, uint32_t at) noexcept
