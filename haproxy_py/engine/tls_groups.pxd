"""The certificates of a context by group, and the callbacks of a handshake."""

from libc.stdint cimport uint64_t
from haproxy_py.engine.openssl cimport SSL_CTX
from haproxy_py.engine.tls_names cimport CertGroup, TlsConf

cdef int fill_group(CertGroup *g, object params, object group) except -1      # a GroupParams; TlsSetupError
cdef void free_group(CertGroup *g) noexcept
cdef int ignore_bits(uint64_t *bits, object numbers) except -1                # verify errors to let pass
cdef void hello_use(SSL_CTX *ctx, TlsConf *conf) noexcept nogil               # choose the group by server name
cdef void client_sessions_use(SSL_CTX *ctx) noexcept nogil                    # keep the newest session in TlsConf.last
