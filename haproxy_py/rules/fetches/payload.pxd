"""Fetches of received bytes that other families register under names of their own."""

from libc.stdint cimport int64_t, uint32_t
from haproxy_py.rules.sample cimport Fetch

cdef class Length(Fetch):
    pass

cdef class Payload(Fetch):
    cdef uint32_t offset
    cdef uint32_t length

cdef class LengthValue(Fetch):
    cdef uint32_t at
    cdef uint32_t width
    cdef int64_t value_at
    cdef bint relative

cdef class Body(Payload):
    pass
