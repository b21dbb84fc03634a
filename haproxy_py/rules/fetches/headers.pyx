"""Header fields of both messages (manual 7.3.6): req.hdr, req.fhdr, hdr, shdr and their relatives."""

from libc.stdint cimport uint32_t, uint8_t
from haproxy_py.engine.txn cimport Txn
from haproxy_py.engine.message cimport Head, F_DROP
from haproxy_py.rules.heads cimport request_head, response_head, next_value
from haproxy_py.rules.sample cimport (
    Fetch, Sample, set_int, set_text, text_int, text_to_ip, scratch, SCRATCH_SIZE, S_MORE)
from haproxy_py.rules.registry import acl_family, fetch

_SOURCE = "manual 7.3.6"

cdef enum What:
    TEXT
    COUNT
    IP
    NUMBER

_WHAT = {"text": TEXT, "cnt": COUNT, "ip": IP, "val": NUMBER}


cdef class Field(Fetch):
    """A field's values: each element of a comma list counts as one, unless `full`.

    Without an occurrence number an ACL sees all of them, anything else the last one; -1 is the last, -2 the one before.
    """

    cdef bytes name
    cdef uint32_t name_len
    cdef int occurrence
    cdef bint response
    cdef bint full
    cdef int what

    def setup(self, list args, response=False, full=False, what="text") -> None:
        self.name = (args[0] or "").lower().encode("utf-8", "surrogateescape")
        self.name_len = <uint32_t>len(self.name)
        occurrence = args[1] if len(args) > 1 and args[1] is not None else 0
        if occurrence < -10:
            raise ValueError("header occurrence must be >= -10")
        self.occurrence = occurrence
        self.response = response
        self.full = full
        self.what = _WHAT[what]

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef int rc
        cdef Head head = response_head(t, &rc) if self.response else request_head(t, &rc)
        if rc <= 0:
            return rc
        if self.what == COUNT:
            set_int(s, self.count(head))
            return 1
        if self.occurrence == 0 and s.iterate:
            return self.iterate(head, s)
        if not self.one(head, s):
            return 0
        return self.shape(s)

    cdef int next(self, Head head, Sample *s) noexcept:
        """Step to the next value: s.cursor is the field, s.at the place in it. 0: no more."""
        cdef uint32_t start, end
        cdef int i
        while True:
            i = s.cursor
            if s.at == 0:
                i = head.find(<const char *>self.name, self.name_len, i) if self.name_len else _live(head, i)
                if i < 0:
                    return 0
                s.cursor = i
            if self.full:
                set_text(s, head.fields[i].value, head.fields[i].value_len)
                s.cursor = i + 1
                return 1
            if next_value(head.fields[i].value, head.fields[i].value_len, &s.at, &start, &end):
                set_text(s, head.fields[i].value + start, end - start)
                return 1
            s.cursor = i + 1
            s.at = 0

    cdef int iterate(self, Head head, Sample *s) noexcept:
        """Next occurrence that has the wanted shape."""
        while self.next(head, s):
            if self.shape(s):
                s.flags |= S_MORE
                return 1
        return 0

    cdef int one(self, Head head, Sample *s) noexcept:
        """The occurrence asked for: a number from the front, or from the end."""
        cdef int wanted = self.occurrence if self.occurrence else -1
        cdef int seen = 0
        if wanted < 0:
            wanted = self.count(head) + wanted + 1
            if wanted <= 0:
                return 0
        s.cursor = 0
        s.at = 0
        while self.next(head, s):
            seen += 1
            if seen == wanted:
                return 1
        return 0

    cdef int count(self, Head head) noexcept:
        cdef Sample walk
        cdef int n = 0
        walk.cursor = 0
        walk.at = 0
        while self.next(head, &walk):
            n += 1
        return n

    cdef int shape(self, Sample *s) noexcept:
        """Text as it is, or as an address or a number."""
        cdef int kind
        if self.what == IP:
            kind = _address(s.ptr, s.len, s.ip)
            if not kind:
                return 0
            s.type = kind
        elif self.what == NUMBER:
            set_int(s, text_int(s.ptr, s.len))
        return 1


