"""What a TLS hello says before any handshake here (manual 7.3.5; RFC 5246 7.4.1, RFC 8446 4.1.2, RFC 6066 3).

The ClientHello is read from the first bytes of the connection: record header (5), handshake header (4), version (2),
random (32), session id, cipher suites, compression methods, extensions. -1 while bytes of it are missing.
"""

from libc.stdint cimport uint8_t, uint32_t
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.sample cimport Fetch, Sample, set_int, set_text, scratch, SCRATCH_SIZE, T_BIN
from haproxy_py.rules.registry import acl_keyword, fetch

_SOURCE = "manual 7.3.5"

cdef enum What:
    SNI
    ALPN
    VERSION
    CIPHERS
    EC_EXT

_WHAT = {"sni": SNI, "alpn": ALPN, "ver": VERSION, "ciphers": CIPHERS, "ec_ext": EC_EXT}

cdef enum:
    HANDSHAKE = 22
    CLIENT_HELLO = 1
    EXT_SERVER_NAME = 0
    EXT_GROUPS = 10
    EXT_ALPN = 16
    EXT_VERSIONS = 43


cdef struct Hello:
    const uint8_t *body        # behind the handshake header
    uint32_t n                 # bytes of it that may be read
    uint32_t ciphers           # offset of the list's length
    uint32_t extensions        # offset of the first extension; 0: none
    uint32_t end               # end of the extensions


cdef inline uint32_t _u16(const uint8_t *p) noexcept nogil:
    return (<uint32_t>p[0] << 8) | p[1]


cdef int _record(Txn t, uint32_t *length) noexcept nogil:
    """Check the record and handshake headers: 1 with the hello's length, 0 not TLS, -1 more bytes."""
    cdef const uint8_t *p = <const uint8_t *>t.payload
    cdef uint32_t n = t.payload_len
    if n < 1:
        return -1
    if p[0] != HANDSHAKE:
        return 0
    if n < 9:
        return -1
    if p[1] < 3 or _u16(p + 3) < 4 or p[5] != CLIENT_HELLO:
        return 0
    length[0] = (<uint32_t>p[6] << 16) | _u16(p + 7)
    if length[0] < 38 or length[0] + 4 > _u16(p + 3):
        return 0
    return 1 if n >= 9 + length[0] else -1


cdef int _hello(Txn t, Hello *h) noexcept nogil:
    """Walk a whole ClientHello up to its extensions: 1, 0 or -1."""
    cdef uint32_t i, length = 0
    cdef int rc = _record(t, &length)
    if rc <= 0:
        return rc
    h.body = <const uint8_t *>t.payload + 9
    h.n = length
    i = 34
    i += 1 + h.body[i]
    if i + 2 > length:
        return 0
    h.ciphers = i
    i += 2 + _u16(h.body + i)
    if i + 1 > length:
        return 0
    i += 1 + h.body[i]
    h.extensions = 0
    h.end = 0
    if i + 2 > length:
        return 1
    h.extensions = i + 2
    h.end = i + 2 + _u16(h.body + i)
    return 0 if h.end > length else 1


cdef int _extension(Hello *h, uint32_t kind, const uint8_t **p, uint32_t *n) noexcept nogil:
    """Find an extension's content; 0: absent."""
    cdef uint32_t i = h.extensions
    while i and i + 4 <= h.end:
        n[0] = _u16(h.body + i + 2)
        if i + 4 + n[0] > h.end:
            return 0
        if _u16(h.body + i) == kind:
            p[0] = h.body + i + 4
            return 1
        i += 4 + n[0]
    return 0


cdef int _sni(Hello *h, Sample *s) noexcept nogil:
    """The host_name of the server_name list."""
    cdef const uint8_t *p
    cdef uint32_t n, i = 2, length
    if not _extension(h, EXT_SERVER_NAME, &p, &n):
        return 0
    while i + 3 <= n:
        length = _u16(p + i + 1)
        if i + 3 + length > n:
            return 0
        if p[i] == 0:
            set_text(s, <const char *>p + i + 3, length)
            return 1
        i += 3 + length
    return 0


