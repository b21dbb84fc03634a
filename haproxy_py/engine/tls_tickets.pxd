"""Session ticket keys (RFC 5077, RFC 8446 4.6.1), in memory that all workers share."""

from libc.stdint cimport uint8_t, uint32_t
from haproxy_py.engine.openssl cimport SSL, SSL_CTX

cdef enum:
    TICKET_KEYS = 3         # oldest, current, next

cdef struct TicketKey:
    uint8_t name[16]
    uint8_t hmac[32]
    uint8_t aes[32]
    uint32_t hmac_len       # 16 or 32
    uint32_t aes_len        # 16 or 32

cdef struct TicketRing:
    TicketKey keys[TICKET_KEYS]
    uint32_t current        # the key that new tickets use

cdef class TicketKeys:
    cdef TicketRing *ring

cdef void tickets_use(SSL_CTX *ctx) noexcept nogil     # sessions find their ring in TlsConf.tickets
