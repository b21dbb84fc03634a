"""A connected, non-blocking socket in the nested set; TLS and plain look alike from outside.

Edge triggered: may_read stays set until a read has shown that the socket is drained, so a reader that stops early (no
room, back-pressure) just comes back later. That a short read on a socket whose end is already known (EPOLLRDHUP) was the
last one is concluded without another system call.
"""

from libc.stdint cimport uint32_t
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.addr cimport addr_from_sockaddr
from haproxy_py.engine.sys cimport iovec, msghdr, sockaddr, sockaddr_un, socklen_t, ssize_t
from haproxy_py.engine.tls cimport TLS_EOF, TLS_WANT_READ, TLS_WANT_WRITE
from libc.string cimport memset

cdef struct Linger:
    int on
    int seconds


wants_own_address = False


cdef void want_own_address() noexcept:
    """From now on every connection to a server learns our own address when it is made."""
    global wants_own_address
    wants_own_address = True


cdef class Conn(Source):
    """Base of the client's and the server's connection."""

    def __dealloc__(self):
        if self.fd >= 0:
            sys.close(self.fd)

    cdef void note(self, uint32_t events) noexcept:
        if events & sys.EPOLLIN:
            self.may_read = True
        if events & (sys.EPOLLRDHUP | sys.EPOLLHUP):
            self.rdhup = True
            self.may_read = True
        if events & (sys.EPOLLOUT | sys.EPOLLHUP):
            self.may_write = True
        if events & sys.EPOLLERR:
            self.err = sys.ECONNRESET                # no end behind unread bytes, but an error, which recv() tells after them
            self.may_read = True
            self.may_write = True

    cdef void learn_src(self) noexcept:
        cdef sockaddr_un sa
        cdef socklen_t n = sizeof(sa)
        memset(&sa, 0, sizeof(sa))
        if sys.getsockname(self.fd, <sockaddr *>&sa, &n) == 0:
            addr_from_sockaddr(&self.src, <sockaddr *>&sa)

    cdef ssize_t recv(self, char *buf, size_t n) noexcept:
        cdef ssize_t r
        if self.eof:
            return IO_EOF
        if self.tls is not None:
            return self.tls_recv(buf, n)
        while True:
            r = sys.recv(self.fd, buf, n, 0)
            if r > 0:
                if <size_t>r < n:
                    if self.rdhup and not self.err:
                        self.eof = True
                    self.may_read = self.err != 0
                return r
            if r == 0:
                self.eof = True
                self.may_read = False
                return IO_EOF
            if sys.errno == sys.EAGAIN:
                self.may_read = False
                return IO_AGAIN
            if sys.errno != sys.EINTR:
                return self.fail(sys.errno)

    cdef ssize_t tls_recv(self, char *buf, size_t n) noexcept:
        cdef ssize_t r = self.tls.read(buf, n)
        if r > 0:
            if not self.rdhup and self.tls.drained():
                self.may_read = False
            return r
        if r == TLS_EOF:
            self.eof = True
            self.may_read = False
            return IO_EOF
        if r == TLS_WANT_READ:
            self.may_read = False
            return IO_AGAIN
        if r == TLS_WANT_WRITE:
            self.may_write = False
            return IO_AGAIN
        return self.fail(sys.EPIPE)

    cdef ssize_t fail(self, int err) noexcept:
        self.error = True
        self.err = err
        self.may_read = False
        self.may_write = False
        return IO_ERROR

    cdef ssize_t fail_send(self, int err) noexcept:
        """The peer takes no more; what it had said before may still be unread."""
        self.fail(err)
        self.may_read = not self.eof
        return IO_ERROR

    cdef ssize_t send(self, const char *buf, size_t n, bint more) noexcept:
        cdef ssize_t r
        if self.tls is not None:
            return self.tls_send(buf, n)
        while True:
            r = sys.send(self.fd, <void *>buf, n, sys.MSG_NOSIGNAL | (sys.MSG_MORE if more else 0))
            if r >= 0 or sys.errno != sys.EINTR:
                return self.sent(r, n)

    cdef inline ssize_t sent(self, ssize_t r, size_t n) noexcept:
        """What a write of `n` bytes that returned `r` means: fewer fill the socket, none is EAGAIN or the end of it."""
        if r == <ssize_t>n:
            return r
        self.may_write = False
        if r >= 0:
            return r
        return IO_AGAIN if sys.errno == sys.EAGAIN else self.fail_send(sys.errno)

    cdef ssize_t tls_send(self, const char *buf, size_t n) noexcept:
        cdef ssize_t r = self.tls.write(buf, n)
        if r > 0:
            if <size_t>r < n:
                self.may_write = False
            return r
        return self.tls_blocked(r)

    cdef ssize_t tls_blocked(self, ssize_t r) noexcept:
        """What a write that took nothing means."""
        if r == TLS_WANT_WRITE:
            self.may_write = False
            return IO_AGAIN
        if r == TLS_WANT_READ:
            self.may_read = False
            return IO_AGAIN
        return self.fail(sys.EPIPE)

    cdef ssize_t sendv(self, iovec *iov, int count, bint more) noexcept:
        cdef ssize_t r, total = 0
        cdef msghdr msg
        cdef int i
        if self.tls is None:
            memset(&msg, 0, sizeof(msg))
            msg.msg_iov = iov
            msg.msg_iovlen = count
            for i in range(count):
                total += iov[i].iov_len
            while True:
                r = sys.sendmsg(self.fd, &msg, sys.MSG_NOSIGNAL | (sys.MSG_MORE if more else 0))
                if r >= 0 or sys.errno != sys.EINTR:
                    return self.sent(r, <size_t>total)
        r = self.tls.writev(iov, count)
        if r > 0:
            for i in range(count):
                total += iov[i].iov_len
            if r < total:
                self.may_write = False
            return r
        return self.tls_blocked(r)

    cdef bint has_pending(self) noexcept:
        """Whether a read may give bytes although the socket shows none (TLS keeps records)."""
        return self.may_read or (self.tls is not None and self.tls.pending())

    cdef void shutdown_write(self) noexcept:
        if self.shut_w or self.fd < 0:
            return
        self.shut_w = True
        if self.tls is not None:
            self.tls.shutdown()
        sys.shutdown(self.fd, sys.SHUT_WR)

    cdef void close(self, bint hard) noexcept:
        cdef Linger linger
        if self.fd < 0:
            return
        if self.reactor is not None:
            self.reactor.forget(self)
        if self.tls is not None:
            if not hard and not self.shut_w and not self.error:
                self.tls.shutdown()
            self.tls = None
        if hard:
            linger.on = 1
            linger.seconds = 0
            sys.setsockopt(self.fd, sys.SOL_SOCKET, sys.SO_LINGER, &linger, sizeof(linger))
        sys.close(self.fd)
        self.fd = -1
