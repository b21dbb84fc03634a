"""A reply that the proxy itself makes: error pages, deny, return, redirect (manual 1.3.1, http-error, http-request return)."""

from haproxy_py.engine.message cimport Head

cdef class Reply:
    cdef readonly int status
    cdef readonly bytes reason
    cdef readonly list fields            # [(name, value)] bytes, names in lower case; content-length is added when sent
    cdef readonly bytes body
    cdef bint raw                        # an errorfile: `body` is the whole reply, sent as it is in the file, then closed
    cdef int fill(self, Head head) noexcept      # status line and fields into head, content-length included; -1: no room
