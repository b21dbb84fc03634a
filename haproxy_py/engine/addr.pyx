"""Addresses in 20 bytes: between the kernel's sockaddr and text, comparison and networks (RFC 4291, RFC 5952)."""

from libc.stdint cimport uint8_t, uint16_t
from libc.string cimport memcpy, memset, memcmp, strlen
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.sys cimport sockaddr, sockaddr_in, sockaddr_in6, socklen_t


cdef void addr_from_sockaddr(Addr *a, sockaddr *sa) noexcept nogil:
    """IPv4-mapped IPv6 stays IPv6, as in HAProxy."""
    memset(a, 0, sizeof(Addr))
    if sa.sa_family == sys.AF_INET:
        a.family = <uint8_t>sys.AF_INET
        a.port = sys.ntohs((<sockaddr_in *>sa).sin_port)
        memcpy(a.ip, &(<sockaddr_in *>sa).sin_addr, 4)
    elif sa.sa_family == sys.AF_INET6:
        a.family = <uint8_t>sys.AF_INET6
        a.port = sys.ntohs((<sockaddr_in6 *>sa).sin6_port)
        memcpy(a.ip, &(<sockaddr_in6 *>sa).sin6_addr, 16)
    elif sa.sa_family == sys.AF_UNIX:
        a.family = <uint8_t>sys.AF_UNIX


cdef socklen_t addr_to_sockaddr(Addr *a, sockaddr *sa) noexcept nogil:
    """Fill `sa` (room for a sockaddr_in6); its length, or 0 for what is not an IP address."""
    if a.family == sys.AF_INET:
        memset(sa, 0, sizeof(sockaddr_in))
        sa.sa_family = <unsigned short>sys.AF_INET
        (<sockaddr_in *>sa).sin_port = sys.htons(a.port)
        memcpy(&(<sockaddr_in *>sa).sin_addr, a.ip, 4)
        return sizeof(sockaddr_in)
    if a.family == sys.AF_INET6:
        memset(sa, 0, sizeof(sockaddr_in6))
        sa.sa_family = <unsigned short>sys.AF_INET6
        (<sockaddr_in6 *>sa).sin6_port = sys.htons(a.port)
        memcpy(&(<sockaddr_in6 *>sa).sin6_addr, a.ip, 16)
        return sizeof(sockaddr_in6)
    return 0


cdef int addr_text(Addr *a, char *out) noexcept nogil:
    """Text without the port into `out` (ADDR_TEXT bytes, NUL terminated); its length."""
    cdef int i, n = 0
    cdef uint8_t v
    if a.family == sys.AF_INET:
        for i in range(4):
            v = a.ip[i]
            if v >= 100:
                out[n] = 48 + v // 100
                n += 1
            if v >= 10:
                out[n] = 48 + (v // 10) % 10
                n += 1
            out[n] = 48 + v % 10
            out[n + 1] = c'.'
            n += 2
        out[n - 1] = 0
        return n - 1
    if a.family == sys.AF_INET6:
        sys.inet_ntop(sys.AF_INET6, a.ip, out, ADDR_TEXT)
        return <int>strlen(out)
    memcpy(out, b"unix", 5)
    return 4


cdef bint addr_equal(Addr *a, Addr *b) noexcept nogil:
    """Same family, address and port."""
    return a.family == b.family and a.port == b.port and memcmp(a.ip, b.ip, 16 if a.family == sys.AF_INET6 else 4) == 0


cdef bint addr_in_net(Addr *a, Addr *net, int bits) noexcept nogil:
    """Whether `a` lies in net/bits; families must agree."""
    cdef int whole = bits >> 3
    cdef int rest = bits & 7
    cdef uint8_t mask
    if a.family != net.family or memcmp(a.ip, net.ip, whole) != 0:
        return False
    if rest == 0:
        return True
    mask = <uint8_t>(0xFF << (8 - rest))
    return (a.ip[whole] & mask) == (net.ip[whole] & mask)


def text_to_addr(text: str, int port=0) -> bytes:
    """An IP address in text as the 20 bytes of an Addr; ValueError if it is none."""
    cdef Addr a
    raw = text.encode("ascii", "replace")
    memset(&a, 0, sizeof(a))
    a.port = <uint16_t>port
    if sys.inet_pton(sys.AF_INET, raw, a.ip) == 1:
        a.family = <uint8_t>sys.AF_INET
    elif sys.inet_pton(sys.AF_INET6, raw, a.ip) == 1:
        a.family = <uint8_t>sys.AF_INET6
    else:
        raise ValueError(f"not an IP address: {text!r}")
    return (<char *>&a)[:sizeof(Addr)]


def addr_to_text(bytes raw) -> tuple:
    """(text, port) of the 20 bytes of an Addr."""
    cdef Addr a
    cdef char out[ADDR_TEXT]
    if len(raw) != sizeof(Addr):
        raise ValueError("an Addr has 20 bytes")
    memcpy(&a, <const char *>raw, sizeof(Addr))
    n = addr_text(&a, out)
    return out[:n].decode("ascii"), a.port
