"""The table behind `hash-type map-based` and `balance static-rr`: each usable server as often as its weight says."""

from libc.stddef cimport size_t
from libc.stdint cimport uint32_t
from balancers.base cimport Balancer
from balancers.layout cimport Layout

cdef struct MapHead:
    uint32_t length      # of the table; 0: no server is usable
    uint32_t position    # of turn()

cdef class Map(Layout):
    cdef MapHead *head
    cdef uint32_t divisor        # greatest common divisor of the configured weights
    cdef uint32_t *weights       # applied ones, by server; 0: not in the table
    cdef uint32_t *table         # server numbers
    cdef uint32_t wanted(self, uint32_t i) noexcept
    cdef uint32_t group_total(self, bint backup) noexcept
    cdef void rebuild(self) noexcept
