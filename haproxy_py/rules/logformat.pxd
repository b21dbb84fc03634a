"""Compiled log formats (see logformat.pyx)."""

from libc.stdint cimport uint32_t
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.rule cimport LogFormat

cdef enum LogFlag:
    LOG_QUOTE = 1            # +Q
    LOG_HEX = 2              # +X
    LOG_ESC = 4              # +E
    LOG_MANDATORY = 8        # an empty value shows as "-" (logs)
    LOG_HTTP = 16            # controls become %XX (headers, locations)

cdef class LogNode:
    """A piece of a format. `emit` writes at most `room` bytes and returns how many;"""
    cdef readonly str name
    cdef readonly int flags
    cdef readonly bint vanishes          # empty, it takes the blank behind it along (captures that nobody declared)
    cdef uint32_t emit(self, Txn t, char *out, uint32_t room) noexcept

cdef class Format(LogFormat):
    cdef readonly bint wants_uri         # some node reads Txn.uri

cdef class UniqueId:
    """unique-id-format and unique-id-header of a frontend."""
    cdef readonly LogFormat format
    cdef readonly bytes header           # lower case; None: none
    cdef bytes make(self, Txn t)         # txn.unique_id, made at the first call

# Text as a node shows it: quotes, escapes, "-" for an empty one.
cdef uint32_t put_text(const char *p, uint32_t n, int flags, char *out, uint32_t room) noexcept nogil
