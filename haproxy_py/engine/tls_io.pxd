"""The socket side of a TLS session: a BIO that fetches many records per recv() and sends many per send()."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from haproxy_py.engine.openssl cimport BIO
from haproxy_py.engine.tls_names cimport TlsConf

cdef enum:
    RECORD = 16384                         # plaintext bytes of the largest record
    RBLOCK = 2 * (RECORD + 512)            # one receive block: two records
    OUT_ROOM = 5 * (RECORD + 512)          # records on their way into one send()
    PEND_MOST = 128 * 1024                 # a peer that makes us answer but reads nothing is not read from beyond this

cdef struct TlsIo:
    int fd
    int err                # errno of a hard failure; 0: none
    uint8_t blocked        # the last OpenSSL call ended because the socket was empty
    uint8_t eof            # recv() returned 0
    uint8_t drained        # the last recv() was short: the socket is empty until the next event
    uint8_t counted        # session is in the live counters
    uint32_t rpos          # unread part of rblock
    uint32_t rend
    char *rblock           # NULL while nothing is left over: idle sessions hold no memory here
    char *pend             # ciphertext that the socket did not take
    uint32_t pend_pos
    uint32_t pend_end
    uint32_t pend_room
    uint64_t pend_plain    # bytes of the caller's data inside pend that it has not been credited for
    uint64_t queued        # ciphertext bytes ever produced
    uint64_t sent          # ciphertext bytes that the kernel took
    uint64_t received
    TlsConf *conf          # of the context: what the C callbacks need
    int ca_err             # first verify error above the leaf (ssl_c_ca_err), its depth, and the leaf's (ssl_c_err)
    int ca_err_depth
    int crt_err

cdef BIO *io_bio(TlsIo *io) noexcept nogil             # NULL: out of memory
cdef int io_flush(TlsIo *io) noexcept nogil            # 0 all gone, 1 some is left in pend, -1 hard error
cdef bint io_record_ready(TlsIo *io) noexcept nogil    # a complete record is in rblock
cdef void io_settle(TlsIo *io) noexcept nogil          # give the receive block back when it is empty
cdef void io_free(TlsIo *io) noexcept nogil
cdef uint32_t io_blocks_held() noexcept nogil          # receive blocks in use by sessions
