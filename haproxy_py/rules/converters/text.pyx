"""Converters on text (manual 7.3.1): case, length, pieces, trimming, joining."""

from libc.stdint cimport uint32_t, int64_t
from libc.string cimport memcpy
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.registry import converter
from haproxy_py.rules.sample cimport Converter, Sample, sample_cast, scratch, set_int, set_text, SCRATCH_SIZE, T_STR
from haproxy_py.rules.vars cimport Var, var_find
from haproxy_py.rules.vars import variable

_SOURCE = "manual 7.3.1"


cdef bytes _raw(object text):
    return (text or "").encode("utf-8", "surrogateescape")


cdef inline uint32_t _fit(uint32_t n) noexcept nogil:
    return n if n < SCRATCH_SIZE else SCRATCH_SIZE


cdef class Case(Converter):
    """lower, upper: ASCII letters."""

    cdef bint upper

    def setup(self, list args, upper=False) -> None:
        self.upper = upper

    cdef int apply(self, Txn t, Sample *s) noexcept:
        cdef char *out = scratch()
        cdef uint32_t i, n = _fit(s.len)
        cdef char first = c'a' if self.upper else c'A', last = c'z' if self.upper else c'Z'
        for i in range(n):
            out[i] = s.ptr[i] ^ 32 if first <= s.ptr[i] <= last else s.ptr[i]
        set_text(s, out, n)
        return 1


cdef class Length(Converter):
    """length."""

    cdef int apply(self, Txn t, Sample *s) noexcept:
        set_int(s, s.len)
        return 1


cdef class Bytes(Converter):
    """bytes(offset[,length])."""

    cdef uint32_t offset
    cdef int64_t length

    def setup(self, list args) -> None:
        if args[0] < 0 or (args[1] is not None and args[1] < 0):
            raise ValueError("offset and length must not be negative")
        self.offset = args[0]
        self.length = -1 if args[1] is None else args[1]

    cdef int apply(self, Txn t, Sample *s) noexcept:
        if s.len <= self.offset:
            s.len = 0
            return 1
        s.ptr += self.offset
        s.len -= self.offset
        if self.length >= 0 and s.len > self.length:
            s.len = <uint32_t>self.length
        return 1


cdef inline bint _among(char c, const char *set, uint32_t n) noexcept nogil:
    cdef uint32_t i
    for i in range(n):
        if set[i] == c:
            return True
    return False


cdef class Pieces(Converter):
    """field(index,delimiters[,count]) and word(...): word takes runs of delimiters as one, field counts empty fields.

    A negative index counts from the end; count 0 takes everything that follows (or precedes).
    """

    cdef int64_t index
    cdef int64_t count
    cdef bytes marks
    cdef bint words

    def setup(self, list args, words=False) -> None:
        if args[0] == 0:
            raise ValueError("index must not be 0")
        self.index = args[0]
        self.marks = _raw(args[1])
        self.count = 1 if args[2] is None else args[2]
        self.words = words

    cdef bint mark(self, char c) noexcept:
        return _among(c, <const char *>self.marks, <uint32_t>len(self.marks))

    cdef int apply(self, Txn t, Sample *s) noexcept:
        cdef int64_t start = -1, end = -1
        if self.index > 0:
            self.forward(s.ptr, s.len, &start, &end)
        else:
            self.backward(s.ptr, s.len, &start, &end)
        if start < 0:
            s.len = 0
            return 1
        s.ptr += start
        s.len = <uint32_t>(end - start)
        return 1

    cdef void forward(self, const char *p, int64_t n, int64_t *start, int64_t *end) noexcept:
        cdef int64_t i = 0, begin, seen = 0
        while i <= n:
            begin = i
            while i < n and not self.mark(p[i]):
                i += 1
            if not self.words or i > begin:
                seen += 1
                if seen == self.index:
                    start[0] = begin
                if seen >= self.index:
                    end[0] = i
                    if self.count and seen == self.index + self.count - 1:
                        return
            i += 1

    cdef void backward(self, const char *p, int64_t n, int64_t *start, int64_t *end) noexcept:
        cdef int64_t i = n, stop, seen = 0
        while i >= 0:
            stop = i
            while i > 0 and not self.mark(p[i - 1]):
                i -= 1
            if not self.words or stop > i:
                seen += 1
                if seen == -self.index:
                    end[0] = stop
                if seen >= -self.index:
                    start[0] = i
                    if self.count and seen == -self.index + self.count - 1:
                        return
            i -= 1


cdef class Trim(Converter):
    """ltrim(chars), rtrim(chars)."""

    cdef bytes marks
    cdef bint left

    def setup(self, list args, left=True) -> None:
        self.marks = _raw(args[0])
        self.left = left

    cdef int apply(self, Txn t, Sample *s) noexcept:
        cdef uint32_t n = <uint32_t>len(self.marks)
        if self.left:
            while s.len and _among(s.ptr[0], <const char *>self.marks, n):
                s.ptr += 1
                s.len -= 1
        else:
            while s.len and _among(s.ptr[s.len - 1], <const char *>self.marks, n):
                s.len -= 1
        return 1


cdef uint32_t _put(char *out, uint32_t k, const char *p, uint32_t n) noexcept nogil:
    if n > SCRATCH_SIZE - k:
        n = SCRATCH_SIZE - k
    memcpy(out + k, p, n)
    return k + n


