"""Received bytes as they are (manual 7.3.5)."""

from libc.stdint cimport uint32_t, int64_t, uint8_t
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.sample cimport Fetch, Sample, set_int, S_MAY_CHANGE, T_BIN
from haproxy_py.rules.registry import acl_keyword, fetch

_SOURCE = "manual 7.3.5"


cdef class Length(Fetch):
    """req.len: bytes waiting in the buffer."""

    cdef int eval(self, Txn t, Sample *s) noexcept:
        set_int(s, t.payload_len)
        s.flags |= S_MAY_CHANGE
        return 1


cdef class Payload(Fetch):
    """req.payload(offset,length): length 0 takes what is there and may still grow."""

    def setup(self, list args) -> None:
        if args[0] < 0 or args[1] < 0:
            raise ValueError("payload's offset and length must not be negative")
        self.offset = args[0]
        self.length = args[1]

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef uint32_t n = self.length
        if self.offset + <int64_t>n > t.payload_len or (n == 0 and self.offset > t.payload_len):
            return 0 if t.payload_final else -1
        if n == 0:
            n = t.payload_len - self.offset
            s.flags |= S_MAY_CHANGE
        s.type = T_BIN
        s.ptr = t.payload + self.offset
        s.len = n
        return 1


cdef class LengthValue(Fetch):
    """req.payload_lv(offset1,length[,offset2]): the length stands in `length` bytes at offset1, big endian.

    offset2 is where the value starts: absolute, or behind the length field when it has a sign; behind it by default.
    """

    def setup(self, list args) -> None:
        if args[0] < 0 or not 0 < args[1] <= 8:
            raise ValueError("payload length must be 1 to 8 bytes, its offset not negative")
        self.at = args[0]
        self.width = args[1]
        text = args[2] or "+0"
        self.relative = text[0] in "+-"
        if not text.lstrip("+-").isdecimal() or not text.isascii():
            raise ValueError(f"failed to parse '{text}' as type 'integer' at position 3")
        self.value_at = int(text)
        if self.relative and self.at + self.width + self.value_at < 0:
            raise ValueError(f"payload offset2 '{text}' is before the start of the buffer")

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef int64_t n = 0, start
        cdef uint32_t i
        if self.at + <int64_t>self.width > t.payload_len:
            return 0 if t.payload_final else -1
        for i in range(self.width):
            n = (n << 8) | <uint8_t>t.payload[self.at + i]
        start = self.at + self.width + self.value_at if self.relative else self.value_at
        if n <= 0 or n > 0x7fffffff:
            return 0
        if start + n > t.payload_len:
            return 0 if t.payload_final else -1
        s.type = T_BIN
        s.ptr = t.payload + start
        s.len = <uint32_t>n
        return 1


cdef class Body(Payload):
    """What of a body stands in the buffer, from its first byte on."""

    def setup(self, list args) -> None:
        self.offset = 0
        self.length = 0


fetch("req.len", "req_len", type="sint", needs="l6req", source=_SOURCE)(Length)
fetch("req.payload", "payload", args="sint sint", type="bin", needs="l6req", source=_SOURCE)(Payload)
fetch("req.payload_lv", "payload_lv", args="sint sint str?", type="bin", needs="l6req", source=_SOURCE)(LengthValue)
acl_keyword("payload", fetch="req.payload", match="bin", source=_SOURCE)
acl_keyword("payload_lv", fetch="req.payload_lv", match="bin", source=_SOURCE)
