"""OpenSSL from Cython. A TlsContext is made while the configuration loads; a TlsSession belongs to one connection."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef extern from "<openssl/ssl.h>" nogil:
    ctypedef struct SSL_CTX:
        pass
    ctypedef struct SSL:
        pass

# Results of read/write besides a byte count >= 1
cdef enum TlsResult:
    TLS_EOF = 0              # clean close_notify, or (read) end of the connection
    TLS_WANT_READ = -1
    TLS_WANT_WRITE = -2
    TLS_ERROR = -3

cdef class TlsContext:
    cdef SSL_CTX *ctx
    cdef readonly bint server
    cdef object keep                       # Python objects that C callbacks point to
    cdef TlsSession session(self, int fd)  # new session on a non-blocking descriptor; raises MemoryError only

cdef class TlsSession:
    cdef SSL *ssl
    cdef TlsContext context
    cdef bint handshaken
    cdef uint8_t want                      # last TLS_WANT_* (as a positive number), 0: none
    cdef int handshake(self) noexcept      # 1 done, else TLS_WANT_READ, TLS_WANT_WRITE, TLS_ERROR
    cdef ssize_t read(self, char *buf, size_t n) noexcept
    cdef ssize_t write(self, const char *buf, size_t n) noexcept
    cdef bint pending(self) noexcept       # bytes already decrypted, or a record buffered inside OpenSSL
    cdef void shutdown(self) noexcept      # send close_notify once, never waits
    cdef bint ktls_send(self) noexcept
    cdef bint ktls_recv(self) noexcept
