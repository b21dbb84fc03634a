"""Reason phrases of known statuses (RFC 9110 15)."""

from libc.stdint cimport uint32_t

cdef const char *reason_of(int status, uint32_t *n) noexcept nogil     # "Other" outside 100..599
