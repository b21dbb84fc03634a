"""Making an SSL_CTX from TlsParams. Runs while the configuration loads; failures are TlsSetupError."""

from libc.stdint cimport uint32_t
from haproxy_py.engine.openssl cimport SSL, SSL_CTX, X509_STORE_CTX

cdef SSL_CTX *ctx_new(bint server, object params) except NULL            # options, versions, ciphers, verification
cdef int ctx_certificate(SSL_CTX *ctx, object certificate) except -1     # a CertificateParams: leaf, key, chain, dh
cdef void ctx_free(SSL_CTX *ctx) noexcept                                # and counts it
cdef uint32_t ctx_live() noexcept
cdef bytes alpn_wire(object names)                                       # length-prefixed names (RFC 7301 3.1)
cdef int on_verify(int ok, X509_STORE_CTX *c) noexcept nogil
