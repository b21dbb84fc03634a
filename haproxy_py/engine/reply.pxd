"""A reply that the proxy itself makes: error pages, deny, return, redirect (manual 1.3.1, http-error, http-request return)."""

from haproxy_py.engine.message cimport Head

cdef class Reply:
    cdef readonly int status
    cdef readonly int version            # 10 or 11: of the status line (an errorfile says it)
    cdef readonly bytes reason
    cdef readonly list fields            # [(name, value)] bytes, names in lower case; content-length is added in front unless it is here
    cdef readonly bytes body
    cdef readonly bint closes            # no content-length: the end of the connection ends the body
    cdef readonly bint raw               # an empty errorfile: nothing is sent, the connection is closed
    cdef int fill(self, Head head) noexcept      # status line and fields into head, content-length included; -1: no room
