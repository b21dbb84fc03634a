# distutils: libraries = ssl crypto
"""The certificates of a context by group, and what OpenSSL calls back while a handshake runs.

A group is one SSL_CTX: the certificates (one per key type) that some server names select, with settings of its own where a
crt-list line has them. The callbacks are C functions on TlsConf and CertGroup; no Python object is touched in them.
Source: RFC 6066 3 and 8, RFC 7301; manual 5.1 `crt`, `crt-list`, `strict-sni`, `alpn`.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport malloc, free
from libc.string cimport memcpy, strlen
from cpython.bytes cimport PyBytes_AS_STRING
from haproxy_py.engine.openssl cimport *
from haproxy_py.engine.tls_io cimport TlsIo
from haproxy_py.engine.tls_names cimport CertGroup, NAME_MOST, NAME_NONE, TlsConf, hello_name, names_find
from haproxy_py.engine.tls_setup cimport alpn_wire, ctx_certificate, ctx_free, ctx_new, on_verify


cdef void apply_own(SSL *ssl, CertGroup *g) noexcept nogil:
    """Settings of a crt-list line that a session does not take from its new context by itself."""
    SSL_set_min_proto_version(ssl, g.min_version)
    SSL_set_max_proto_version(ssl, g.max_version)
    SSL_set_options(ssl, SSL_CTX_get_options(g.ctx))
    SSL_set_verify(ssl, SSL_CTX_get_verify_mode(g.ctx), on_verify)
    if g.curves != NULL:
        SSL_set1_groups_list(ssl, g.curves)


cdef int on_hello(SSL *ssl, int *alert, void *arg) noexcept nogil:
    """Choose the certificates by server name before anything else of the ClientHello is looked at."""
    cdef TlsConf *conf = <TlsConf *>arg
    cdef const char *name
    cdef uint32_t n
    cdef int group = NAME_NONE
    if hello_name(ssl, &name, &n):
        group = names_find(&conf.names, name, n)
    if group < 0:
        if conf.strict_sni:
            alert[0] = SSL_AD_UNRECOGNIZED_NAME
            return SSL_CLIENT_HELLO_ERROR
        group = 0
    if group:
        SSL_set_SSL_CTX(ssl, conf.groups[group].ctx)
    if conf.groups[group].own:
        apply_own(ssl, &conf.groups[group])
    return SSL_CLIENT_HELLO_SUCCESS


cdef int on_servername(SSL *ssl, int *alert, void *arg) noexcept nogil:
    """The choice is made; say that the name was used (its answer in ServerHello, RFC 6066 3)."""
    return SSL_TLSEXT_ERR_OK if SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) != NULL else SSL_TLSEXT_ERR_NOACK


cdef int on_alpn(SSL *ssl, const uint8_t **out, uint8_t *n, const uint8_t *offered, unsigned int size, void *arg) noexcept nogil:
    """The server's order decides; nothing in common: no protocol is agreed on and the handshake goes on, as HAProxy's."""
    cdef CertGroup *g = <CertGroup *>arg
    if SSL_select_next_proto(<uint8_t **>out, n, g.alpn, g.alpn_len, offered, size) != OPENSSL_NPN_NEGOTIATED:
        return SSL_TLSEXT_ERR_NOACK
    return SSL_TLSEXT_ERR_OK


cdef int on_status(SSL *ssl, void *arg) noexcept nogil:
    """Staple the stored OCSP response (RFC 6066 8)."""
    cdef CertGroup *g = <CertGroup *>arg
    cdef uint8_t *copy
    if g.ocsp == NULL:
        return SSL_TLSEXT_ERR_NOACK
    copy = <uint8_t *>OPENSSL_malloc(g.ocsp_len)
    if copy == NULL:
        return SSL_TLSEXT_ERR_NOACK
    memcpy(copy, g.ocsp, g.ocsp_len)
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, g.ocsp_len)
    return SSL_TLSEXT_ERR_OK


cdef int on_client_session(SSL *ssl, SSL_SESSION *session) noexcept nogil:
    """Client: the newest session of this context is what the next connection resumes. 1: the reference is ours."""
    cdef TlsIo *io = <TlsIo *>SSL_get_ex_data(ssl, 0)
    cdef const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)
    cdef size_t n = strlen(name) if name != NULL else 0
    if io == NULL or n > NAME_MOST:
        return 0
    if io.conf.last != NULL:
        SSL_SESSION_free(io.conf.last)
    io.conf.last = session
    memcpy(io.conf.last_name, name, n)
    io.conf.last_name[n] = 0
    return 1


cdef void hello_use(SSL_CTX *ctx, TlsConf *conf) noexcept nogil:
    SSL_CTX_set_client_hello_cb(ctx, on_hello, conf)


cdef void client_sessions_use(SSL_CTX *ctx) noexcept nogil:
    SSL_CTX_sess_set_new_cb(ctx, on_client_session)


cdef char *copied(bytes data) except? NULL:
    """A C copy with a final NUL; the caller frees it."""
    cdef char *p = <char *>malloc(len(data) + 1)
    if p == NULL:
        raise MemoryError
    memcpy(p, PyBytes_AS_STRING(data), len(data))
    p[len(data)] = 0
    return p


cdef int fill_group(CertGroup *g, object params, object group) except -1:
    """One SSL_CTX with the certificates of `group`, set as its own parameters or else the bind line's say."""
    cdef object p = group.own if group.own is not None else params
    cdef bytes wire = alpn_wire(p.alpn)
    g.ctx = ctx_new(True, p)
    for certificate in group.certificates:
        ctx_certificate(g.ctx, certificate)
        if certificate.ocsp_der is not None and len(group.certificates) == 1:
            g.ocsp = <uint8_t *>copied(certificate.ocsp_der)
            g.ocsp_len = <uint32_t>len(certificate.ocsp_der)
    g.own = group.own is not None
    g.min_version = p.min_version
    g.max_version = p.max_version
    if group.own is not None and p.curves is not None:
        g.curves = copied(p.curves.encode())
    if wire:
        g.alpn = <uint8_t *>copied(wire)
        g.alpn_len = <uint32_t>len(wire)
        SSL_CTX_set_alpn_select_cb(g.ctx, on_alpn, g)
    if g.ocsp != NULL:
        SSL_CTX_set_tlsext_status_cb(g.ctx, on_status)
        SSL_CTX_set_tlsext_status_arg(g.ctx, g)
    SSL_CTX_set_tlsext_servername_callback(g.ctx, on_servername)
    return 0


cdef void free_group(CertGroup *g) noexcept:
    ctx_free(g.ctx)
    free(g.curves)
    free(g.alpn)
    free(g.ocsp)


cdef int ignore_bits(uint64_t *bits, object numbers) except -1:
    for number in numbers:
        if 0 < number < 128:
            bits[number >> 6] |= <uint64_t>1 << (number & 63)
    return 0
