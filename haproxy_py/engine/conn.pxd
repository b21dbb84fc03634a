"""A connected socket in the nested set, plain or TLS behind one interface."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from haproxy_py.engine.sys cimport iovec, ssize_t
from haproxy_py.engine.reactor cimport Source, Reactor
from haproxy_py.engine.addr cimport Addr
from haproxy_py.engine.tls cimport TlsSession

cdef enum:
    IO_EOF = 0
    IO_AGAIN = -1
    IO_ERROR = -2

cdef bint wants_own_address           # a log format or a fetch asks from where servers are connected to
cdef void want_own_address() noexcept

cdef class Conn(Source):
    cdef TlsSession tls               # None: plain
    cdef Addr src                     # who connected (client side: the client; server side: us)
    cdef Addr dst                     # to whom
    cdef bint may_read                # edge: bytes (or an end) may wait; cleared by a short read
    cdef bint may_write
    cdef bint eof                     # the peer's end has been read
    cdef bint rdhup                   # the kernel says that the peer has sent its end (may have unread bytes before it)
    cdef bint error                   # hard error; err is the errno
    cdef bint shut_w                  # our end is sent
    cdef int err
    cdef ssize_t recv(self, char *buf, size_t n) noexcept       # > 0, IO_EOF, IO_AGAIN, IO_ERROR
    cdef ssize_t tls_recv(self, char *buf, size_t n) noexcept
    cdef ssize_t tls_send(self, const char *buf, size_t n) noexcept
    cdef ssize_t tls_blocked(self, ssize_t r) noexcept
    cdef ssize_t fail(self, int err) noexcept
    cdef ssize_t fail_send(self, int err) noexcept
    cdef ssize_t sent(self, ssize_t r, size_t n) noexcept            # outcome of a write
    cdef ssize_t send(self, const char *buf, size_t n, bint more) noexcept
    cdef ssize_t sendv(self, iovec *iov, int count, bint more) noexcept
    cdef void note(self, uint32_t events) noexcept                     # fold epoll bits into the flags above
    cdef void shutdown_write(self) noexcept
    cdef void close(self, bint hard) noexcept                          # hard: RST (SO_LINGER 0)
    cdef bint has_pending(self) noexcept
    cdef void learn_src(self) noexcept                                 # our address, from the kernel
