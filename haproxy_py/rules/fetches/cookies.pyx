"""Cookies of both messages (manual 7.3.6)."""

from libc.stdint cimport uint32_t
from libc.string cimport memcmp
from haproxy_py.engine.txn cimport Txn
from haproxy_py.engine.message cimport Head, H_COOKIE, H_SET_COOKIE
from haproxy_py.rules.heads cimport request_head, response_head
from haproxy_py.rules.sample cimport Fetch, Sample, set_int, set_text, text_int, S_MORE
from haproxy_py.rules.registry import acl_family, fetch

_SOURCE = "manual 7.3.6"

cdef enum What:
    TEXT
    COUNT
    NUMBER

_WHAT = {"text": TEXT, "cnt": COUNT, "val": NUMBER}


cdef inline bint _blank(char c) noexcept nogil:
    return c == c' ' or c == c'\t'


cdef int next_pair(const char *p, uint32_t n, uint32_t *at, uint32_t *name, uint32_t *name_end,
                   uint32_t *value, uint32_t *value_end) noexcept nogil:
    """Step to the next `name=value` of a cookie field, without blanks; 0 at the end. A pair without `=` has no value."""
    cdef uint32_t i = at[0], end
    while i < n and (_blank(p[i]) or p[i] == c';'):
        i += 1
    if i >= n:
        return 0
    name[0] = i
    while i < n and p[i] != c';' and p[i] != c'=':
        i += 1
    end = i
    while end > name[0] and _blank(p[end - 1]):
        end -= 1
    name_end[0] = end
    value[0] = end
    if i < n and p[i] == c'=':
        i += 1
        while i < n and _blank(p[i]):
            i += 1
        value[0] = i
        while i < n and p[i] != c';':
            i += 1
    end = i
    while end > value[0] and _blank(p[end - 1]):
        end -= 1
    value_end[0] = end
    at[0] = i
    return 1


cdef class Cookie(Fetch):
    """Value of a cookie: an ACL sees every occurrence, anything else the last one. No name: any cookie."""

    cdef bytes name
    cdef bint response
    cdef int what

    def setup(self, list args, response=False, what="text") -> None:
        self.name = (args[0] or "").encode("utf-8", "surrogateescape")
        self.response = response
        self.what = _WHAT[what]

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef int rc, n = 0
        cdef const char *last = NULL
        cdef uint32_t length = 0
        cdef Head head = response_head(t, &rc) if self.response else request_head(t, &rc)
        if rc <= 0:
            return rc
        if s.iterate and self.what != COUNT:
            if not self.next(head, s):
                return 0
            s.flags |= S_MORE
            return self.shape(s)
        s.cursor = 0
        s.at = 0
        while self.next(head, s):
            n += 1
            last = s.ptr
            length = s.len
        if self.what == COUNT:
            set_int(s, n)
            return 1
        if n == 0:
            return 0
        set_text(s, last, length)
        return self.shape(s)

    cdef int shape(self, Sample *s) noexcept:
        if self.what == NUMBER:
            set_int(s, text_int(s.ptr, s.len))
        return 1

    cdef int next(self, Head head, Sample *s) noexcept:
        """Next value of a cookie of that name. A Set-Cookie field has one cookie: its first pair.

        HAProxy wants one byte behind "name=": "c=" at the end of a field is not seen unless a blank comes before it.
        """
        cdef uint32_t a, b, v, w, n = <uint32_t>len(self.name)
        cdef const char *p
        cdef int i
        while True:
            i = s.cursor
            if s.at == 0:
                i = head.find_id(H_SET_COOKIE if self.response else H_COOKIE, i)
                if i < 0:
                    return 0
                s.cursor = i
            p = head.fields[i].value
            if (self.response and s.at) or (n and s.at + (s.at > 0) + n + 1 >= head.fields[i].value_len) or not next_pair(p, head.fields[i].value_len, &s.at, &a, &b, &v, &w):
                s.cursor = i + 1
                s.at = 0
                continue
            if n == 0 or (b - a == n and b < v and memcmp(p + a, <const char *>self.name, n) == 0):
                set_text(s, p + v, w - v)
                return 1


def _register(str prefix, str needs, bint response, tuple short) -> None:
    made = {"args": "str?", "needs": needs, "source": _SOURCE, "response": response}
    fetch(f"{prefix}.cook", *short, type="str", **made)(Cookie)
    fetch(f"{prefix}.cook_cnt", *(name + "_cnt" for name in short), type="sint", what="cnt", **made)(Cookie)
    fetch(f"{prefix}.cook_val", *(name + "_val" for name in short), type="sint", what="val", **made)(Cookie)


_register("req", "hrqhv", False, ("cook",))
_register("res", "hrshv", True, ("scook",))
fetch("cookie", args="str?", type="str", needs="hrqhv", source=_SOURCE)(Cookie)
fetch("set-cookie", args="str?", type="str", needs="hrshv", source=_SOURCE, response=True)(Cookie)
acl_family("cook", fetch="req.cook", source=_SOURCE)
acl_family("scook", fetch="res.cook", source=_SOURCE)
