"""Socket options that both sides use (manual 4.2: option tcpka, clitcpka-cnt/-idle/-intvl, srvtcpka-*)."""

cimport haproxy_py.engine.sys as sys

cdef extern from "<netinet/tcp.h>" nogil:
    int TCP_REPAIR

cdef extern from "<netinet/in.h>" nogil:
    int IP_TTL, IPV6_UNICAST_HOPS


cdef void keepalive_options(int fd, int count, int idle, int interval) noexcept nogil:
    """SO_KEEPALIVE with its three knobs; 0 leaves the system's value."""
    cdef int one = 1
    sys.setsockopt(fd, sys.SOL_SOCKET, sys.SO_KEEPALIVE, &one, sizeof(one))
    if count:
        sys.setsockopt(fd, sys.IPPROTO_TCP, sys.TCP_KEEPCNT, &count, sizeof(count))
    if idle:
        sys.setsockopt(fd, sys.IPPROTO_TCP, sys.TCP_KEEPIDLE, &idle, sizeof(idle))
    if interval:
        sys.setsockopt(fd, sys.IPPROTO_TCP, sys.TCP_KEEPINTVL, &interval, sizeof(interval))


cdef void no_delay(int fd) noexcept nogil:
    cdef int one = 1
    sys.setsockopt(fd, sys.IPPROTO_TCP, sys.TCP_NODELAY, &one, sizeof(one))


cdef void go_silent(int fd) noexcept nogil:
    """Have the coming close tell the peer nothing (silent-drop, manual 4.2): in repair mode, which takes CAP_NET_ADMIN, the
    kernel just forgets the connection; else the reset goes no further than the next router. Others' sockets are left alone."""
    cdef int one = 1
    if sys.setsockopt(fd, sys.IPPROTO_TCP, TCP_REPAIR, &one, sizeof(one)) == 0:
        return
    sys.setsockopt(fd, sys.IPPROTO_IP, IP_TTL, &one, sizeof(one))
    sys.setsockopt(fd, sys.IPPROTO_IPV6, IPV6_UNICAST_HOPS, &one, sizeof(one))
