"""Samples: scratch memory, casts between types (manual 7.3), and the expression that joins fetch and converters."""

from libc.string cimport memcpy, memset, memcmp
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from haproxy_py.engine.sys cimport inet_ntop, inet_pton, AF_INET, AF_INET6
from haproxy_py.engine.txn cimport Txn
from haproxy_py.engine.message cimport Method

TYPE_NAMES = {T_ANY: "any", T_BOOL: "boolean", T_SINT: "integer", T_ADDR: "address", T_IPV4: "IPv4",
              T_IPV6: "IPv6", T_STR: "string", T_BIN: "binary", T_METH: "method"}
TYPES = {"any": T_ANY, "bool": T_BOOL, "sint": T_SINT, "addr": T_ADDR, "ipv4": T_IPV4, "ipv6": T_IPV6,
         "str": T_STR, "bin": T_BIN, "meth": T_METH}

cdef char _blocks[SCRATCH_BLOCKS][SCRATCH_SIZE]
cdef char _pages[PAGES][SCRATCH_SIZE]
cdef uint32_t _turn = 0
cdef uint32_t _page_turn = 0
cdef const uint8_t *_MAPPED = <const uint8_t *>b"\0\0\0\0\0\0\0\0\0\0\xff\xff"


cdef char *scratch() noexcept nogil:
    """The next scratch block, SCRATCH_SIZE bytes."""
    global _turn
    _turn = (_turn + 1) % SCRATCH_BLOCKS
    return _blocks[_turn]


cdef char *page() noexcept nogil:
    """The next page for a composed text, SCRATCH_SIZE bytes."""
    global _page_turn
    _page_turn = (_page_turn + 1) % PAGES
    return _pages[_page_turn]


cdef uint32_t put_int(char *out, int64_t value) noexcept nogil:
    """Write `value` in decimal; returns the number of characters."""
    cdef char digits[20]
    cdef uint32_t n = 0, k = 0
    cdef uint64_t left = <uint64_t>value if value >= 0 else <uint64_t>(-(value + 1)) + 1
    if value < 0:
        out[0] = c'-'
        k = 1
    while True:
        digits[n] = <char>(c'0' + left % 10)
        n += 1
        left //= 10
        if not left:
            break
    while n:
        n -= 1
        out[k] = digits[n]
        k += 1
    return k


cdef int64_t text_int(const char *p, uint32_t n) noexcept nogil:
    """Value of a leading decimal number; stops at the first other character, saturates at 2**63-1."""
    cdef uint32_t i = 0
    cdef bint minus = False
    cdef int64_t v = 0
    cdef int64_t top = 9223372036854775807
    if n and (p[0] == c'-' or p[0] == c'+'):
        minus = p[0] == c'-'
        i = 1
    while i < n and c'0' <= p[i] <= c'9':
        if v > (top - (p[i] - c'0')) // 10:
            v = top
            break
        v = v * 10 + (p[i] - c'0')
        i += 1
    return -v if minus else v


cdef int text_to_ip(const char *p, uint32_t n, uint8_t *ip) noexcept nogil:
    """Parse an IPv4 or IPv6 address without port or brackets into ip[16]; T_IPV4, T_IPV6 or 0."""
    cdef char text[48]
    if n == 0 or n >= 48:
        return 0
    memcpy(text, p, n)
    text[n] = 0
    if inet_pton(AF_INET, text, ip) == 1:
        return T_IPV4
    if inet_pton(AF_INET6, text, ip) == 1:
        return T_IPV6
    return 0


cdef int _to_bool(Sample *s) noexcept nogil:
    if s.type == T_STR:
        s.num = text_int(s.ptr, s.len)
    elif s.type != T_SINT:
        return 0
    set_bool(s, s.num != 0)
    return 1


cdef int _to_int(Sample *s) noexcept nogil:
    if s.type == T_STR:
        if s.len == 0:
            return 0
        s.num = text_int(s.ptr, s.len)
    elif s.type == T_IPV4:
        s.num = (<int64_t>s.ip[0] << 24) | (s.ip[1] << 16) | (s.ip[2] << 8) | s.ip[3]
    elif s.type != T_BOOL:
        return 0
    s.type = T_SINT
    return 1


cdef int _to_v4(Sample *s) noexcept nogil:
    cdef uint32_t v
    if s.type == T_IPV6:
        if memcmp(s.ip, _MAPPED, 12):
            return 0
        memcpy(s.ip, s.ip + 12, 4)
    elif s.type == T_STR:
        if text_to_ip(s.ptr, s.len, s.ip) != T_IPV4:
            return 0
    elif s.type == T_SINT:
        v = <uint32_t>s.num
        s.ip[0] = v >> 24
        s.ip[1] = (v >> 16) & 255
        s.ip[2] = (v >> 8) & 255
        s.ip[3] = v & 255
    else:
        return 0
    s.type = T_IPV4
    return 1


