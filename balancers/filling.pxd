"""How the table of a map is filled (see filling.pyx)."""

from libc.stdint cimport uint32_t

cdef enum:
    MOST_WEIGHT = 256

# Write `total` places, the sum of `weights` (0..MOST_WEIGHT, one a server). False: out of memory.
cdef bint fill_table(const uint32_t *weights, uint32_t servers, uint32_t total, uint32_t *table) noexcept nogil
