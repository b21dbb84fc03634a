"""Errors of the connection and its TLS handshake, as numbers (manual 7.3.3, 7.3.4); 0: none."""

from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.registry import fetch
from haproxy_py.rules.sample cimport Fetch, Sample, set_int


cdef class ConnectionError(Fetch):
    """fc_err: a stream exists only on a connection that was set up, so its own error is 0."""

    cdef int eval(self, Txn t, Sample *s) noexcept:
        set_int(s, 0)
        return 1


cdef class TlsError(Fetch):
    """ssl_fc_err: OpenSSL's number of the client side's fatal error."""

    cdef int eval(self, Txn t, Sample *s) noexcept:
        if t.client is None or t.client.tls is None:
            return 0
        set_int(s, <long>t.client.tls.error_code)
        return 1


cdef class CertificateError(Fetch):
    """ssl_c_err, ssl_c_ca_err: verification result of the client's certificate, 0 for the part it does not concern."""

    cdef bint authority

    def setup(self, list args, authority=False) -> None:
        self.authority = authority

    cdef int eval(self, Txn t, Sample *s) noexcept:
        if t.client is None or t.client.tls is None:
            return 0
        set_int(s, 0 if self.authority else t.client.tls.verify_result())
        return 1


fetch("fc_err", type="sint", needs="l4cli", source="manual 7.3.3")(ConnectionError)
fetch("ssl_fc_err", type="sint", needs="l5cli", source="manual 7.3.4")(TlsError)
fetch("ssl_c_err", type="sint", needs="l5cli", source="manual 7.3.4")(CertificateError)
fetch("ssl_c_ca_err", type="sint", needs="l5cli", source="manual 7.3.4", authority=True)(CertificateError)
