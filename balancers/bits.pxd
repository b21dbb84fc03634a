"""Sets of small numbers in which the nearest member above or below a number is found in a few steps.

A set of `size` numbers is a tree of 64-bit words: tier 0 has a bit for each number, a bit of tier n + 1 says that a word of
tier n is not empty. Five tiers hold 2^30 numbers. The words may lie in shared memory: `Bits` is only a view of them.
"""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef enum:
    TIERS = 5

cdef struct Bits:
    uint64_t *tier[TIERS]
    int tiers
    uint32_t size

cdef size_t bits_bytes(uint32_t size) noexcept nogil                      # of the words for `size` numbers
cdef void bits_view(Bits *b, void *words, uint32_t size) noexcept nogil   # the words are as they are; zeroed ones: empty
cdef void bits_clear(Bits *b) noexcept nogil
cdef void bits_add(Bits *b, uint32_t i) noexcept nogil
cdef void bits_drop(Bits *b, uint32_t i) noexcept nogil
cdef int64_t bits_from(Bits *b, uint32_t i) noexcept nogil                # smallest member >= i, -1: none
cdef int64_t bits_upto(Bits *b, uint32_t i) noexcept nogil                # largest member <= i, -1: none
