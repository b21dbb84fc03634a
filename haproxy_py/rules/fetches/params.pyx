"""Parameters of the query string (manual 7.3.6: url_param)."""

from libc.stdint cimport uint32_t
from libc.string cimport memcmp, memchr
from haproxy_py.engine.txn cimport Txn
from haproxy_py.engine.message cimport Head
from haproxy_py.rules.heads cimport request_head
from haproxy_py.rules.sample cimport Fetch, Sample, set_int, set_text, text_int, text_to_ip, S_MORE
from haproxy_py.rules.registry import acl_family, fetch

_SOURCE = "manual 7.3.6"


cdef inline bint _same(const char *a, const char *b, uint32_t n, bint fold) noexcept nogil:
    cdef uint32_t i
    if not fold:
        return memcmp(a, b, n) == 0
    for i in range(n):
        if (a[i] | 32 if c'A' <= a[i] <= c'Z' else a[i]) != b[i]:
            return False
    return True


cdef class Param(Fetch):
    """url_param([name[,delimiter[,i]]]): value of a parameter; the first one, or each in turn for an ACL.

    The delimiter opens the list (`?` by default); parameters are parted by `&` or `;`. No name: every parameter.
    """

    cdef bytes name
    cdef char delimiter
    cdef bint fold
    cdef bint number

    def setup(self, list args, number=False) -> None:
        name = args[0] or ""
        mark = (args[1] or "?").encode("utf-8", "surrogateescape")
        if len(mark) != 1:
            raise ValueError("delimiter must be exactly one character")
        if args[2] not in (None, "", "i"):
            raise ValueError(f"the third argument must be 'i', got '{args[2]}'")
        self.fold = args[2] == "i"
        self.name = (name.lower() if self.fold else name).encode("utf-8", "surrogateescape")
        self.delimiter = mark[0]
        self.number = number

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef int rc
        cdef Head head = request_head(t, &rc)
        if rc <= 0:
            return rc
        if not self.next(head, s):
            return 0
        if s.iterate:
            s.flags |= S_MORE
        if self.number:
            set_int(s, text_int(s.ptr, s.len))
        return 1

    cdef int next(self, Head head, Sample *s) noexcept:
        """Next value from offset s.at of the target on (0: not begun)."""
        cdef const char *p = head.target
        cdef const char *mark
        cdef uint32_t n = head.target_len, i = s.at, start, name_end, want = <uint32_t>len(self.name)
        if i == 0:
            mark = <const char *>memchr(p, self.delimiter, n)
            if mark == NULL:
                return 0
            i = <uint32_t>(mark - p) + 1
        while i < n:
            start = i
            while i < n and p[i] != c'=' and p[i] != c'&' and p[i] != c';':
                i += 1
            name_end = i
            while i < n and p[i] != c'&' and p[i] != c';':
                i += 1
            s.at = i + 1
            if name_end < i and (want == 0 or (
                    name_end - start == want and _same(p + start, <const char *>self.name, want, self.fold))):
                set_text(s, p + name_end + 1, i - name_end - 1)
                return 1
            i += 1
        s.at = n
        return 0


cdef class UrlHost(Fetch):
    """url_ip, url_port: of an absolute target such as http://192.0.2.1:80/."""

    cdef bint port

    def setup(self, list args, port=False) -> None:
        self.port = port

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef int rc, kind
        cdef uint32_t i = 0, n, start, end
        cdef const char *p
        cdef Head head = request_head(t, &rc)
        if rc <= 0:
            return rc
        p = head.target
        n = head.target_len
        while i + 2 < n and not (p[i] == c':' and p[i + 1] == c'/' and p[i + 2] == c'/'):
            i += 1
        if i + 2 >= n:
            return 0
        start = i + 3
        end = start
        while end < n and p[end] != c':' and p[end] != c'/' and p[end] != c'?':
            end += 1
        kind = text_to_ip(p + start, end - start, s.ip)
        if not kind:
            return 0
        s.type = kind
        if self.port:
            set_int(s, text_int(p + end + 1, n - end - 1) if end < n and p[end] == c':' else 80)
        return 1


fetch("url_param", "urlp", args="str? str? str?", type="str", needs="hrqhv", source=_SOURCE)(Param)
fetch("urlp_val", args="str? str? str?", type="sint", needs="hrqhv", source=_SOURCE, number=True)(Param)
fetch("url_ip", type="addr", needs="hrqhv", source=_SOURCE)(UrlHost)
fetch("url_port", type="sint", needs="hrqhv", source=_SOURCE, port=True)(UrlHost)
acl_family("urlp", fetch="urlp", source=_SOURCE)
