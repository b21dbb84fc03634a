"""Hash functions as C functions on bytes: the manual's of `hash-type` (4.2) and of the converters (7.3.1), and xxHash."""

from libc.stdint cimport uint8_t, uint32_t

cdef uint32_t sdbm(const uint8_t *p, uint32_t n) noexcept nogil
cdef uint32_t djb2(const uint8_t *p, uint32_t n) noexcept nogil
cdef uint32_t wt6(const uint8_t *p, uint32_t n) noexcept nogil
cdef uint32_t crc32(const uint8_t *p, uint32_t n) noexcept nogil
cdef uint32_t crc32c(uint32_t crc, const uint8_t *p, uint32_t n) noexcept nogil
cdef uint32_t avalanche(uint32_t a) noexcept nogil                 # `avalanche` of hash-type; the ring's points too
cdef uint32_t xxh32(const uint8_t *p, uint32_t n, uint32_t seed) noexcept nogil
