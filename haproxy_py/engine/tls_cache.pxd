"""Sessions by their id (TLS 1.2 without tickets, or `no-tls-tickets`), in memory that all workers share."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from haproxy_py.engine.openssl cimport SSL_CTX

cdef enum:
    SESSION_BYTES = 440     # an encoded session that is longer (one with a client certificate) is not kept

cdef struct SessionSlot:
    uint32_t lock
    uint32_t length         # of data; 0: empty
    uint32_t id_length
    uint32_t pad
    uint8_t id[32]
    uint8_t data[SESSION_BYTES]

cdef struct SessionTable:
    uint32_t slots
    uint32_t pad
    uint64_t lookups        # HAProxy's SslCacheLookups and SslCacheMisses
    uint64_t misses
    SessionSlot slot[1]

cdef class SessionCache:
    cdef SessionTable *table
    cdef size_t mapped

cdef void sessions_use(SSL_CTX *ctx) noexcept nogil    # sessions find the table in TlsConf.sessions
