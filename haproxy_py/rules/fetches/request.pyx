"""The request line and what is made of it (manual 7.3.6)."""

from libc.stdint cimport uint32_t, int64_t
from libc.string cimport memcpy, memchr
from haproxy_py.engine.txn cimport Txn
from haproxy_py.engine.message cimport Head, M_OTHER, H_HOST
from haproxy_py.rules.heads cimport request_head, response_head
from haproxy_py.rules.sample cimport Fetch, Sample, set_bool, set_int, set_text, scratch, SCRATCH_SIZE, T_METH
from haproxy_py.rules.registry import acl_family, acl_keyword, fetch

_SOURCE = "manual 7.3.6"


cdef class Method(Fetch):
    """method."""

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef int rc
        cdef Head head = request_head(t, &rc)
        if rc <= 0:
            return rc
        set_text(s, head.method_text, head.method_len)
        s.type = T_METH
        s.num = head.method
        return 1


cdef class Path(Fetch):
    """path: without query; none when the target has no path."""

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef int rc
        cdef Head head = request_head(t, &rc)
        if rc <= 0:
            return rc
        head.path(&s.ptr, &s.len)
        if s.len == 0:
            return 0
        set_text(s, s.ptr, s.len)
        return 1


cdef int _pathq(Head head, const char **p, uint32_t *n) noexcept:
    """Path with its query; 0: none."""
    head.path(p, n)
    if n[0] == 0:
        return 0
    n[0] = <uint32_t>(head.target + head.target_len - p[0])
    return 1


cdef class PathQuery(Fetch):
    """pathq: path and query."""

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef int rc
        cdef Head head = request_head(t, &rc)
        if rc <= 0:
            return rc
        if not _pathq(head, &s.ptr, &s.len):
            return 0
        set_text(s, s.ptr, s.len)
        return 1


cdef class Query(Fetch):
    """query: behind the first `?`, without it; none when there is no `?`."""

    cdef bint with_mark

    def setup(self, list args) -> None:
        self.with_mark = args[0] == "with_qm"
        if args[0] not in (None, "", "with_qm"):
            raise ValueError(f"only supports 'with_qm' option but got '{args[0]}'")

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef int rc
        cdef const char *mark
        cdef const char *end
        cdef Head head = request_head(t, &rc)
        if rc <= 0:
            return rc
        mark = <const char *>memchr(head.target, c'?', head.target_len)
        if mark == NULL:
            return 0
        end = head.target + head.target_len
        if not self.with_mark:
            mark += 1
        set_text(s, mark, <uint32_t>(end - mark))
        return 1


cdef class Url(Fetch):
    """url: the target as received."""

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef int rc
        cdef Head head = request_head(t, &rc)
        if rc <= 0:
            return rc
        set_text(s, head.target, head.target_len)
        return 1


cdef class Base(Fetch):
    """base: first Host and path; baseq: with the query behind it."""

    cdef bint query

    def setup(self, list args, query=False) -> None:
        self.query = query

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef int rc, i
        cdef const char *p
        cdef char *out
        cdef uint32_t n = 0, k = 0
        cdef Head head = request_head(t, &rc)
        if rc <= 0:
            return rc
        out = scratch()
        i = head.find_id(H_HOST, 0)
        if i >= 0 and head.fields[i].value_len <= SCRATCH_SIZE:
            k = head.fields[i].value_len
            memcpy(out, head.fields[i].value, k)
        if self.query:
            _pathq(head, &p, &n)
        else:
            head.path(&p, &n)
        if n > SCRATCH_SIZE - k:
            n = SCRATCH_SIZE - k
        if n:
            memcpy(out + k, p, n)
        if n + k == 0:
            return 0
        set_text(s, out, n + k)
        return 1


cdef class Version(Fetch):
    """req.ver, res.ver: "1.1"."""

    cdef bint response

    def setup(self, list args, response=False) -> None:
        self.response = response

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef int rc
        cdef Head head = response_head(t, &rc) if self.response else request_head(t, &rc)
        if rc <= 0:
            return rc
        set_text(s, b"1.0" if head.version == 10 else b"1.1", 3)
        return 1


cdef class ProtoHttp(Fetch):
    """req.proto_http: the bytes received are an HTTP request."""

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef int rc
        request_head(t, &rc)
        if rc > 0:
            set_bool(s, True)
        return rc


cdef class Status(Fetch):
    """status of the response."""

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef int rc
        cdef Head head = response_head(t, &rc)
        if rc <= 0:
            return rc
        set_int(s, head.status)
        return 1


cdef class TxnStatus(Fetch):
    """txn.status: what the client was or will be sent."""

    cdef int eval(self, Txn t, Sample *s) noexcept:
        if t.status < 0 and not t.res_seen:
            return 0
        set_int(s, t.status if t.status >= 0 else t.res.status)
        return 1


fetch("method", type="meth", needs="hrqhp", source=_SOURCE)(Method)
fetch("path", type="str", needs="hrqhv", source=_SOURCE)(Path)
fetch("pathq", type="str", needs="hrqhv", source=_SOURCE)(PathQuery)
fetch("query", args="str?", type="str", needs="hrqhv", source=_SOURCE)(Query)
fetch("url", type="str", needs="hrqhv", source=_SOURCE)(Url)
fetch("base", type="str", needs="hrqhv", source=_SOURCE)(Base)
fetch("baseq", type="str", needs="hrqhv", source=_SOURCE, query=True)(Base)
fetch("req.ver", "req_ver", type="str", needs="hrqhp", source=_SOURCE)(Version)
fetch("res.ver", "resp_ver", type="str", needs="hrshp", source=_SOURCE, response=True)(Version)
fetch("req.proto_http", "req_proto_http", type="bool", needs="hrqhp", source=_SOURCE)(ProtoHttp)
fetch("status", type="sint", needs="hrshp", source=_SOURCE)(Status)
fetch("txn.status", type="sint", needs="hrshp", source=_SOURCE)(TxnStatus)

acl_keyword("method", fetch="method", match="meth", source=_SOURCE)
acl_keyword("req_ver", fetch="req_ver", match="str", source=_SOURCE)
acl_keyword("resp_ver", fetch="resp_ver", match="str", source=_SOURCE)
for _name in ("path", "url", "base"):
    acl_family(_name, fetch=_name, source=_SOURCE)
