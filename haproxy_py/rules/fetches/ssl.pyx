"""The TLS session that we terminate or open (manual 7.3.4)."""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport strlen
from haproxy_py.engine.conn cimport Conn
from haproxy_py.engine.tls cimport TlsSession
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.sample cimport Fetch, Sample, set_bool, set_int, set_text, T_BIN
from haproxy_py.rules.registry import acl_keyword, fetch

_SOURCE = "manual 7.3.4"

cdef enum What:
    USED
    SNI
    HAS_SNI
    ALPN
    PROTOCOL
    CIPHER
    SESSION_ID
    RESUMED
    HAS_CRT
    VERIFY
    KEY_USED
    KEY_ALGORITHM

_WHAT = {"used": USED, "sni": SNI, "has_sni": HAS_SNI, "alpn": ALPN, "protocol": PROTOCOL, "cipher": CIPHER,
         "session_id": SESSION_ID, "resumed": RESUMED, "has_crt": HAS_CRT, "verify": VERIFY, "use_keysize": KEY_USED,
         "alg_keysize": KEY_ALGORITHM}


cdef int _text(Sample *s, const char *p) noexcept:
    if p == NULL:
        return 0
    set_text(s, p, <uint32_t>strlen(p))
    return 1


cdef int _alpn(TlsSession tls, Sample *s) noexcept:
    cdef const uint8_t *p = NULL
    cdef uint32_t n = 0
    tls.alpn(&p, &n)
    set_text(s, <const char *>p, n)
    return n != 0


cdef int _session_id(TlsSession tls, Sample *s) noexcept:
    cdef const uint8_t *p = NULL
    cdef uint32_t n = 0
    tls.session_id(&p, &n)
    set_text(s, <const char *>p, n)
    s.type = T_BIN
    return n != 0


cdef int _number(TlsSession tls, Sample *s, int what) noexcept:
    cdef int algorithm = 0, used
    if what == VERIFY:
        set_int(s, tls.verify_result())
        return 1
    used = tls.key_bits(&algorithm)
    set_int(s, used if what == KEY_USED else algorithm)
    return s.num > 0


cdef class Session(Fetch):
    """One fact of the session of either side. `ssl_fc` is also true when a PROXY header said so (Txn.ssl_front)."""

    cdef int what
    cdef bint back

    def setup(self, list args, what="used", back=False) -> None:
        self.what = _WHAT[what]
        self.back = back

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef Conn conn = t.server if self.back else t.client
        cdef TlsSession tls = conn.tls if conn is not None else None
        if self.what == USED:
            set_bool(s, tls is not None or (t.ssl_front and not self.back))
            return 1
        if tls is None:
            return 0
        if self.what == SNI:
            return _text(s, tls.sni())
        if self.what == ALPN:
            return _alpn(tls, s)
        if self.what == PROTOCOL:
            return _text(s, tls.version())
        if self.what == CIPHER:
            return _text(s, tls.cipher())
        if self.what == SESSION_ID:
            return _session_id(tls, s)
        if self.what == VERIFY or self.what == KEY_USED or self.what == KEY_ALGORITHM:
            return _number(tls, s, self.what)
        if self.what == HAS_SNI:
            set_bool(s, tls.sni() != NULL)
        elif self.what == RESUMED:
            set_bool(s, tls.resumed())
        else:
            set_bool(s, tls.has_peer_certificate())
        return 1


def _register(str prefix, bint back, str needs) -> None:
    made = {"needs": needs, "source": _SOURCE, "back": back}
    fetch(prefix, type="bool", what="used", **made)(Session)
    for end, kind in (("sni", "str"), ("alpn", "str"), ("protocol", "str"), ("cipher", "str"), ("session_id", "bin"),
                      ("use_keysize", "sint"), ("alg_keysize", "sint")):
        fetch(f"{prefix}_{end}", type=kind, what=end, **made)(Session)
    fetch(f"{prefix}_is_resumed", type="bool", what="resumed", **made)(Session)


_register("ssl_fc", False, "l5cli")
_register("ssl_bc", True, "l5srv")
fetch("ssl_fc_has_sni", type="bool", needs="l5cli", source=_SOURCE, what="has_sni")(Session)
fetch("ssl_fc_has_crt", "ssl_c_used", type="bool", needs="l5cli", source=_SOURCE, what="has_crt")(Session)
fetch("ssl_c_verify", type="sint", needs="l5cli", source=_SOURCE, what="verify")(Session)
acl_keyword("ssl_fc_sni_end", fetch="ssl_fc_sni", match="end", source=_SOURCE)
acl_keyword("ssl_fc_sni_reg", fetch="ssl_fc_sni", match="reg", source=_SOURCE)
