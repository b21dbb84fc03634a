"""A peer's address in 20 bytes, and its text forms."""

from libc.stdint cimport uint8_t, uint16_t
from haproxy_py.engine.sys cimport sockaddr, socklen_t

cdef struct Addr:
    uint8_t family        # AF_INET, AF_INET6, AF_UNIX; 0: unknown
    uint8_t pad
    uint16_t port         # host order
    uint8_t ip[16]        # network order; the first 4 for AF_INET

cdef enum:
    ADDR_TEXT = 64        # room that addr_text needs

cdef void addr_from_sockaddr(Addr *a, sockaddr *sa) noexcept nogil
cdef socklen_t addr_to_sockaddr(Addr *a, sockaddr *sa) noexcept nogil      # 0: not an IP address
cdef int addr_text(Addr *a, char *out) noexcept nogil                      # "192.0.2.1", "2001:db8::1", "unix"; length
cdef bint addr_equal(Addr *a, Addr *b) noexcept nogil
cdef bint addr_in_net(Addr *a, Addr *net, int bits) noexcept nogil
