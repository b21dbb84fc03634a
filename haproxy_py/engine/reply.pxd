"""A reply that the proxy itself makes: error pages, deny, return, redirect (manual 1.3.1, http-error, http-request return)."""

from haproxy_py.engine.message cimport Head

cdef class Reply:
    cdef readonly int status
    cdef readonly int logged             # status for logs and counters: a page that stands in for another keeps that one's
    cdef readonly int version            # 10 or 11: of the status line (an errorfile says it)
    cdef readonly bytes reason
    cdef readonly list fields            # [(name, value)] bytes, names in lower case, content-length among them
    cdef readonly bytes body
    cdef readonly bint closes            # the client connection ends after it: no length, or the page says so
    cdef readonly bint raw               # an empty errorfile: nothing is sent, the connection is closed
    cdef readonly int unsent             # bytes of fields that HAProxy drops on the way out but counts in its logs
    cdef int fill(self, Head head) noexcept      # status line and fields into head; -1: no room

cdef Reply rule_reply(int status, bytes reason, list fields, bytes body, bytes content_type)
