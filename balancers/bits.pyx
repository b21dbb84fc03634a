"""See bits.pxd."""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

cdef extern from *:
    int __builtin_ctzll(uint64_t) nogil
    int __builtin_clzll(uint64_t) nogil


cdef size_t bits_bytes(uint32_t size) noexcept nogil:
    cdef uint32_t words = (size + 63) // 64
    cdef size_t total = words
    while words > 1:
        words = (words + 63) // 64
        total += words
    return total * sizeof(uint64_t)


cdef void bits_view(Bits *b, void *words, uint32_t size) noexcept nogil:
    cdef uint64_t *at = <uint64_t *>words
    cdef uint32_t n = (size + 63) // 64
    b.size = size
    b.tier[0] = at
    b.tiers = 1
    while n > 1:
        at += n
        b.tier[b.tiers] = at
        b.tiers += 1
        n = (n + 63) // 64


cdef void bits_clear(Bits *b) noexcept nogil:
    memset(b.tier[0], 0, bits_bytes(b.size))


cdef void bits_add(Bits *b, uint32_t i) noexcept nogil:
    cdef int t
    for t in range(b.tiers):
        b.tier[t][i >> 6] |= <uint64_t>1 << (i & 63)
        i >>= 6


cdef void bits_drop(Bits *b, uint32_t i) noexcept nogil:
    cdef int t
    for t in range(b.tiers):
        b.tier[t][i >> 6] &= ~(<uint64_t>1 << (i & 63))
        if b.tier[t][i >> 6]:
            return
        i >>= 6


cdef int64_t bits_from(Bits *b, uint32_t i) noexcept nogil:
    cdef uint64_t word
    cdef int t = 0
    if i >= b.size:
        return -1
    while True:
        word = b.tier[t][i >> 6] >> (i & 63)
        if word:
            i += __builtin_ctzll(word)
            break
        t += 1
        if t == b.tiers:
            return -1
        i = (i >> 6) + 1
        if i >= (b.size + (1 << 6 * t) - 1) >> 6 * t:
            return -1
    while t:
        t -= 1
        i = (i << 6) + __builtin_ctzll(b.tier[t][i])
    return i


cdef int64_t bits_upto(Bits *b, uint32_t i) noexcept nogil:
    cdef uint64_t word
    cdef int t = 0
    if i >= b.size:
        i = b.size - 1
    while True:
        word = b.tier[t][i >> 6] << (63 - (i & 63))
        if word:
            i -= __builtin_clzll(word)
            break
        t += 1
        if t == b.tiers or i < 64:
            return -1
        i = (i >> 6) - 1
    while t:
        t -= 1
        i = (i << 6) + 63 - __builtin_clzll(b.tier[t][i])
    return i