cdef int _to_v6(Sample *s) noexcept nogil:
    if s.type == T_SINT and not _to_v4(s):
        return 0
    if s.type == T_IPV4:
        memcpy(s.ip + 12, s.ip, 4)
        memcpy(s.ip, _MAPPED, 12)
    elif s.type != T_STR or text_to_ip(s.ptr, s.len, s.ip) != T_IPV6:
        return 0
    s.type = T_IPV6
    return 1


cdef int _to_addr(Sample *s) noexcept nogil:
    cdef int kind
    if s.type == T_IPV4 or s.type == T_IPV6:
        return 1
    if s.type == T_STR:
        kind = text_to_ip(s.ptr, s.len, s.ip)
        if kind:
            s.type = kind
        return kind != 0
    return _to_v4(s)


cdef uint32_t _strlen(const char *p) noexcept nogil:
    cdef uint32_t n = 0
    while p[n]:
        n += 1
    return n


cdef int _to_str(Sample *s) noexcept nogil:
    cdef char *out
    if s.type == T_METH or s.type == T_BIN:
        s.type = T_STR
        return 1
    out = scratch()
    if s.type == T_BOOL or s.type == T_SINT:
        set_text(s, out, put_int(out, s.num))
        return 1
    if s.type == T_IPV4 or s.type == T_IPV6:
        if inet_ntop(AF_INET if s.type == T_IPV4 else AF_INET6, s.ip, out, 64) == NULL:
            return 0
        set_text(s, out, _strlen(out))
        return 1
    return 0


cdef int _to_bin(Sample *s) noexcept nogil:
    cdef char *out
    cdef int i
    if s.type == T_STR or s.type == T_METH:
        s.type = T_BIN
        return 1
    out = scratch()
    if s.type == T_SINT or s.type == T_BOOL:
        for i in range(8):
            out[i] = <char>((s.num >> (56 - 8 * i)) & 255)
        s.len = 8
    elif s.type == T_IPV4 or s.type == T_IPV6:
        s.len = 4 if s.type == T_IPV4 else 16
        memcpy(out, s.ip, s.len)
    else:
        return 0
    s.ptr = out
    s.type = T_BIN
    return 1


cdef int sample_cast(Sample *s, int to) noexcept nogil:
    """Turn a sample into type `to` in place (manual 7.3: implicit conversions). 1 done, 0 impossible."""
    if s.type == to or to == T_ANY:
        return 1
    if to == T_STR:
        return _to_str(s)
    if to == T_SINT:
        return _to_int(s)
    if to == T_BOOL:
        return _to_bool(s)
    if to == T_ADDR:
        return _to_addr(s)
    if to == T_BIN:
        return _to_bin(s)
    if to == T_IPV4:
        return _to_v4(s)
    if to == T_IPV6:
        return _to_v6(s)
    if to == T_METH and s.type == T_STR:
        s.type = T_METH
        s.num = 0
        return 1
    return 0


cdef class Fetch:
    """Base of every sample fetch. Made at parse time, then setup(args), then resolve(world) once proxies exist."""

    def setup(self, list args) -> None:
        """Take the checked arguments (None for one that was left out). Raises ValueError with HAProxy's complaint."""

    def resolve(self, world) -> None:
        """Bind names of proxies and servers to their slots."""

    cdef int eval(self, Txn t, Sample *s) noexcept:
        return 0


cdef class Converter:
    """Base of every converter."""

    def setup(self, list args) -> None:
        """Take the checked arguments. Raises ValueError."""

    def resolve(self, world) -> None:
        """Bind names of proxies and servers to their slots."""

    cdef int apply(self, Txn t, Sample *s) noexcept:
        return 0


cdef class Expr:
    """One compiled expression."""

    def __init__(self, Fetch fetch, list steps, int out_type, str text) -> None:
        """steps: [(Converter, input type)]; out_type: of the last step; text: as written."""
        cdef int i
        if len(steps) > 16:
            raise ValueError("too many converters")
        self.fetch = fetch
        self.convs = [step[0] for step in steps]
        self.wants = [step[1] for step in steps]
        self.out_type = out_type
        self.text = text
        self.count = len(steps)
        for i in range(self.count):
            self._wants[i] = self.wants[i]

    def resolve(self, world) -> None:
        """Bind every part to the running proxies."""
        self.fetch.resolve(world)
        for conv in self.convs:
            conv.resolve(world)

    cdef int eval(self, Txn t, Sample *s) noexcept:
        """One occurrence: 1 with `s` filled, 0 none, -1 more bytes needed."""
        cdef int i, rc
        s.flags = 0
        rc = self.fetch.eval(t, s)
        if rc <= 0:
            return rc
        for i in range(self.count):
            if not sample_cast(s, self._wants[i]) or not (<Converter>self.convs[i]).apply(t, s):
                return 0
        return 1

    cdef int eval_as(self, Txn t, Sample *s, int type) noexcept:
        """First occurrence, cast to `type`."""
        cdef int rc
        memset(s, 0, sizeof(Sample))
        rc = self.eval(t, s)
        if rc > 0 and not sample_cast(s, type):
            return 0
        return rc