cdef int _live(Head head, int i) noexcept nogil:
    """Index of the first live field from i on, or -1."""
    while i < head.count:
        if not head.fields[i].flags & F_DROP:
            return i
        i += 1
    return -1


cdef int _address(const char *p, uint32_t n, uint8_t *ip) noexcept nogil:
    """An address as fields have it: also in brackets, and with a port behind an IPv4 one."""
    cdef int kind = text_to_ip(p, n, ip)
    cdef uint32_t i
    if kind or n == 0:
        return kind
    if p[0] == c'[':
        for i in range(1, n):
            if p[i] == c']':
                return text_to_ip(p + 1, i - 1, ip)
        return 0
    for i in range(n):
        if p[i] == c':':
            return text_to_ip(p, i, ip)
    return 0


cdef class Names(Fetch):
    """req.hdr_names([delimiter]): all names in order, `,` between them by default."""

    cdef bytes delimiter
    cdef bint response

    def setup(self, list args, response=False) -> None:
        self.delimiter = (args[0] if args[0] is not None else ",").encode("utf-8", "surrogateescape")[:1]
        self.response = response

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef int rc, i = 0
        cdef uint32_t k = 0
        cdef char *out
        cdef Head head = response_head(t, &rc) if self.response else request_head(t, &rc)
        if rc <= 0:
            return rc
        out = scratch()
        while True:
            i = _live(head, i)
            if i < 0 or k + head.fields[i].name_len + 1 > SCRATCH_SIZE:
                break
            if k:
                k = _put(out, k, <const char *>self.delimiter, <uint32_t>len(self.delimiter))
            k = _put(out, k, head.fields[i].name, head.fields[i].name_len)
            i += 1
        set_text(s, out, k)
        return 1


cdef uint32_t _put(char *out, uint32_t k, const char *p, uint32_t n) noexcept nogil:
    cdef uint32_t i
    for i in range(n):
        out[k + i] = p[i]
    return k + n


cdef class WholeHead(Fetch):
    """req.hdrs, res.hdrs: all fields as `name: value` lines and the blank line."""

    cdef bint response

    def setup(self, list args, response=False) -> None:
        self.response = response

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef int rc, i = 0
        cdef uint32_t k = 0
        cdef char *out
        cdef Head head = response_head(t, &rc) if self.response else request_head(t, &rc)
        if rc <= 0:
            return rc
        out = scratch()
        while True:
            i = _live(head, i)
            if i < 0:
                break
            if k + head.fields[i].name_len + head.fields[i].value_len + 6 > SCRATCH_SIZE:
                return 0
            k = _put(out, k, head.fields[i].name, head.fields[i].name_len)
            k = _put(out, k, b": ", 2)
            k = _put(out, k, head.fields[i].value, head.fields[i].value_len)
            k = _put(out, k, b"\r\n", 2)
            i += 1
        set_text(s, out, _put(out, k, b"\r\n", 2))
        return 1


def _register(str prefix, str needs, bint response, tuple short) -> None:
    """req.hdr and its family, with the old short names."""
    old = lambda end: tuple(name + end for name in short)
    made = {"needs": needs, "source": _SOURCE, "response": response}
    fetch(f"{prefix}.hdr", *old(""), args="str? sint?", type="str", **made)(Field)
    fetch(f"{prefix}.fhdr", args="str? sint?", type="str", full=True, **made)(Field)
    fetch(f"{prefix}.hdr_cnt", *old("_cnt"), args="str?", type="sint", what="cnt", **made)(Field)
    fetch(f"{prefix}.fhdr_cnt", args="str?", type="sint", what="cnt", full=True, **made)(Field)
    fetch(f"{prefix}.hdr_ip", *old("_ip"), args="str? sint?", type="addr", what="ip", **made)(Field)
    fetch(f"{prefix}.hdr_val", *old("_val"), args="str? sint?", type="sint", what="val", **made)(Field)
    fetch(f"{prefix}.hdr_names", args="str?", type="str", **made)(Names)
    fetch(f"{prefix}.hdrs", type="str", **made)(WholeHead)


_register("req", "hrqhv", False, ("hdr",))
_register("res", "hrshv", True, ("shdr",))
acl_family("hdr", fetch="req.hdr", source=_SOURCE)
acl_family("shdr", fetch="res.hdr", source=_SOURCE)
