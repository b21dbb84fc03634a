"""Server names to certificates (SNI, RFC 6066 3), and the plain C block that the TLS callbacks of a context read."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from haproxy_py.engine.openssl cimport SSL, SSL_CTX
from haproxy_py.engine.openssl cimport SSL_SESSION
from haproxy_py.engine.tls_tickets cimport TicketRing
from haproxy_py.engine.tls_cache cimport SessionTable

cdef enum:
    NAME_NONE = -1          # no such name
    NAME_EXCLUDED = -2      # a negative filter: the default certificate
    NAME_MOST = 255         # bytes of a host name

cdef struct NameEntry:
    char *name              # lower case; a wildcard without its "*": ".example.org"; NULL: free
    uint32_t length
    uint32_t wildcard
    int group

cdef struct NameTable:
    NameEntry *entries
    uint32_t mask
    uint32_t count

cdef struct CertGroup:      # certificates of one set of names, one SSL_CTX
    SSL_CTX *ctx
    bint own                # has settings of its own (crt-list): apply the following to the session
    int min_version
    int max_version
    char *curves            # NULL: as the bind line
    uint8_t *alpn
    uint32_t alpn_len
    uint8_t *ocsp           # DER response to staple; NULL: none
    uint32_t ocsp_len

cdef struct TlsConf:
    NameTable names
    CertGroup *groups
    uint32_t group_count
    bint strict_sni
    TicketRing *tickets
    SessionTable *sessions
    uint64_t ca_ignore[2]   # bit per verify error number
    uint64_t crt_ignore[2]
    SSL_SESSION *last       # client: the newest session, and the name it is for
    char last_name[NAME_MOST + 1]
    uint64_t reused         # sessions resumed (HAProxy's SslFrontendSessionReuse)
    uint64_t full           # full handshakes (keys computed)

cdef int names_add(NameTable *t, const char *name, uint32_t n, int group) noexcept nogil    # 0, 1 known already (kept), -1 memory
cdef int names_find(NameTable *t, const char *name, uint32_t n) noexcept nogil              # a group, NAME_NONE, NAME_EXCLUDED
cdef void names_free(NameTable *t) noexcept nogil
cdef bint hello_name(SSL *ssl, const char **name, uint32_t *n) noexcept nogil               # from the ClientHello being read
