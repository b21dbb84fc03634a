"""The part of OpenSSL 3.0's C interface that the TLS modules use, declared once (man pages ssl(7), bio(7), evp(7))."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from *:
    """
    #include <openssl/ssl.h>
    #include <openssl/err.h>
    #include <openssl/evp.h>
    #include <openssl/rand.h>
    #include <openssl/pem.h>
    #include <openssl/x509v3.h>
    #include <openssl/core_names.h>
    #include <openssl/params.h>
    """

cdef extern from "<openssl/ssl.h>" nogil:
    ctypedef struct SSL_CTX:
        pass
    ctypedef struct SSL:
        pass

cdef extern from "<openssl/bio.h>" nogil:
    ctypedef struct BIO:
        pass
    ctypedef struct BIO_METHOD:
        pass
    BIO_METHOD *BIO_meth_new(int kind, const char *name)
    int BIO_meth_set_write(BIO_METHOD *m, int (*fn)(BIO *, const char *, int) noexcept nogil)
    int BIO_meth_set_read(BIO_METHOD *m, int (*fn)(BIO *, char *, int) noexcept nogil)
    int BIO_meth_set_ctrl(BIO_METHOD *m, long (*fn)(BIO *, int, long, void *) noexcept nogil)
    int BIO_get_new_index()
    BIO *BIO_new(const BIO_METHOD *m)
    BIO *BIO_new_mem_buf(const void *buf, int n)
    int BIO_free(BIO *b)
    void BIO_set_data(BIO *b, void *p)
    void *BIO_get_data(BIO *b)
    void BIO_set_init(BIO *b, int yes)
    void BIO_set_retry_read(BIO *b)
    void BIO_clear_retry_flags(BIO *b)
    int BIO_get_ktls_send(BIO *b)
    int BIO_get_ktls_recv(BIO *b)
    int BIO_TYPE_SOURCE_SINK, BIO_CTRL_FLUSH, BIO_CTRL_EOF, BIO_CTRL_PUSH, BIO_CTRL_POP, BIO_CTRL_DUP

cdef extern from "<openssl/err.h>" nogil:
    unsigned long ERR_peek_error()
    unsigned long ERR_peek_last_error()
    void ERR_clear_error()
    const char *ERR_reason_error_string(unsigned long code)
    void ERR_error_string_n(unsigned long code, char *buf, size_t n)

cdef extern from "<openssl/evp.h>" nogil:
    ctypedef struct EVP_CIPHER:
        pass
    ctypedef struct EVP_CIPHER_CTX:
        pass
    ctypedef struct EVP_MAC_CTX:
        pass
    ctypedef struct EVP_PKEY:
        pass
    ctypedef struct ENGINE:
        pass
    EVP_CIPHER *EVP_CIPHER_fetch(void *libctx, const char *name, const char *properties)
    int EVP_EncryptInit_ex(EVP_CIPHER_CTX *c, const EVP_CIPHER *t, ENGINE *e, const uint8_t *key, const uint8_t *iv)
    int EVP_DecryptInit_ex(EVP_CIPHER_CTX *c, const EVP_CIPHER *t, ENGINE *e, const uint8_t *key, const uint8_t *iv)
    int EVP_MAC_CTX_set_params(EVP_MAC_CTX *c, const OSSL_PARAM *params)
    void EVP_PKEY_free(EVP_PKEY *k)
    int EVP_PKEY_get_base_id(const EVP_PKEY *k)
    int RAND_bytes(uint8_t *buf, int n)

cdef extern from "<openssl/params.h>" nogil:
    ctypedef struct OSSL_PARAM:
        pass
    OSSL_PARAM OSSL_PARAM_construct_octet_string(const char *key, void *buf, size_t n)
    OSSL_PARAM OSSL_PARAM_construct_utf8_string(const char *key, char *buf, size_t n)
    OSSL_PARAM OSSL_PARAM_construct_end()

cdef extern from "<openssl/x509v3.h>" nogil:
    ctypedef struct X509:
        pass
    ctypedef struct X509_CRL:
        pass
    ctypedef struct X509_NAME:
        pass
    ctypedef struct X509_STORE:
        pass
    ctypedef struct X509_STORE_CTX:
        pass
    ctypedef struct X509_VERIFY_PARAM:
        pass
    void X509_free(X509 *x)
    void X509_CRL_free(X509_CRL *x)
    int X509_up_ref(X509 *x)
    int i2d_X509(X509 *x, uint8_t **out)
    X509_NAME *X509_get_subject_name(const X509 *x)
    X509_STORE *X509_STORE_new()
    void X509_STORE_free(X509_STORE *s)
    int X509_STORE_up_ref(X509_STORE *s)
    int X509_STORE_add_cert(X509_STORE *s, X509 *x)
    int X509_STORE_add_crl(X509_STORE *s, X509_CRL *x)
    int X509_STORE_set_flags(X509_STORE *s, unsigned long flags)
    int X509_STORE_set_default_paths(X509_STORE *s)
    int X509_STORE_CTX_get_error(X509_STORE_CTX *c)
    void X509_STORE_CTX_set_error(X509_STORE_CTX *c, int e)
    int X509_STORE_CTX_get_error_depth(X509_STORE_CTX *c)
    void *X509_STORE_CTX_get_ex_data(X509_STORE_CTX *c, int index)
    int SSL_get_ex_data_X509_STORE_CTX_idx()
    int X509_VERIFY_PARAM_set1_host(X509_VERIFY_PARAM *p, const char *name, size_t n)
    void X509_VERIFY_PARAM_set_hostflags(X509_VERIFY_PARAM *p, unsigned int flags)
    const char *X509_verify_cert_error_string(long n)
    int X509_V_FLAG_CRL_CHECK, X509_V_FLAG_CRL_CHECK_ALL, X509_V_FLAG_PARTIAL_CHAIN
    int X509_V_OK, X509_V_ERR_HOSTNAME_MISMATCH
    unsigned int X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS

cdef extern from "<openssl/pem.h>" nogil:
    ctypedef int (*pem_password_cb)(char *buf, int size, int rwflag, void *u) noexcept nogil
    X509 *PEM_read_bio_X509(BIO *b, X509 **x, pem_password_cb cb, void *u)
    X509 *PEM_read_bio_X509_AUX(BIO *b, X509 **x, pem_password_cb cb, void *u)
    X509_CRL *PEM_read_bio_X509_CRL(BIO *b, X509_CRL **x, pem_password_cb cb, void *u)
    EVP_PKEY *PEM_read_bio_PrivateKey(BIO *b, EVP_PKEY **x, pem_password_cb cb, void *u)
    EVP_PKEY *PEM_read_bio_Parameters(BIO *b, EVP_PKEY **x)

cdef extern from "<openssl/ssl.h>" nogil:
    ctypedef struct SSL_METHOD:
        pass
    ctypedef struct SSL_SESSION:
        pass
    ctypedef struct SSL_CIPHER:
        pass
    ctypedef struct X509_NAME_STACK "STACK_OF(X509_NAME)":
        pass
    ctypedef int (*verify_fn)(int ok, X509_STORE_CTX *c) noexcept nogil
    const SSL_METHOD *TLS_server_method()
    const SSL_METHOD *TLS_client_method()
    SSL_CTX *SSL_CTX_new(const SSL_METHOD *m)
    void SSL_CTX_free(SSL_CTX *c)
    uint64_t SSL_CTX_set_options(SSL_CTX *c, uint64_t o)
    uint64_t SSL_CTX_get_options(const SSL_CTX *c)
    long SSL_CTX_set_mode(SSL_CTX *c, long mode)
    void SSL_CTX_set_security_level(SSL_CTX *c, int level)
    long SSL_CTX_set_min_proto_version(SSL_CTX *c, int v)
    long SSL_CTX_set_max_proto_version(SSL_CTX *c, int v)
    int SSL_CTX_set_cipher_list(SSL_CTX *c, const char *s)
    int SSL_CTX_set_ciphersuites(SSL_CTX *c, const char *s)
    int SSL_CTX_set1_groups_list(SSL_CTX *c, const char *s)
    int SSL_CTX_set1_sigalgs_list(SSL_CTX *c, const char *s)
    int SSL_CTX_set1_client_sigalgs_list(SSL_CTX *c, const char *s)
    int SSL_CTX_set_num_tickets(SSL_CTX *c, size_t n)
    int SSL_CTX_set_max_send_fragment(SSL_CTX *c, long n)
    long SSL_CTX_set_session_cache_mode(SSL_CTX *c, long mode)
    long SSL_CTX_sess_set_cache_size(SSL_CTX *c, long n)
    long SSL_CTX_set_timeout(SSL_CTX *c, long seconds)
    int SSL_CTX_set_session_id_context(SSL_CTX *c, const uint8_t *id, unsigned int n)
    void SSL_CTX_sess_set_new_cb(SSL_CTX *c, int (*cb)(SSL *, SSL_SESSION *) noexcept nogil)
    void SSL_CTX_sess_set_remove_cb(SSL_CTX *c, void (*cb)(SSL_CTX *, SSL_SESSION *) noexcept nogil)
    void SSL_CTX_sess_set_get_cb(SSL_CTX *c, SSL_SESSION *(*cb)(SSL *, const uint8_t *, int, int *) noexcept nogil)
    int SSL_CTX_use_certificate(SSL_CTX *c, X509 *x)
    int SSL_CTX_use_PrivateKey(SSL_CTX *c, EVP_PKEY *k)
    int SSL_CTX_check_private_key(const SSL_CTX *c)
    int SSL_CTX_add0_chain_cert(SSL_CTX *c, X509 *x)
    int SSL_CTX_set0_tmp_dh_pkey(SSL_CTX *c, EVP_PKEY *k)
    long SSL_CTX_set_dh_auto(SSL_CTX *c, int yes)
    void SSL_CTX_set_verify(SSL_CTX *c, int mode, verify_fn cb)
    int SSL_CTX_get_verify_mode(const SSL_CTX *c)
    void SSL_CTX_set_cert_store(SSL_CTX *c, X509_STORE *s)
    int SSL_CTX_add_client_CA(SSL_CTX *c, X509 *x)
    int SSL_CTX_set_alpn_protos(SSL_CTX *c, const uint8_t *p, unsigned int n)
    void SSL_CTX_set_alpn_select_cb(SSL_CTX *c, int (*cb)(SSL *, const uint8_t **, uint8_t *, const uint8_t *, unsigned int, void *) noexcept nogil, void *arg)
    int SSL_select_next_proto(uint8_t **out, uint8_t *outlen, const uint8_t *server, unsigned int ns, const uint8_t *client, unsigned int nc)
    void SSL_CTX_set_client_hello_cb(SSL_CTX *c, int (*cb)(SSL *, int *, void *) noexcept nogil, void *arg)
    long SSL_CTX_set_tlsext_servername_callback(SSL_CTX *c, int (*cb)(SSL *, int *, void *) noexcept nogil)
    int SSL_CTX_set_tlsext_ticket_key_evp_cb(SSL_CTX *c, int (*cb)(SSL *, uint8_t *, uint8_t *, EVP_CIPHER_CTX *, EVP_MAC_CTX *, int) noexcept nogil)
    long SSL_CTX_set_tlsext_status_cb(SSL_CTX *c, int (*cb)(SSL *, void *) noexcept nogil)
    long SSL_CTX_set_tlsext_status_arg(SSL_CTX *c, void *arg)
    long SSL_set_tlsext_status_ocsp_resp(SSL *s, uint8_t *resp, long n)
    void *OPENSSL_malloc(size_t n)
    int SSL_client_hello_get0_ext(SSL *s, unsigned int kind, const uint8_t **out, size_t *n)

    SSL *SSL_new(SSL_CTX *c)
    void SSL_free(SSL *s)
    void SSL_set_bio(SSL *s, BIO *r, BIO *w)
    int SSL_set_fd(SSL *s, int fd)
    BIO *SSL_get_wbio(const SSL *s)
    BIO *SSL_get_rbio(const SSL *s)
    void SSL_set_accept_state(SSL *s)
    void SSL_set_connect_state(SSL *s)
    int SSL_set_ex_data(SSL *s, int i, void *p)
    void *SSL_get_ex_data(const SSL *s, int i)
    int SSL_do_handshake(SSL *s)
    int SSL_read(SSL *s, void *buf, int n)
    int SSL_peek(SSL *s, void *buf, int n)
    int SSL_write(SSL *s, const void *buf, int n)
    int SSL_pending(const SSL *s)
    int SSL_has_pending(const SSL *s)
    int SSL_shutdown(SSL *s)
    int SSL_get_shutdown(const SSL *s)
    void SSL_set_shutdown(SSL *s, int mode)
    int SSL_get_error(const SSL *s, int r)
    int SSL_want(const SSL *s)
    int SSL_is_init_finished(const SSL *s)
    SSL_CTX *SSL_set_SSL_CTX(SSL *s, SSL_CTX *c)
    uint64_t SSL_set_options(SSL *s, uint64_t o)
    void SSL_set_verify(SSL *s, int mode, verify_fn cb)
    long SSL_set_min_proto_version(SSL *s, int v)
    long SSL_set_max_proto_version(SSL *s, int v)
    int SSL_set1_groups_list(SSL *s, const char *g)
    long SSL_set_tlsext_host_name(SSL *s, const char *name)
    X509_VERIFY_PARAM *SSL_get0_param(SSL *s)
    int SSL_version(const SSL *s)
    const char *SSL_get_version(const SSL *s)
    const char *SSL_get_servername(const SSL *s, int kind)
    const SSL_CIPHER *SSL_get_current_cipher(const SSL *s)
    const char *SSL_CIPHER_get_name(const SSL_CIPHER *c)
    int SSL_CIPHER_get_bits(const SSL_CIPHER *c, int *alg_bits)
    void SSL_get0_alpn_selected(const SSL *s, const uint8_t **p, unsigned int *n)
    X509 *SSL_get0_peer_certificate(const SSL *s)
    X509 *SSL_get_certificate(const SSL *s)
    long SSL_get_verify_result(const SSL *s)
    int SSL_session_reused(const SSL *s)
    SSL_SESSION *SSL_get_session(const SSL *s)
    int SSL_set_session(SSL *s, SSL_SESSION *session)
    const uint8_t *SSL_SESSION_get_id(const SSL_SESSION *s, unsigned int *n)
    void SSL_SESSION_free(SSL_SESSION *s)
    int SSL_SESSION_is_resumable(const SSL_SESSION *s)
    int i2d_SSL_SESSION(SSL_SESSION *s, uint8_t **out)
    SSL_SESSION *d2i_SSL_SESSION(SSL_SESSION **s, const uint8_t **p, long n)
    size_t SSL_SESSION_get_master_key(const SSL_SESSION *s, uint8_t *out, size_t n)
    size_t SSL_get_client_random(const SSL *s, uint8_t *out, size_t n)
    size_t SSL_get_server_random(const SSL *s, uint8_t *out, size_t n)
    size_t SSL_get_finished(const SSL *s, void *buf, size_t n)
    size_t SSL_get_peer_finished(const SSL *s, void *buf, size_t n)

    uint64_t SSL_OP_NO_RENEGOTIATION, SSL_OP_IGNORE_UNEXPECTED_EOF, SSL_OP_CIPHER_SERVER_PREFERENCE, SSL_OP_NO_TICKET
    uint64_t SSL_OP_NO_COMPRESSION, SSL_OP_ENABLE_KTLS, SSL_OP_PRIORITIZE_CHACHA, SSL_OP_NO_TLSv1, SSL_OP_NO_TLSv1_1
    uint64_t SSL_OP_NO_TLSv1_2, SSL_OP_NO_TLSv1_3, SSL_OP_ALL, SSL_OP_NO_ANTI_REPLAY
    long SSL_MODE_ENABLE_PARTIAL_WRITE, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER, SSL_MODE_RELEASE_BUFFERS
    int SSL_SENT_SHUTDOWN, SSL_RECEIVED_SHUTDOWN, SSL_TLSEXT_ERR_OK, SSL_TLSEXT_ERR_NOACK, SSL_AD_UNRECOGNIZED_NAME
    int SSL_CLIENT_HELLO_SUCCESS, SSL_CLIENT_HELLO_ERROR, TLSEXT_TYPE_server_name, TLSEXT_NAMETYPE_host_name
    int SSL_VERIFY_NONE, SSL_VERIFY_PEER, SSL_VERIFY_FAIL_IF_NO_PEER_CERT, OPENSSL_NPN_NEGOTIATED
    int SSL_SESS_CACHE_OFF, SSL_SESS_CACHE_SERVER, SSL_SESS_CACHE_CLIENT, SSL_SESS_CACHE_NO_INTERNAL
    int SSL_SESS_CACHE_NO_INTERNAL_STORE, SSL_SESS_CACHE_NO_AUTO_CLEAR
    int TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION
