# distutils: libraries = ssl crypto
"""Making an SSL_CTX from plain values. Nothing here runs while requests are served, except the verify callback.

Source: manual 5.1 and 5.2 (ssl options), 3.1 (ssl-default-*), 3.2 (tune.ssl.*); OpenSSL's SSL_CTX_* pages.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from haproxy_py.engine.tls_io cimport TlsIo
from haproxy_py.engine.openssl cimport *

from haproxy_py.engine import tls_params
from haproxy_py.engine.tls_params import TlsSetupError, VERIFY_REQUIRED


cdef uint32_t live = 0


cdef uint32_t ctx_live() noexcept:
    return live


cdef void ctx_free(SSL_CTX *ctx) noexcept:
    global live
    if ctx != NULL:
        live -= 1
        SSL_CTX_free(ctx)


cdef object refused(str what, str value):
    """The error for `value`, with OpenSSL's reason; leaves its queue empty."""
    cdef unsigned long code = ERR_peek_last_error()
    cdef const char *text = ERR_reason_error_string(code) if code else NULL
    reason = text.decode("ascii", "replace") if text != NULL else ""
    ERR_clear_error()
    return TlsSetupError(what, value, reason)


cdef int no_password(char *buf, int size, int rwflag, void *u) noexcept nogil:
    return -1


cdef int on_verify(int ok, X509_STORE_CTX *c) noexcept nogil:
    """Note the first errors for ssl_c_err and ssl_c_ca_err; let those pass that are to be ignored."""
    cdef SSL *ssl
    cdef TlsIo *io
    cdef int e, depth
    cdef uint64_t *ignore
    if ok:
        return ok
    ssl = <SSL *>X509_STORE_CTX_get_ex_data(c, SSL_get_ex_data_X509_STORE_CTX_idx())
    io = <TlsIo *>SSL_get_ex_data(ssl, 0) if ssl != NULL else NULL
    if io == NULL or io.conf == NULL:
        return ok
    e = X509_STORE_CTX_get_error(c)
    depth = X509_STORE_CTX_get_error_depth(c)
    if depth > 0:
        if io.ca_err == 0:
            io.ca_err = e
            io.ca_err_depth = depth
        ignore = io.conf.ca_ignore
    else:
        if io.crt_err == 0:
            io.crt_err = e
        ignore = io.conf.crt_ignore
    if 0 < e < 128 and ignore[e >> 6] & (<uint64_t>1 << (e & 63)):
        ERR_clear_error()
        return 1
    return 0


cdef bytes alpn_wire(object names):
    return b"".join(bytes([len(name)]) + name for name in names)


cdef int set_versions(SSL_CTX *ctx, object p) except -1:
    cdef uint64_t off = 0
    if p.min_version > p.max_version or set(range(p.min_version, p.max_version + 1)) <= p.off_versions:
        raise TlsSetupError("versions", f"{p.min_version:#x}..{p.max_version:#x}")
    if tls_params.TLS10 in p.off_versions:
        off |= SSL_OP_NO_TLSv1
    if tls_params.TLS11 in p.off_versions:
        off |= SSL_OP_NO_TLSv1_1
    if tls_params.TLS12 in p.off_versions:
        off |= SSL_OP_NO_TLSv1_2
    if tls_params.TLS13 in p.off_versions:
        off |= SSL_OP_NO_TLSv1_3
    SSL_CTX_set_options(ctx, off)
    SSL_CTX_set_min_proto_version(ctx, p.min_version)
    SSL_CTX_set_max_proto_version(ctx, p.max_version)
    if p.security_level is not None:
        SSL_CTX_set_security_level(ctx, p.security_level)
    elif p.min_version < tls_params.TLS12:
        SSL_CTX_set_security_level(ctx, 0)      # asked for explicitly: OpenSSL 3.0 needs level 0 for TLS 1.0 and 1.1
    return 0


cdef int set_lists(SSL_CTX *ctx, object p) except -1:
    """Ciphers, suites, curves and signature algorithms: each a text that OpenSSL takes or refuses."""
    if p.ciphers is not None and not SSL_CTX_set_cipher_list(ctx, p.ciphers.encode()):
        raise refused("ciphers", p.ciphers)
    if p.ciphersuites is not None and not SSL_CTX_set_ciphersuites(ctx, p.ciphersuites.encode()):
        raise refused("ciphersuites", p.ciphersuites)
    if p.curves is not None and not SSL_CTX_set1_groups_list(ctx, p.curves.encode()):
        raise refused("curves", p.curves)
    if p.sigalgs is not None and not SSL_CTX_set1_sigalgs_list(ctx, p.sigalgs.encode()):
        raise refused("sigalgs", p.sigalgs)
    if p.client_sigalgs is not None and not SSL_CTX_set1_client_sigalgs_list(ctx, p.client_sigalgs.encode()):
        raise refused("client-sigalgs", p.client_sigalgs)
    return 0


cdef int add_authorities(SSL_CTX *ctx, X509_STORE *store, bytes pem, bint names, bint trust) except -1:
    """Every certificate of `pem`: into the store when trusted, its name into the request to clients."""
    cdef BIO *b = BIO_new_mem_buf(<const char *>pem, <int>len(pem))
    cdef X509 *x
    cdef int count = 0
    while True:
        x = PEM_read_bio_X509_AUX(b, NULL, no_password, NULL)
        if x == NULL:
            break
        count += 1
        if trust:
            X509_STORE_add_cert(store, x)
        if names:
            SSL_CTX_add_client_CA(ctx, x)
        X509_free(x)
    BIO_free(b)
    ERR_clear_error()
    return count


