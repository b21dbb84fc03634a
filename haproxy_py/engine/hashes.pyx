"""Hash functions on bytes: key to 32 bits. HAProxy's own arithmetic, so that a key finds the server that it has there.

sdbm and djb2 are public-domain classics; crc32 is that of Ethernet and gzip (ISO 3309), crc32c that of iSCSI and SCTP (RFC 4960 appendix B); wt6 was
made for HAProxy (two words that turn each other by amounts taken from themselves); avalanche is Bob Jenkins' six-shift integer
hash with a multiplier near 3/4 of the range behind it. tests/oracle/test_hash_balance.py compares them with the real haproxy.
"""

from libc.stdint cimport uint8_t, uint32_t

cdef uint32_t crc32_table[256]
cdef uint32_t crc32c_table[256]


cdef void fill(uint32_t *table, uint32_t polynomial) noexcept:
    cdef uint32_t i, j, v
    for i in range(256):
        v = i
        for j in range(8):
            v = (v >> 1) ^ polynomial if v & 1 else v >> 1
        table[i] = v


fill(crc32_table, 0xEDB88320u)
fill(crc32c_table, 0x82F63B78u)


cdef inline uint32_t rotated(uint32_t v, uint32_t by) noexcept nogil:
    return v << (by & 31) | v >> (-by & 31)


cdef uint32_t sdbm(const uint8_t *p, uint32_t n) noexcept nogil:
    cdef uint32_t h = 0, i
    for i in range(n):
        h = p[i] + (h << 6) + (h << 16) - h
    return h


cdef uint32_t djb2(const uint8_t *p, uint32_t n) noexcept nogil:
    cdef uint32_t h = 5381, i
    for i in range(n):
        h = (h << 5) + h + p[i]
    return h


cdef inline uint32_t cyclic(uint32_t crc, const uint8_t *p, uint32_t n, const uint32_t *table) noexcept nogil:
    cdef uint32_t i
    crc = ~crc
    for i in range(n):
        crc = table[(crc ^ p[i]) & 255] ^ (crc >> 8)
    return ~crc


cdef uint32_t crc32(const uint8_t *p, uint32_t n) noexcept nogil:
    return cyclic(0, p, n, crc32_table)


cdef uint32_t crc32c(uint32_t crc, const uint8_t *p, uint32_t n) noexcept nogil:
    """Running checksum; start with 0, the result is final at every point."""
    return cyclic(crc, p, n, crc32c_table)


cdef uint32_t wt6(const uint8_t *p, uint32_t n) noexcept nogil:
    cdef uint32_t a = 0xa53c965au, b = 0x5ca6953au, turn_b = 6, turn_a = 18, mixed, i
    for i in range(n):
        mixed = ~(a ^ p[i])
        a = rotated(~(b + p[i]), turn_b)
        b = rotated(mixed, turn_a)
        mixed = (a >> 16 ^ b) & 0xffff
        turn_b = mixed & 31
        turn_a = mixed >> 11
    return a ^ b


cdef uint32_t avalanche(uint32_t a) noexcept nogil:
    a = (a + 0x7ed55d16u) + (a << 12)
    a = (a ^ 0xc761c23cu) ^ (a >> 19)
    a = (a + 0x165667b1u) + (a << 5)
    a = (a + 0xd3a2646cu) ^ (a << 9)
    a = (a + 0xfd7046c5u) + (a << 3)
    a = (a ^ 0xb55a4f09u) ^ (a >> 16)
    return a * 3221225473u


cdef inline uint32_t word_at(const uint8_t *p) noexcept nogil:
    return p[0] | <uint32_t>p[1] << 8 | <uint32_t>p[2] << 16 | <uint32_t>p[3] << 24


cdef uint32_t xxh32(const uint8_t *p, uint32_t n, uint32_t seed) noexcept nogil:
    """xxHash, 32 bits (its public specification, version 0.1.1)."""
    cdef uint32_t p1 = 2654435761u, p2 = 2246822519u, p3 = 3266489917u, p4 = 668265263u, p5 = 374761393u
    cdef uint32_t lane[4]
    cdef uint32_t h = seed + p5, i = 0, k
    lane[0] = seed + p1 + p2
    lane[1] = seed + p2
    lane[2] = seed
    lane[3] = seed - p1
    while n - i >= 16:
        for k in range(4):
            lane[k] = rotated(lane[k] + word_at(p + i + 4 * k) * p2, 13) * p1
        i += 16
    if n >= 16:
        h = rotated(lane[0], 1) + rotated(lane[1], 7) + rotated(lane[2], 12) + rotated(lane[3], 18)
    h += n
    while n - i >= 4:
        h = rotated(h + word_at(p + i) * p3, 17) * p4
        i += 4
    while i < n:
        h = rotated(h + p[i] * p5, 11) * p1
        i += 1
    h = (h ^ h >> 15) * p2
    h = (h ^ h >> 13) * p3
    return h ^ h >> 16


def xxhash32(bytes data not None, uint32_t seed) -> int:
    """xxHash, 32 bits, of `data`."""
    return xxh32(<const uint8_t *><const char *>data, <uint32_t>len(data), seed)
