"""The body of a request (manual 7.3.6: req.body)."""

from libc.stdint cimport uint32_t
from haproxy_py.engine.request_body cimport request_body
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.registry import fetch
from haproxy_py.rules.sample cimport Fetch, Sample, T_BIN


cdef class RequestBody(Fetch):
    """req.body: what of the body is in the buffer (option http-buffer-request)."""

    def setup(self, list args) -> None:
        pass

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef const char *p = NULL
        cdef uint32_t n = 0
        if not t.req_seen:
            return -1 if t.http else 0
        if not request_body(t, &p, &n):
            return 0
        s.type = T_BIN
        s.ptr = p
        s.len = n
        return 1


fetch("req.body", type="bin", needs="hrqbo", source="manual 7.3.6")(RequestBody)
