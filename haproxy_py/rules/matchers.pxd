"""Pattern matching methods of ACLs and maps (manual 7.1)."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t, int64_t
from haproxy_py.rules.sample cimport Sample

cdef class Matcher:
    cdef readonly str method                 # as behind -m
    cdef readonly int want                   # SampleType the sample is cast to first; T_ANY: none
    cdef readonly bint fold                  # -i
    cdef readonly int size                   # patterns
    cdef int match(self, Sample *s) noexcept           # 1 yes, 0 no

cdef struct Slot:
    uint64_t hash
    const char *text                         # NULL: free
    uint32_t length

cdef class TextSet:
    """Exact byte strings in an open-addressed table; keeps the bytes objects alive."""
    cdef list kept
    cdef dict seen
    cdef Slot *slots
    cdef uint32_t mask
    cdef uint32_t count
    cdef uint32_t *lengths                   # distinct lengths, ascending
    cdef uint32_t lengths_n
    cdef void _place(self, const char *text, uint32_t n) noexcept
    cdef bint has(self, const char *p, uint32_t n) noexcept