cdef int _alpn(Hello *h, Sample *s) noexcept nogil:
    """Protocol names in order, commas between them."""
    cdef const uint8_t *p
    cdef uint32_t n, i = 2, k = 0, j
    cdef char *out
    if not _extension(h, EXT_ALPN, &p, &n):
        return 0
    out = scratch()
    while i < n and i + 1 + p[i] <= n and k + p[i] + 1 < SCRATCH_SIZE:
        if k:
            out[k] = c','
            k += 1
        for j in range(p[i]):
            out[k + j] = <char>p[i + 1 + j]
        k += p[i]
        i += 1 + p[i]
    set_text(s, out, k)
    return 1


cdef int _version(Hello *h, Sample *s) noexcept nogil:
    """Highest version offered, as major << 16 | minor: 3.1 is TLS 1.0, 3.4 is TLS 1.3."""
    cdef const uint8_t *p
    cdef uint32_t n, i = 1, best = _u16(h.body)
    if _extension(h, EXT_VERSIONS, &p, &n):
        while i + 2 <= n:
            if p[i] == 3 and _u16(p + i) > best:
                best = _u16(p + i)
            i += 2
    set_int(s, ((best >> 8) << 16) | (best & 255))
    return 1


cdef class ClientHello(Fetch):
    """One fact of the ClientHello."""

    cdef int what

    def setup(self, list args, what="sni") -> None:
        self.what = _WHAT[what]

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef Hello h
        cdef const uint8_t *p
        cdef uint32_t n
        cdef int rc = _hello(t, &h)
        if rc <= 0:
            return 0 if t.payload_final else rc
        if self.what == SNI:
            return _sni(&h, s)
        if self.what == ALPN:
            return _alpn(&h, s)
        if self.what == VERSION:
            return _version(&h, s)
        if self.what == EC_EXT:
            set_int(s, _extension(&h, EXT_GROUPS, &p, &n))
            s.type = 1
            return 1
        s.type = T_BIN
        s.ptr = <const char *>h.body + h.ciphers + 2
        s.len = _u16(h.body + h.ciphers)
        return 1


cdef class HelloType(Fetch):
    """req.ssl_hello_type, res.ssl_hello_type: 0 none, 1 ClientHello, 2 ServerHello."""

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef const uint8_t *p = <const uint8_t *>t.payload
        cdef uint32_t n = t.payload_len
        set_int(s, 0)
        if n and p[0] == HANDSHAKE:
            if n < 6:
                return 1 if t.payload_final else -1
            if p[1] >= 3 and (p[5] == 1 or p[5] == 2):
                s.num = p[5]
            return 1
        if n:
            return 1 if self._sslv2(p, n, s) else 0
        return 0 if t.payload_final else -1

    cdef bint _sslv2(self, const uint8_t *p, uint32_t n, Sample *s) noexcept:
        """A hello in SSLv2 framing (high bit of a two-byte length, message type 1)."""
        if n < 5 or not p[0] & 0x80 or p[2] != 1 or p[3] < 2:
            return False
        s.num = 1
        return True


for _end, _what, _type in (("sni", "sni", "str"), ("alpn", "alpn", "str"), ("ver", "ver", "sint"),
                           ("cipherlist", "ciphers", "bin"), ("ec_ext", "ec_ext", "bool")):
    _names = (f"req.ssl_{_end}", f"req_ssl_{_end}") if _end in ("sni", "ver") else (f"req.ssl_{_end}",)
    fetch(*_names, type=_type, needs="l6req", source=_SOURCE, what=_what)(ClientHello)
fetch("req.ssl_hello_type", "req_ssl_hello_type", type="sint", needs="l6req", source=_SOURCE)(HelloType)
fetch("res.ssl_hello_type", "rep_ssl_hello_type", type="sint", needs="l6res", source=_SOURCE)(HelloType)
acl_keyword("req_ssl_sni", fetch="req.ssl_sni", match="str", source=_SOURCE)
acl_keyword("req.ssl_ver", "req_ssl_ver", fetch="req.ssl_ver", match="dotted_ver", source=_SOURCE)
