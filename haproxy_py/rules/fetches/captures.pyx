"""What was kept of a message for later rules and logs (manual 7.3.6 capture.*; unique-id)."""

from libc.stdint cimport uint32_t
from libc.string cimport memchr
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.registry import fetch
from haproxy_py.rules.sample cimport Fetch, Sample, set_text

_SOURCE = "manual 7.3.6"


cdef class Slot(Fetch):
    """capture.req.hdr(n), capture.res.hdr(n): slot n, from 0."""

    cdef Py_ssize_t index
    cdef bint response

    def setup(self, list args, response=False) -> None:
        if args[0] < 0:
            raise ValueError("the slot's number must not be negative")
        self.index = args[0]
        self.response = response

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef list slots = t.captures_res if self.response else t.captures_req
        cdef bytes one
        if slots is None or self.index >= len(slots):
            return 0
        one = slots[self.index]
        if one is None:
            return 0
        set_text(s, one, <uint32_t>len(one))
        return 1


cdef class Line(Fetch):
    """capture.req.method, capture.req.uri: of the request line as received, rules notwithstanding."""

    cdef bint uri

    def setup(self, list args, uri=False) -> None:
        self.uri = uri

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef const char *p
        cdef const char *a
        cdef const char *b
        cdef uint32_t n
        if t.uri is not None:
            p = t.uri
            n = <uint32_t>len(t.uri)
        elif t.req_seen and t.req.line != NULL:
            p = t.req.line
            n = t.req.line_len
        else:
            return 0
        a = <const char *>memchr(p, c' ', n)
        if a == NULL:
            return 0
        if not self.uri:
            set_text(s, p, <uint32_t>(a - p))
            return 1
        b = <const char *>memchr(a + 1, c' ', p + n - a - 1)
        if b == NULL:
            b = p + n
        set_text(s, a + 1, <uint32_t>(b - a - 1))
        return 1


cdef class Version(Fetch):
    """capture.req.ver, capture.res.ver: "HTTP/1.1"."""

    cdef bint response

    def setup(self, list args, response=False) -> None:
        self.response = response

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef bint old
        if not (t.res_seen if self.response else t.req_seen):
            return 0
        old = (t.res.version if self.response else t.req.version) == 10
        set_text(s, b"HTTP/1.0" if old else b"HTTP/1.1", 8)
        return 1


cdef class UniqueId(Fetch):
    """unique-id."""

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef bytes text = t.id_of()
        if text is None:
            return 0
        set_text(s, text, <uint32_t>len(text))
        return 1


fetch("capture.req.hdr", args="sint", type="str", needs="hrqhp", source=_SOURCE)(Slot)
fetch("capture.res.hdr", args="sint", type="str", needs="hrshp", source=_SOURCE, response=True)(Slot)
fetch("capture.req.method", type="str", needs="hrqhp", source=_SOURCE)(Line)
fetch("capture.req.uri", type="str", needs="hrqhp", source=_SOURCE, uri=True)(Line)
fetch("capture.req.ver", type="str", needs="hrqhp", source=_SOURCE)(Version)
fetch("capture.res.ver", type="str", needs="hrshp", source=_SOURCE, response=True)(Version)
fetch("unique-id", type="str", needs="hrqhp", source=_SOURCE)(UniqueId)
