"""How the servers of a backend are laid out for a balancer that looks up numbers or walks in a fixed order.

Two kinds: map.Map (hash-type map-based, static-rr) and ring.Ring (hash-type consistent, random). Each has a block of the
segment that starts with zero bytes and is guarded by ProxyShared.lock; every method below is called with the lock held.
"""

from libc.stddef cimport size_t
from libc.stdint cimport uint32_t
from balancers.base cimport Balancer

cdef class Layout:
    cdef Balancer owner
    cdef size_t block_bytes(self, uint32_t servers) noexcept
    cdef void start(self, Balancer owner, void *block) noexcept     # the owner's servers are known; once, before the fork
    cdef void sync(self) noexcept                                   # weights or states have changed
    cdef void repair(self) noexcept                                 # the block may be half written: make it anew
    cdef int find(self, uint32_t hash, int avoid) noexcept          # server of a number, -1: none is usable
    cdef int turn(self, int avoid) noexcept                         # whose turn it is among those with a free slot, -1: none
    cdef void note_load(self, uint32_t i) noexcept                  # the streams on a server have changed (ring with a factor)
    cdef bint full(self, uint32_t i) noexcept
