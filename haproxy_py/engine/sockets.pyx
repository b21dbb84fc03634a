"""Socket options that both sides use (manual 4.2: option tcpka, clitcpka-cnt/-idle/-intvl, srvtcpka-*)."""

cimport haproxy_py.engine.sys as sys


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