cdef int add_crls(X509_STORE *store, bytes pem) except -1:
    cdef BIO *b = BIO_new_mem_buf(<const char *>pem, <int>len(pem))
    cdef X509_CRL *x
    cdef int count = 0
    while True:
        x = PEM_read_bio_X509_CRL(b, NULL, no_password, NULL)
        if x == NULL:
            break
        count += 1
        X509_STORE_add_crl(store, x)
        X509_CRL_free(x)
    BIO_free(b)
    ERR_clear_error()
    if count:
        X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL)
    return count


cdef int set_verification(SSL_CTX *ctx, bint server, object p) except -1:
    cdef X509_STORE *store
    cdef int mode = SSL_VERIFY_PEER
    if p.verify == tls_params.VERIFY_NONE:
        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL)
        return 0
    if p.verify == VERIFY_REQUIRED:
        mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT
    SSL_CTX_set_verify(ctx, mode, on_verify)
    store = X509_STORE_new()
    if store == NULL:
        raise MemoryError
    SSL_CTX_set_cert_store(ctx, store)          # the context owns it now
    if p.ca_system and not X509_STORE_set_default_paths(store):
        raise refused("ca-file", tls_params.SYSTEM_CA)
    if p.ca_pem is not None and not add_authorities(ctx, store, p.ca_pem, server and p.ca_names, True):
        raise TlsSetupError("ca-file", "", "no certificate or crl found")
    if p.ca_verify_pem is not None and not add_authorities(ctx, store, p.ca_verify_pem, False, True):
        raise TlsSetupError("ca-verify-file", "", "no certificate or crl found")
    if p.crl_pem is not None and not add_crls(store, p.crl_pem):
        raise TlsSetupError("crl-file", "", "no certificate or crl found")
    return 0


cdef int set_dh(SSL_CTX *ctx, bytes pem) except -1:
    """Diffie-Hellman parameters from PEM; 0 when there are none in it."""
    cdef BIO *b = BIO_new_mem_buf(<const char *>pem, <int>len(pem))
    cdef EVP_PKEY *k = PEM_read_bio_Parameters(b, NULL)
    BIO_free(b)
    if k == NULL:
        ERR_clear_error()
        return 0
    if not SSL_CTX_set0_tmp_dh_pkey(ctx, k):
        EVP_PKEY_free(k)
        raise refused("dhparam", "")
    return 1


cdef int set_sessions(SSL_CTX *ctx, bint server, object p) except -1:
    cdef int mode = SSL_SESS_CACHE_OFF
    if p.session_reuse:
        mode = (SSL_SESS_CACHE_SERVER if server else SSL_SESS_CACHE_CLIENT) | SSL_SESS_CACHE_NO_INTERNAL
    SSL_CTX_set_session_cache_mode(ctx, mode)
    SSL_CTX_set_timeout(ctx, p.lifetime)
    SSL_CTX_set_session_id_context(ctx, p.session_id, <unsigned int>len(p.session_id))
    SSL_CTX_set_num_tickets(ctx, p.num_tickets if p.session_reuse else 0)
    return 0


cdef SSL_CTX *ctx_new(bint server, object params) except NULL:
    global live
    cdef SSL_CTX *ctx = SSL_CTX_new(TLS_server_method() if server else TLS_client_method())
    cdef uint64_t options = SSL_OP_ALL | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_COMPRESSION
    if ctx == NULL:
        raise refused("context", "")
    live += 1
    if server and not params.prefer_client_ciphers:
        options |= SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA
    if not params.tickets:
        options |= SSL_OP_NO_TICKET
    if params.ktls:
        options |= SSL_OP_ENABLE_KTLS
    try:
        SSL_CTX_set_options(ctx, options)
        SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS)
        SSL_CTX_set_max_send_fragment(ctx, params.max_record)
        set_versions(ctx, params)
        set_lists(ctx, params)
        set_verification(ctx, server, params)
        set_sessions(ctx, server, params)
        if server and (params.dh_pem is None or not set_dh(ctx, params.dh_pem)) and params.dh_auto:
            SSL_CTX_set_dh_auto(ctx, 1)
    except:
        ctx_free(ctx)
        raise
    return ctx


cdef int add_chain(SSL_CTX *ctx, bytes pem) except -1:
    cdef BIO *b = BIO_new_mem_buf(<const char *>pem, <int>len(pem))
    cdef X509 *x
    while True:
        x = PEM_read_bio_X509(b, NULL, no_password, NULL)
        if x == NULL:
            break
        if not SSL_CTX_add0_chain_cert(ctx, x):
            X509_free(x)
            break
    BIO_free(b)
    ERR_clear_error()
    return 0


cdef int ctx_certificate(SSL_CTX *ctx, object certificate) except -1:
    cdef bytes pem = certificate.cert_pem
    cdef BIO *b = BIO_new_mem_buf(<const char *>pem, <int>len(pem))
    cdef X509 *x = PEM_read_bio_X509_AUX(b, NULL, no_password, NULL)
    cdef EVP_PKEY *k
    cdef int ok
    BIO_free(b)
    if x == NULL:
        raise refused("certificate", certificate.file)
    ok = SSL_CTX_use_certificate(ctx, x)
    X509_free(x)
    if not ok:
        raise refused("certificate", certificate.file)
    pem = certificate.key_pem
    b = BIO_new_mem_buf(<const char *>pem, <int>len(pem))
    k = PEM_read_bio_PrivateKey(b, NULL, no_password, NULL)
    BIO_free(b)
    if k == NULL:
        raise refused("key", certificate.file)
    ok = SSL_CTX_use_PrivateKey(ctx, k)
    EVP_PKEY_free(k)
    if not ok or not SSL_CTX_check_private_key(ctx):
        raise refused("mismatch", certificate.file)
    add_chain(ctx, certificate.chain_pem)
    if certificate.dh_pem is not None:
        set_dh(ctx, certificate.dh_pem)
    return 0
