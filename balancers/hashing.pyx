"""`hash-type`: its functions by name, on the keys of requests. The arithmetic is in engine/hashes.pyx."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from haproxy_py.engine.hashes cimport avalanche, crc32, djb2, sdbm, wt6, xxh32

FUNCTIONS = ("sdbm", "djb2", "wt6", "crc32", "none")     # index: HashFunction


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