cdef class Join(Converter):
    """concat([start],[var],[end]); add_item(delimiter,[var][,suffix]]) puts the delimiter only behind a text."""

    cdef bytes first
    cdef bytes last
    cdef int scope
    cdef uint32_t index
    cdef bint has_var
    cdef bint item

    def setup(self, list args, item=False) -> None:
        self.first = _raw(args[0])
        self.last = _raw(args[2])
        self.item = item
        self.has_var = bool(args[1])
        if args[1]:
            self.scope, self.index = variable(args[1])
        elif item and not args[2]:
            raise ValueError("one of the optional arguments <var> or <suff> is necessary")

    cdef int apply(self, Txn t, Sample *s) noexcept:
        cdef char *out = scratch()
        cdef Var *v = var_find(t, self.scope, self.index) if self.has_var else NULL
        cdef Sample value
        cdef uint32_t k = _put(out, 0, s.ptr, s.len)
        if v != NULL:
            value = v.value
            if not sample_cast(&value, T_STR):
                v = NULL
        if self.item and v == NULL and not len(self.last):
            return 1
        if not self.item or k:
            k = _put(out, k, self.first, <uint32_t>len(self.first))
        if v != NULL:
            k = _put(out, k, value.ptr, value.len)
        set_text(s, out, _put(out, k, self.last, <uint32_t>len(self.last)))
        return 1


cdef class Compare(Converter):
    """strcmp(var): below, at or above 0 as the input is to the variable."""

    cdef int scope
    cdef uint32_t index

    def setup(self, list args) -> None:
        self.scope, self.index = variable(args[0])

    cdef int apply(self, Txn t, Sample *s) noexcept:
        cdef Var *v = var_find(t, self.scope, self.index)
        cdef Sample value
        cdef uint32_t i, n
        if v == NULL:
            return 0
        value = v.value
        if not sample_cast(&value, T_STR):
            return 0
        n = s.len if s.len < value.len else value.len
        for i in range(n):
            if s.ptr[i] != value.ptr[i]:
                set_int(s, <int>(<unsigned char>s.ptr[i]) - <int>(<unsigned char>value.ptr[i]))
                return 1
        set_int(s, <int64_t>s.len - <int64_t>value.len)
        return 1


cdef class Choose(Converter):
    """iif(true,false)."""

    cdef bytes yes
    cdef bytes no

    def setup(self, list args) -> None:
        self.yes = _raw(args[0])
        self.no = _raw(args[1])

    cdef int apply(self, Txn t, Sample *s) noexcept:
        cdef bytes text = self.yes if s.num else self.no
        set_text(s, text, <uint32_t>len(text))
        return 1


cdef class HostPort(Converter):
    """host_only, port_only: of a Host field's value."""

    cdef bint port

    def setup(self, list args, port=False) -> None:
        self.port = port

    cdef int apply(self, Txn t, Sample *s) noexcept:
        cdef uint32_t i = s.len, n
        cdef int64_t value = 0
        while i and c'0' <= s.ptr[i - 1] <= c'9':
            i -= 1
        n = i - 1 if i and s.ptr[i - 1] == c':' else s.len
        if not self.port:
            s.len = n
            return 1
        for i in range(n + 1, s.len):
            value = value * 10 + (s.ptr[i] - c'0') if value < 100000 else value
        set_int(s, value)
        return 1


cdef class Reverse(Converter):
    """reverse: the bytes in opposite order."""

    cdef int apply(self, Txn t, Sample *s) noexcept:
        cdef char *out = scratch()
        cdef uint32_t i, n = _fit(s.len)
        for i in range(n):
            out[i] = s.ptr[n - 1 - i]
        set_text(s, out, n)
        return 1


cdef class CutCrlf(Converter):
    """cut_crlf: up to the first CR or LF."""

    cdef int apply(self, Txn t, Sample *s) noexcept:
        cdef uint32_t i = 0
        while i < s.len and s.ptr[i] != c'\r' and s.ptr[i] != c'\n':
            i += 1
        s.len = i
        return 1


_text = {"takes": "str", "gives": "str", "source": _SOURCE}
converter("lower", **_text)(Case)
converter("upper", upper=True, **_text)(Case)
converter("length", takes="str", gives="sint", source=_SOURCE)(Length)
converter("bytes", args="sint sint?", takes="bin", gives="bin", source=_SOURCE)(Bytes)
converter("field", args="sint str sint?", **_text)(Pieces)
converter("word", args="sint str sint?", words=True, **_text)(Pieces)
converter("ltrim", args="str", **_text)(Trim)
converter("rtrim", args="str", left=False, **_text)(Trim)
converter("concat", args="str? str? str?", **_text)(Join)
converter("add_item", args="str str? str?", item=True, **_text)(Join)
converter("strcmp", args="str", takes="str", gives="sint", source=_SOURCE)(Compare)
converter("iif", args="str str", takes="bool", gives="str", source=_SOURCE)(Choose)
converter("host_only", **_text)(HostPort)
converter("port_only", takes="str", gives="sint", source=_SOURCE, port=True)(HostPort)
converter("reverse", **_text)(Reverse)
converter("cut_crlf", **_text)(CutCrlf)
