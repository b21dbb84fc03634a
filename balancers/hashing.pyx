"""Hash functions: key to 32 bits. HAProxy's own arithmetic, so that a key finds the server that it has there.

sdbm and djb2 are public-domain classics; crc32 is that of Ethernet and gzip (ISO 3309); wt6 was made for HAProxy (two words
that turn each other by amounts taken from themselves); avalanche is Bob Jenkins' six-shift integer hash with a multiplier
near 3/4 of the range behind it. tests/oracle/test_hash_balance.py compares all of them with the real haproxy.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

FUNCTIONS = ("sdbm", "djb2", "wt6", "crc32", "none")     # index: HashFunction

cdef uint32_t crc_table[256]


cdef void fill_crc_table() noexcept:
    cdef uint32_t i, j, v
    for i in range(256):
        v = i
        for j in range(8):
            v = (v >> 1) ^ 0xEDB88320u if v & 1 else v >> 1
        crc_table[i] = v


fill_crc_table()


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


cdef uint32_t crc32(const uint8_t *p, uint32_t n) noexcept nogil:
    cdef uint32_t v = 0xffffffffu, i
    for i in range(n):
        v = crc_table[(v ^ p[i]) & 255] ^ (v >> 8)
    return ~v


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


cdef uint32_t number(const uint8_t *p, uint32_t n) noexcept nogil:
    """The decimal number that the key begins with, a sign before it allowed; 0 without digits."""
    cdef uint64_t v = 0
    cdef uint32_t i = 0
    cdef bint minus = n > 0 and p[0] == c'-'
    if n and (p[0] == c'-' or p[0] == c'+'):
        i = 1
    while i < n and c'0' <= p[i] <= c'9':
        v = v * 10 + (p[i] - c'0')
        i += 1
    return <uint32_t>(0 - v if minus else v)


cdef uint32_t hash_bytes(int function, const uint8_t *p, uint32_t n) noexcept nogil:
    if function == HASH_DJB2:
        return djb2(p, n)
    if function == HASH_WT6:
        return wt6(p, n)
    if function == HASH_CRC32:
        return crc32(p, n)
    if function == HASH_NONE:
        return number(p, n)
    return sdbm(p, n)


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


def numbered(str function not None) -> int:
    """HashFunction of a word of hash-type. Raises: ValueError: no such function."""
    if function not in FUNCTIONS:
        raise ValueError(f"no hash function {function!r}, there are {', '.join(FUNCTIONS)}")
    return FUNCTIONS.index(function)


def digest(str function not None, bytes key not None, str modifier="") -> int:
    """`hash-type ... FUNCTION [avalanche]` of a key. Raises: ValueError: no such function."""
    cdef uint32_t h = hash_bytes(numbered(function), key, <uint32_t>len(key))
    return avalanche(h) if modifier else h


def scatter(uint32_t number) -> int:
    """avalanche() of a number."""
    return avalanche(number)


def xx(bytes key not None, uint32_t seed=0) -> int:
    """xxh32() of a key."""
    return xxh32(key, <uint32_t>len(key), seed)
