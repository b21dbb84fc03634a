"""The hash functions of `hash-type` (manual 4.2) by number."""

from libc.stdint cimport uint8_t, uint32_t

cdef enum HashFunction:
    HASH_SDBM = 0
    HASH_DJB2
    HASH_WT6
    HASH_CRC32
    HASH_NONE            # the key is a decimal number already

cdef uint32_t hash_bytes(int function, const uint8_t *p, uint32_t n) noexcept nogil
