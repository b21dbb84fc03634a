"""Cookies of the Remote Desktop protocol (manual 7.3.5: req.rdp_cookie, req.rdp_cookie_cnt)."""

from libc.stdint cimport uint32_t
from haproxy_py.engine.rdp cimport rdp_cookie
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.registry import acl_keyword, fetch
from haproxy_py.rules.sample cimport Fetch, Sample, set_int, set_text, S_MAY_CHANGE

_SOURCE = "manual 7.3.5"


cdef class RdpCookie(Fetch):
    """req.rdp_cookie([name]): the value; no name: of whichever cookie is there."""

    cdef bytes name
    cdef bint count

    def setup(self, list args, count=False) -> None:
        self.name = (args[0] or "").encode("utf-8", "surrogateescape")
        self.count = count

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef const char *value = NULL
        cdef uint32_t n = 0
        cdef int rc = -1
        if t.payload != NULL:
            rc = rdp_cookie(t.payload, t.payload_len, <const char *>self.name, <uint32_t>len(self.name), &value, &n)
        if rc < 0:
            if not t.payload_final:
                return -1
            rc = 0
        if self.count:
            set_int(s, rc)
            return 1
        if rc == 0:
            return 0
        set_text(s, value, n)
        return 1


fetch("req.rdp_cookie", "rdp_cookie", args="str?", type="str", needs="l6req", source=_SOURCE)(RdpCookie)
fetch("req.rdp_cookie_cnt", "rdp_cookie_cnt", args="str?", type="sint", needs="l6req", source=_SOURCE, count=True)(RdpCookie)
acl_keyword("req_rdp_cookie", fetch="req.rdp_cookie", match="str", source=_SOURCE)
acl_keyword("req_rdp_cookie_cnt", fetch="req.rdp_cookie_cnt", match="int", source=_SOURCE)
