"""Log lines as one JSON object or CBOR map: %{+json}o, %{+cbor}o, %{+cbor,+bin}o (HAProxy 3.0, manual 8.2.6; RFC 8259, 8949).

Only items with a name are shown: %(name)alias, %(name:type)[expression]. Aliases that are numbers are numbers, the rest is text;
a type (str, sint, bool) says otherwise. What is not there is null. Text that is not UTF-8 is shown as if it were Latin-1.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.logformat cimport Format, LogNode
from haproxy_py.rules.sample cimport put_int

from haproxy_py.rules.logaliases import NumberNode, PortNode

cdef enum:
    ENC_JSON = 0
    ENC_CBOR = 1
    ENC_CBOR_BIN = 2
    AS_TEXT = 0
    AS_NUMBER = 1
    AS_BOOL = 2
    VALUE = 65536

JSON, CBOR, CBOR_BIN = ENC_JSON, ENC_CBOR, ENC_CBOR_BIN
_TYPES = {"str": AS_TEXT, "sint": AS_NUMBER, "bool": AS_BOOL}
cdef const char *_HEX = "0123456789abcdef"
cdef char value[VALUE]


cdef uint32_t utf8_length(const uint8_t *p, uint32_t n) noexcept nogil:
    """Bytes of the character at p; 0: no UTF-8 (RFC 3629)."""
    cdef uint32_t k = 2 if 0xC2 <= p[0] < 0xE0 else 3 if p[0] & 0xF0 == 0xE0 else 4 if 0xF0 <= p[0] < 0xF5 else 0
    cdef uint32_t i
    if p[0] < 0x80:
        return 1
    if k == 0 or k > n:
        return 0
    for i in range(1, k):
        if p[i] & 0xC0 != 0x80:
            return 0
    if (p[0] == 0xE0 and p[1] < 0xA0) or (p[0] == 0xED and p[1] > 0x9F) or (p[0] == 0xF0 and p[1] < 0x90) or (p[0] == 0xF4 and p[1] > 0x8F):
        return 0
    return k


cdef uint32_t json_text(const uint8_t *p, uint32_t n, char *out, uint32_t room) noexcept nogil:
    """A quoted string; cut at a whole character when it does not fit."""
    cdef uint32_t i = 0, k = 1, c
    out[0] = c'"'
    while i < n and k + 8 < room:
        c = utf8_length(p + i, n - i)
        if p[i] == c'"' or p[i] == c'\\':
            out[k] = c'\\'
            out[k + 1] = <char>p[i]
            k += 2
        elif p[i] < 32 or p[i] == 127 or c == 0:
            memcpy(out + k, b"\\u00", 4)
            out[k + 4] = _HEX[p[i] >> 4]
            out[k + 5] = _HEX[p[i] & 15]
            k += 6
        else:
            memcpy(out + k, p + i, c)
            k += c
        i += c if c else 1
    out[k] = c'"'
    return k + 1


cdef uint32_t cbor_head(uint8_t major, uint64_t n, char *out) noexcept nogil:
    """RFC 8949 3: at most nine bytes."""
    cdef uint32_t size = 0, i
    cdef int first = <int>n
    if n >= 24:
        size = 1
        first = 24
        while size < 8 and n >> (8 * size):
            size *= 2
            first += 1
    out[0] = <char>(major << 5 | first)
    for i in range(size):
        out[1 + i] = <char>(n >> (8 * (size - 1 - i)) & 255)
    return 1 + size


cdef uint32_t cbor_text(const uint8_t *p, uint32_t n, char *out, uint32_t room) noexcept nogil:
    """A text string; bytes that are no UTF-8 become the characters of Latin-1."""
    cdef uint32_t i = 0, k = 0, c
    if room < 2 * n + 9:
        n = (room - 9) // 2 if room > 9 else 0
    while i < n:
        c = utf8_length(p + i, n - i)
        k += c if c else 2
        i += c if c else 1
    k = cbor_head(3, k, out)
    i = 0
    while i < n:
        c = utf8_length(p + i, n - i)
        if c:
            memcpy(out + k, p + i, c)
            k += c
        else:
            out[k] = <char>(0xC0 | p[i] >> 6)
            out[k + 1] = <char>(0x80 | (p[i] & 63))
            k += 2
        i += c if c else 1
    return k


cdef bint number_of(const char *p, uint32_t n, int64_t *out) noexcept nogil:
    """Digits with an optional sign and nothing else."""
    cdef uint32_t i = 1 if n and (p[0] == c'-' or p[0] == c'+') else 0
    cdef int64_t v = 0
    if i == n or n > 19:
        return False
    while i < n:
        if not c'0' <= p[i] <= c'9':
            return False
        v = v * 10 + (p[i] - c'0')
        i += 1
    out[0] = -v if p[0] == c'-' else v
    return True


cdef class EncodedFormat(Format):
    """Args: nodes and (name, type) of each; "" for no type."""

    cdef list names
    cdef list types
    cdef int encoding

    def __init__(self, str text, list nodes, list names, int encoding, bint wants_uri=False) -> None:
        super().__init__(text, nodes, wants_uri)
        self.names = [name.encode("utf-8", "surrogateescape") for name, _ in names]
        self.types = [
            _TYPES[kind] if kind else AS_NUMBER if isinstance(node, (NumberNode, PortNode)) else AS_TEXT
            for node, (_, kind) in zip(nodes, names, strict=True)
        ]
        self.encoding = encoding

    @property
    def fixed(self) -> None:
        """No object is."""
        return None

    cdef int render(self, Txn t, char *out, uint32_t room) noexcept:
        cdef uint32_t k
        if room < 16:
            return 0
        if self.encoding == ENC_JSON:
            return <int>self.json(t, out, room)
        if self.encoding == ENC_CBOR_BIN:
            return <int>self.cbor(t, out, room)
        k = self.cbor(t, out, room // 2)             # as hexadecimal digits: from the end, in place
        room = k
        while k:
            k -= 1
            out[2 * k + 1] = b"0123456789ABCDEF"[<uint8_t>out[k] & 15]
            out[2 * k] = b"0123456789ABCDEF"[<uint8_t>out[k] >> 4]
        return <int>(2 * room)

    cdef uint32_t json(self, Txn t, char *out, uint32_t room) noexcept:
        cdef uint32_t k = 1, n, i
        cdef bytes name
        out[0] = c'{'
        for i in range(<uint32_t>len(self.nodes)):
            name = self.names[i]
            n = (<LogNode>self.nodes[i]).emit(t, value, VALUE)
            if k + len(name) * 6 + 48 > room:
                break
            if k > 1:
                memcpy(out + k, b", ", 2)
                k += 2
            k += json_text(<const uint8_t *><const char *>name, <uint32_t>len(name), out + k, room - k)
            memcpy(out + k, b": ", 2)
            k += 2
            k += self.json_value(self.types[i], n, out + k, room - k - 2)
        out[k] = c'}'
        return k + 1

    cdef uint32_t json_value(self, int kind, uint32_t n, char *out, uint32_t room) noexcept:
        cdef int64_t number = 0
        if n == 0:
            memcpy(out, b"null", 4)
            return 4
        if kind == AS_TEXT or not number_of(value, n, &number):
            if kind != AS_BOOL:
                return json_text(<const uint8_t *>value, n, out, room)
            number = n == 4 and value[0] == c't'
        if kind == AS_BOOL:
            memcpy(out, b"true " if number else b"false", 5)
            return 4 if number else 5
        return put_int(out, number)

    cdef uint32_t cbor(self, Txn t, char *out, uint32_t room) noexcept:
        cdef uint32_t k = 1, n, i
        cdef bytes name
        out[0] = <char>0xBF                          # a map of unknown size
        for i in range(<uint32_t>len(self.nodes)):
            name = self.names[i]
            n = (<LogNode>self.nodes[i]).emit(t, value, VALUE)
            if k + 2 * len(name) + 48 > room:
                break
            k += cbor_text(<const uint8_t *><const char *>name, <uint32_t>len(name), out + k, room - k)
            k += self.cbor_value(self.types[i], n, out + k, room - k - 1)
        out[k] = <char>0xFF
        return k + 1

    cdef uint32_t cbor_value(self, int kind, uint32_t n, char *out, uint32_t room) noexcept:
        cdef int64_t number = 0
        if n == 0:
            out[0] = <char>0xF6                      # null
            return 1
        if kind == AS_TEXT or not number_of(value, n, &number):
            if kind != AS_BOOL:
                return cbor_text(<const uint8_t *>value, n, out, room)
            number = n == 4 and value[0] == c't'
        if kind == AS_BOOL:
            out[0] = <char>(0xF5 if number else 0xF4)
            return 1
        return cbor_head(0, <uint64_t>number, out) if number >= 0 else cbor_head(1, <uint64_t>(-1 - number), out)
