"""Log formats (manual 8.2.6): text, expressions and how values are quoted. The aliases (%ci ...) are in logaliases.pyx."""

from libc.stdint cimport uint32_t, uint8_t
from libc.string cimport memcpy, memmove
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.rule cimport LogFormat
from haproxy_py.rules.sample cimport Expr, Sample, T_STR, page, SCRATCH_SIZE

cdef extern from "<string.h>" nogil:
    size_t strnlen(const char *s, size_t most)

cdef const char *_HEX = "0123456789ABCDEF"


cdef inline bint _must_encode(uint8_t c, int flags) noexcept nogil:
    """LOG_HTTP: the controls that a field value must not have (RFC 9110 5.5); LOG_ESC: RFC 5424 6.3.3."""
    if flags & LOG_HTTP:
        return (c < 32 and c != 9) or c == 127
    return flags & LOG_ESC and (c == c'"' or c == c'\\' or c == c']')


cdef uint32_t put_text(const char *p, uint32_t n, int flags, char *out, uint32_t room) noexcept nogil:
    """Write a text value; cut at `room`. In HTTP (LOG_HTTP) quotes and escapes are not asked for, as HAProxy has it."""
    cdef uint32_t i, k = 0
    if flags & LOG_HTTP:
        flags = LOG_HTTP
    if n == 0 and flags & (LOG_QUOTE | LOG_MANDATORY) == LOG_MANDATORY:
        if room:
            out[0] = c'-'
        return 1 if room else 0
    if flags & LOG_QUOTE:
        if room < 2:
            return 0
        out[0] = c'"'
        k = 1
        room -= 1
    if not flags & (LOG_HTTP | LOG_ESC):
        if n > room - k:
            n = room - k
        memcpy(out + k, p, n)
        k += n
    else:
        for i in range(n):
            if k + 3 > room:
                break
            k += _put_char(p[i], flags, out + k)
    if flags & LOG_QUOTE:
        out[k] = c'"'
        k += 1
    return k


cdef uint32_t _put_char(char c, int flags, char *out) noexcept nogil:
    """One character, encoded where it must be: at most three bytes."""
    if not _must_encode(<uint8_t>c, flags):
        out[0] = c
        return 1
    if flags & LOG_HTTP:
        out[0] = c'%'
        out[1] = _HEX[<uint8_t>c >> 4]
        out[2] = _HEX[<uint8_t>c & 15]
        return 3
    out[0] = c'\\'
    out[1] = c
    return 2


cdef class LogNode:
    """Base of the pieces of a format."""

    cdef uint32_t emit(self, Txn t, char *out, uint32_t room) noexcept:
        return 0


cdef class TextNode(LogNode):
    """Fixed text."""

    cdef readonly bytes text

    def __init__(self, bytes text) -> None:
        self.name = "text"
        self.text = text

    cdef uint32_t emit(self, Txn t, char *out, uint32_t room) noexcept:
        cdef uint32_t n = <uint32_t>len(self.text)
        if n > room:
            n = room
        memcpy(out, <const char *>self.text, n)
        return n


cdef class ExprNode(LogNode):
    """%[expression]."""

    cdef readonly Expr expr

    def __init__(self, Expr expr, int flags) -> None:
        self.name = "expr"
        self.expr = expr
        self.flags = flags

    cdef uint32_t emit(self, Txn t, char *out, uint32_t room) noexcept:
        cdef Sample s
        if self.expr.eval_as(t, &s, T_STR) <= 0:
            return put_text(b"", 0, self.flags, out, room)
        return put_text(s.ptr, <uint32_t>strnlen(s.ptr, s.len), self.flags, out, room)      # text ends at a NUL


cdef class Format(LogFormat):
    """A compiled format; nodes in order."""

    def __init__(self, str text, list nodes, bint wants_uri=False) -> None:
        self.text = text
        self.nodes = nodes
        self.wants_uri = wants_uri

    @property
    def fixed(self) -> bytes | None:
        """The text of a format without any variable part, else None."""
        if all(isinstance(node, TextNode) for node in self.nodes):
            return b"".join([(<TextNode>node).text for node in self.nodes])
        return None

    cdef int render(self, Txn t, char *out, uint32_t room) noexcept:
        cdef uint32_t k = 0, n
        cdef LogNode node
        cdef bint after_nothing = False
        for node in self.nodes:
            n = node.emit(t, out + k, room - k)
            if after_nothing and n and out[k] == c' ':
                n -= 1
                memmove(out + k, out + k + 1, n)
            k += n
            after_nothing = n == 0 and (after_nothing or node.vanishes) and (k == 0 or out[k - 1] == c' ')
        return <int>k

    def to_bytes(self, Txn t) -> bytes:
        """The rendered text, up to SCRATCH_SIZE. The Python face."""
        cdef char *out = page()
        cdef int n = self.render(t, out, SCRATCH_SIZE)
        return out[:n]


cdef class UniqueId:
    """See logformat.pxd."""

    def __init__(self, LogFormat format, bytes header=None) -> None:
        self.format = format
        self.header = header

    cdef bytes make(self, Txn t):
        cdef char *out
        cdef int n
        if t.unique_id is None:
            out = page()
            t.unique_id = b""                    # for a format that asks for itself
            n = self.format.render(t, out, 128)
            t.unique_id = out[:n]
        return t.unique_id
