"""Converters between representations (manual 7.3.1): base64, hexadecimal, URL encoding (RFC 4648, RFC 3986)."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.registry import converter
from haproxy_py.rules.sample cimport Converter, Sample, put_int, scratch, set_int, set_text, SCRATCH_SIZE, T_BIN

_SOURCE = "manual 7.3.1"
cdef const char *_HEX = "0123456789ABCDEF"
cdef const char *_STD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
cdef const char *_URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


cdef class Base64(Converter):
    """base64 (padded), ub64enc (URL alphabet, not padded)."""

    cdef bint url

    def setup(self, list args, url=False) -> None:
        self.url = url

    cdef int apply(self, Txn t, Sample *s) noexcept:
        cdef const char *alphabet = _URL if self.url else _STD
        cdef char *out = scratch()
        cdef const uint8_t *p = <const uint8_t *>s.ptr
        cdef uint32_t i = 0, k = 0, n = s.len, v, left
        if (n + 2) // 3 * 4 > SCRATCH_SIZE:
            return 0
        while i < n:
            left = n - i
            v = <uint32_t>p[i] << 16
            if left > 1:
                v |= <uint32_t>p[i + 1] << 8
            if left > 2:
                v |= p[i + 2]
            out[k] = alphabet[v >> 18]
            out[k + 1] = alphabet[(v >> 12) & 63]
            out[k + 2] = alphabet[(v >> 6) & 63] if left > 1 else c'='
            out[k + 3] = alphabet[v & 63] if left > 2 else c'='
            k += 4
            i += 3
        while self.url and k and out[k - 1] == c'=':
            k -= 1
        set_text(s, out, k)
        return 1


cdef int _six(char c, bint url) noexcept nogil:
    """Value of a base64 digit, -1 for another character."""
    if c'A' <= c <= c'Z':
        return c - c'A'
    if c'a' <= c <= c'z':
        return c - c'a' + 26
    if c'0' <= c <= c'9':
        return c - c'0' + 52
    if c == (c'-' if url else c'+'):
        return 62
    return 63 if c == (c'_' if url else c'/') else -1


cdef class FromBase64(Converter):
    """b64dec (padding required), ub64dec (URL alphabet, padding optional): none for bad input."""

    cdef bint url

    def setup(self, list args, url=False) -> None:
        self.url = url

    cdef int apply(self, Txn t, Sample *s) noexcept:
        cdef char *out
        cdef uint32_t i, k = 0, v = 0, n = s.len, pad = 0
        cdef int bits = 0, digit
        if n > SCRATCH_SIZE or (not self.url and n % 4):
            return 0
        while n and s.ptr[n - 1] == c'=' and pad < 2:
            n -= 1
            pad += 1
        if n % 4 == 1:
            return 0
        out = scratch()
        for i in range(n):
            digit = _six(s.ptr[i], self.url)
            if digit < 0:
                return 0
            v = (v << 6) | <uint32_t>digit
            bits += 6
            if bits >= 8:
                bits -= 8
                out[k] = <char>((v >> bits) & 255)
                k += 1
        s.type = T_BIN
        s.ptr = out
        s.len = k
        return 1


cdef class Hex(Converter):
    """hex: two upper-case digits a byte; with a separator every `size` bytes as be2hex."""

    cdef bytes separator
    cdef uint32_t size
    cdef bint truncate

    def setup(self, list args, plain=True) -> None:
        self.separator = b""
        self.size = 1
        if not plain:
            self.separator = (args[0] or "").encode("utf-8", "surrogateescape")
            self.size = 1 if args[1] is None else args[1]
            self.truncate = bool(args[2])
            if args[1] is not None and args[1] < 1:
                raise ValueError(f"Chunk size must be positive (got {args[1]})")

    cdef int apply(self, Txn t, Sample *s) noexcept:
        cdef char *out = scratch()
        cdef uint32_t i, j, k = 0, n = s.len, sep = <uint32_t>len(self.separator)
        if self.truncate:
            n -= n % self.size
        for i in range(n):
            if k + 2 + sep > SCRATCH_SIZE:
                break
            if i and sep and i % self.size == 0:
                for j in range(sep):
                    out[k + j] = (<const char *>self.separator)[j]
                k += sep
            out[k] = _HEX[(<uint8_t>s.ptr[i]) >> 4]
            out[k + 1] = _HEX[(<uint8_t>s.ptr[i]) & 15]
            k += 2
        set_text(s, out, k)
        return 1


cdef class Decimal(Converter):
    """be2dec(separator,size[,truncate]): each `size` bytes, big endian, as a number."""

    cdef bytes separator
    cdef uint32_t size
    cdef bint truncate

    def setup(self, list args) -> None:
        if not 0 < args[1] <= 8:
            raise ValueError(f"Chunk size must be 1 to 8 (got {args[1]})")
        self.separator = (args[0] or "").encode("utf-8", "surrogateescape")
        self.size = args[1]
        self.truncate = bool(args[2])

    cdef int apply(self, Txn t, Sample *s) noexcept:
        cdef char *out = scratch()
        cdef uint32_t i = 0, j, k = 0, n = s.len, sep = <uint32_t>len(self.separator)
        cdef uint64_t v
        if self.truncate:
            n -= n % self.size
        while i < n and k + 24 + sep < SCRATCH_SIZE:
            if i:
                for j in range(sep):
                    out[k + j] = (<const char *>self.separator)[j]
                k += sep
            v = 0
            for j in range(i, min(n, i + self.size)):
                v = (v << 8) | <uint8_t>s.ptr[j]
            k += put_int(out + k, <int64_t>v)
            i += self.size
        set_text(s, out, k)
        return 1


cdef int _hex(char c) noexcept nogil:
    if c'0' <= c <= c'9':
        return c - c'0'
    c |= 32
    return c - c'a' + 10 if c'a' <= c <= c'f' else -1


cdef class HexNumber(Converter):
    """hex2i: hexadecimal text as an integer; stops at the first other character."""

    cdef int apply(self, Txn t, Sample *s) noexcept:
        cdef uint64_t v = 0
        cdef uint32_t i
        for i in range(s.len):
            if _hex(s.ptr[i]) < 0:
                break
            v = (v << 4) | <uint64_t>_hex(s.ptr[i])
        set_int(s, <int64_t>v)
        return 1


cdef class UrlDecode(Converter):
    """url_dec([in_form]): %XX; `+` is a blank behind `?`, or everywhere with in_form 1. None for a bad %XX."""

    cdef bint in_form

    def setup(self, list args) -> None:
        self.in_form = bool(args[0])

    cdef int apply(self, Txn t, Sample *s) noexcept:
        cdef char *out = scratch()
        cdef uint32_t i = 0, k = 0, n = s.len
        cdef bint form = self.in_form
        if n > SCRATCH_SIZE:
            return 0
        while i < n:
            if s.ptr[i] == c'%':
                if i + 2 >= n:
                    return 0
                if _hex(s.ptr[i + 1]) < 0 or _hex(s.ptr[i + 2]) < 0:
                    return 0
                out[k] = <char>(_hex(s.ptr[i + 1]) * 16 + _hex(s.ptr[i + 2]))
                i += 2
            elif s.ptr[i] == c'+' and form:
                out[k] = c' '
            else:
                form = form or s.ptr[i] == c'?'
                out[k] = s.ptr[i]
            k += 1
            i += 1
        set_text(s, out, k)
        return 1


cdef inline bint _plain(char c) noexcept nogil:
    """Unreserved characters (RFC 3986 2.3)."""
    return (c'a' <= c <= c'z' or c'A' <= c <= c'Z' or c'0' <= c <= c'9'
            or c == c'-' or c == c'.' or c == c'_' or c == c'~')


cdef class UrlEncode(Converter):
    """url_enc([query]): everything but unreserved characters as %XX."""

    def setup(self, list args) -> None:
        if args[0] not in (None, "", "query"):
            raise ValueError(f"Invalid encode type: '{args[0]}'")

    cdef int apply(self, Txn t, Sample *s) noexcept:
        cdef char *out = scratch()
        cdef uint32_t i, k = 0
        for i in range(s.len):
            if k + 3 > SCRATCH_SIZE:
                break
            if _plain(s.ptr[i]):
                out[k] = s.ptr[i]
                k += 1
            else:
                out[k] = c'%'
                out[k + 1] = _HEX[(<uint8_t>s.ptr[i]) >> 4]
                out[k + 2] = _HEX[(<uint8_t>s.ptr[i]) & 15]
                k += 3
        set_text(s, out, k)
        return 1


converter("base64", takes="bin", gives="str", source=_SOURCE)(Base64)
converter("ub64enc", takes="bin", gives="str", source=_SOURCE, url=True)(Base64)
converter("b64dec", takes="str", gives="bin", source=_SOURCE)(FromBase64)
converter("ub64dec", takes="str", gives="bin", source=_SOURCE, url=True)(FromBase64)
converter("hex", takes="bin", gives="str", source=_SOURCE)(Hex)
converter("be2hex", args="str? sint? sint?", takes="bin", gives="str", source=_SOURCE, plain=False)(Hex)
converter("be2dec", args="str sint sint?", takes="bin", gives="str", source=_SOURCE)(Decimal)
converter("hex2i", takes="str", gives="sint", source=_SOURCE)(HexNumber)
converter("url_dec", args="sint?", takes="str", gives="str", source=_SOURCE)(UrlDecode)
converter("url_enc", args="str?", takes="str", gives="str", source=_SOURCE)(UrlEncode)
