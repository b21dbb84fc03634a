"""OpenSSL from Cython. A TlsContext is made while the configuration loads; a TlsSession belongs to one connection.

Writing follows send(): what write() did not report as taken must be given again, unchanged and in order (it may already be
encrypted). All functions on a session are for one thread, the one that holds the interpreter lock.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from haproxy_py.engine.sys cimport iovec, ssize_t
from haproxy_py.engine.openssl cimport SSL, SSL_CTX
from haproxy_py.engine.tls_io cimport TlsIo
from haproxy_py.engine.tls_names cimport TlsConf

# Results of read/write besides a byte count >= 1
cdef enum TlsResult:
    TLS_EOF = 0              # clean close_notify, or (read) end of the connection
    TLS_WANT_READ = -1
    TLS_WANT_WRITE = -2
    TLS_ERROR = -3

# Why a handshake failed, for logs (HAProxy's fc_err); text by failure_text()
cdef enum TlsFailure:
    TLSF_NONE = 0
    TLSF_EMPTY               # the peer closed before it had sent anything
    TLSF_CLOSED              # the peer closed in the middle
    TLSF_ERROR               # a socket error
    TLSF_CA                  # the chain above the peer's certificate was refused
    TLSF_CRT                 # the peer's certificate was refused
    TLSF_HANDSHAKE           # anything else that OpenSSL refused
    TLSF_MISMATCH            # the server's certificate is not for `verifyhost`
    TLSF_MISMATCH_SNI        # ... not for the name that was asked for

cdef class TlsContext:
    cdef SSL_CTX *ctx
    cdef readonly bint server
    cdef object keep                       # Python objects that C callbacks point to
    cdef TlsConf conf
    cdef bint strict_eof
    cdef bint ktls
    cdef bint check_host                   # client: verify is on, so the server's certificate must be for the SNI,
    cdef bytes verifyhost                  # or without one for this name (None: any)
    cdef readonly object params
    cdef TlsSession session(self, int fd)  # new session on a non-blocking descriptor; raises MemoryError only
    cdef TlsSession connect(self, int fd, const char *sni, uint32_t sni_len)   # client with a server name (0: none), resumes

cdef class TlsSession:
    cdef SSL *ssl
    cdef TlsContext context
    cdef TlsIo io
    cdef bint handshaken
    cdef bint truncated                    # TLS_EOF came without close_notify
    cdef bint dead                         # a fatal error: nothing may be sent any more
    cdef bint closed                       # close_notify is sent
    cdef uint8_t want                      # last TLS_WANT_* (as a positive number), 0: none
    cdef uint8_t failure                   # TlsFailure
    cdef unsigned long error_code          # OpenSSL's, of the fatal error; 0: none
    cdef int handshake(self) noexcept      # 1 done, else TLS_WANT_READ, TLS_WANT_WRITE, TLS_ERROR
    cdef ssize_t read(self, char *buf, size_t n) noexcept
    cdef ssize_t write(self, const char *buf, size_t n) noexcept
    cdef ssize_t writev(self, iovec *iov, int count) noexcept      # as write(): several pieces, one send()
    cdef bint over(self) noexcept          # the peer has ended and nothing unread is before that; takes nothing
    cdef bint pending(self) noexcept       # bytes already decrypted, or a whole record received: read() gives some at once
    cdef bint drained(self) noexcept       # after read() > 0: nothing pending, no end either, and the socket was empty: await the next event
    cdef bint unsent(self) noexcept        # ciphertext waits for the socket: call flush() when it is writable
    cdef int flush(self) noexcept          # 0 all gone, TLS_WANT_WRITE, TLS_ERROR
    cdef void shutdown(self) noexcept      # send close_notify once, never waits
    cdef bint ktls_send(self) noexcept
    cdef bint ktls_recv(self) noexcept
    # what rules and logs ask; pointers live as long as the session; NULL or 0: none
    cdef const char *version(self) noexcept                        # "TLSv1.3" (%sslv)
    cdef const char *cipher(self) noexcept                         # "TLS_AES_256_GCM_SHA384" (%sslc)
    cdef const char *sni(self) noexcept
    cdef void alpn(self, const uint8_t **name, uint32_t *n) noexcept
    cdef void session_id(self, const uint8_t **id, uint32_t *n) noexcept
    cdef bint resumed(self) noexcept
    cdef bint has_peer_certificate(self) noexcept
    cdef long verify_result(self) noexcept
    cdef bytes peer_der(self)                                      # the peer's certificate, or None
    cdef bytes own_der(self)                                       # the certificate that we showed, or None
    cdef int key_bits(self, int *algorithm_bits) noexcept          # bits in use; *algorithm_bits: of the algorithm
    cdef int start(self, TlsContext context, int fd) except -1
    cdef int failed(self, int r, bint reading) noexcept
    cdef int diagnose(self) noexcept
    cdef int settle(self) noexcept
    cdef ssize_t write_failed(self, size_t done) noexcept
    cdef ssize_t write_plain(self, iovec *iov, int count, size_t done) noexcept
    cdef size_t encrypt(self, const char *buf, size_t n) noexcept
    cdef ssize_t deliver(self, size_t base) noexcept
    cdef size_t credit(self, size_t n) noexcept

cdef const char *failure_text(int failure) noexcept nogil          # HAProxy's words (manual: fc_err_str)
