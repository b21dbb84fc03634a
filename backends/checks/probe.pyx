"""One connection of a health check, on the engine's reactor: connect, PROXY header, TLS, and the bytes of one Dialog.

Life of a Probe: start(), then `done(finding)` exactly once (at once, if the connection cannot even be tried), or cancel().
Every fault of the network becomes a Finding; nothing is raised. Limits are milliseconds.
"""

import os

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.addr cimport ADDR_TEXT, Addr, addr_from_sockaddr, addr_text, addr_to_sockaddr
from haproxy_py.engine.addr import text_to_addr
from haproxy_py.engine.conn cimport IO_AGAIN, IO_EOF, Conn
from haproxy_py.engine.reactor cimport Reactor, Source, set_deadline
from haproxy_py.engine.sys cimport sockaddr, sockaddr_in6, sockaddr_un, socklen_t
from haproxy_py.engine.tls cimport TLSF_HANDSHAKE, TLS_WANT_READ, TLS_WANT_WRITE, TlsContext, failure_text
from backends.server cimport Server
from backends.checks.status import L4CON, L4OK, L4TOUT, L6OK, L6RSP, L6TOUT, L7RSP, SOCKERR, Finding

PROXY_V2_LOCAL = b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
SO_BINDTODEVICE = 25

cdef enum:
    PIECE = 16384             # bytes of one read
    LONG_MS = 500             # delays from here on end on a multiple of GRID_MS: many timers, one wake-up
    GRID_MS = 16

cdef struct Linger:
    int on
    int seconds


cdef class Target:
    """Where and how to connect.

    Args: host: IP text or, with port -1, the path of a socket (leading NUL: abstract); source: IP text and port to connect
    from, "" any; proxy: 0 none, 1 or 2 the version of the PROXY header; linger: close politely; pool: the server whose idle
    connections may be used, and get ours. Raises: ValueError.
    """

    cdef Addr addr
    cdef Addr source
    cdef bytes path
    cdef bytes interface
    cdef bytes sni
    cdef TlsContext tls
    cdef int proxy
    cdef bint linger
    cdef Server pool

    def __init__(self, str host not None, int port, *, int proxy=0, TlsContext tls=None, str sni="",
                 tuple source=("", 0), str interface="", bint linger=False, Server pool=None) -> None:
        if port < 0:
            self.path = host.encode("utf-8", "surrogateescape")
            if host[:1] == "\0":
                self.path = self.path.ljust(108, b"\0")
            if not 0 < len(self.path) <= 108:
                raise ValueError("the path of a socket has 1 to 107 bytes")
        else:
            copy_addr(&self.addr, text_to_addr(host, port))
        if source[0]:
            copy_addr(&self.source, text_to_addr(source[0], source[1]))
        self.proxy = proxy
        self.tls = tls
        self.sni = sni.encode("utf-8", "surrogateescape") if sni else None
        self.interface = interface.encode("utf-8", "surrogateescape") + b"\0" if interface else None
        self.linger = linger or pool is not None
        self.pool = pool


cdef void copy_addr(Addr *a, bytes raw) noexcept:
    memcpy(a, <const char *>raw, sizeof(Addr))


cdef class Probe(Conn):
    """One connection to a Target. dialog: see connection.Dialog; None: the connection alone is the check."""

    cdef Target target
    cdef object dialog
    cdef object done
    cdef bytes unsent
    cdef int64_t answer_ms
    cdef bint unbound         # it could not take the address that it is to come from
    cdef bint connecting
    cdef bint handshaking
    cdef bint talking
    cdef bint heard
    cdef uint32_t uses                    # requests that the connection has carried before
    cdef readonly bint stale              # one of the pool, which the server had closed in the meantime: try a new one

    def start(self, Reactor reactor not None, Target target not None, int64_t connect_ms, int64_t answer_ms, dialog,
              done, *, bint fresh=False) -> None:
        """Begin. connect_ms: until the connection (and TLS) stands; answer_ms: from then on, -1: connect_ms goes on.
        fresh: not over an idle connection."""
        cdef int err
        self.target = target
        self.dialog = dialog
        self.done = done
        self.answer_ms = answer_ms
        self.unsent = b""
        if reactor.in_turn == 0:
            reactor.tick()
        err = 0 if not fresh and self.borrow(reactor) else self.open(reactor)
        if err > 0:
            words = os.strerror(err)
            self.finish(Finding(L4CON, 0, f"Can't bind to source address ({words})" if self.unbound else words))
        elif err < 0:
            self.finish(Finding(SOCKERR, 0, os.strerror(-err)))
        else:
            set_deadline(reactor, self, reactor.now_ms + (connect_ms if connect_ms > 0 else 1))

    def cancel(self) -> None:
        """End it without a finding."""
        self.done = None
        self.dialog = None
        self.close(False)

    cdef bint borrow(self, Reactor reactor) noexcept:
        """Whether an idle connection of the server is ours now."""
        if self.target.pool is None:
            return False
        self.uses = self.target.pool.lend_idle(self, self.target.sni)
        if self.uses == 0:
            return False
        self.may_write = True
        if reactor.watch(self, sys.EPOLLIN | sys.EPOLLOUT | sys.EPOLLRDHUP | sys.EPOLLET):
            self.close(False)
            self.uses = 0
        return self.uses != 0

    cdef int open(self, Reactor reactor) except? -1:
        """0: connecting; > 0: an errno of the connection; < 0: one of making the socket."""
        cdef sockaddr_un sa                     # the largest of the three
        cdef socklen_t n
        cdef int one = 1, no = 0, err
        cdef Linger linger
        memset(&sa, 0, sizeof(sa))
        if self.target.path is not None:
            sa.sun_family = <unsigned short>sys.AF_UNIX
            memcpy(sa.sun_path, <const char *>self.target.path, len(self.target.path))
            n = <socklen_t>(2 + len(self.target.path))
        else:
            n = addr_to_sockaddr(&self.target.addr, <sockaddr *>&sa)
            if n == 0:
                return -sys.EADDRNOTAVAIL
        self.fd = sys.socket(sa.sun_family, sys.SOCK_STREAM | sys.SOCK_NONBLOCK | sys.SOCK_CLOEXEC, 0)
        if self.fd < 0:
            return -sys.errno
        if self.target.path is None:
            sys.setsockopt(self.fd, sys.IPPROTO_TCP, sys.TCP_NODELAY, &one, sizeof(one))
            if not self.target.linger:
                linger.on = 1
                linger.seconds = 0
                sys.setsockopt(self.fd, sys.SOL_SOCKET, sys.SO_LINGER, &linger, sizeof(linger))
                if self.dialog is None and self.target.tls is None and not self.target.proxy:
                    # nothing will be said: without its ACK the reset ends the connection before the server's program sees it
                    sys.setsockopt(self.fd, sys.IPPROTO_TCP, sys.TCP_QUICKACK, &no, sizeof(no))
            err = self.bind_source()
            if err:
                self.unbound = True
                return err
        if self.target.tls is not None:
            if self.target.sni is None:
                self.tls = self.target.tls.connect(self.fd, NULL, 0)
            else:
                self.tls = self.target.tls.connect(self.fd, <const char *>self.target.sni, <uint32_t>len(self.target.sni))
        self.reactor = reactor
        self.connecting = True
        if sys.connect(self.fd, <sockaddr *>&sa, n) < 0 and sys.errno != sys.EINPROGRESS:
            return sys.errno
        err = reactor.watch(self, sys.EPOLLIN | sys.EPOLLOUT | sys.EPOLLRDHUP | sys.EPOLLET)
        return -err

    cdef int bind_source(self) noexcept:
        """0 or an errno."""
        cdef sockaddr_in6 sa
        cdef int one = 1
        cdef socklen_t n
        cdef Target t = self.target
        if t.interface is not None and sys.setsockopt(
                self.fd, sys.SOL_SOCKET, SO_BINDTODEVICE, <const char *>t.interface, <socklen_t>len(t.interface)) < 0:
            return sys.errno
        if t.source.family:
            sys.setsockopt(self.fd, sys.SOL_SOCKET, sys.SO_REUSEADDR, &one, sizeof(one))
            n = addr_to_sockaddr(&t.source, <sockaddr *>&sa)
            if sys.bind(self.fd, <sockaddr *>&sa, n) < 0:
                return sys.errno
        return 0

    cdef void on_events(self, uint32_t events) noexcept:
        self.note(events)
        try:
            self.proceed()
        except Exception as wrong:              # whatever a dialog does, it must never end the checking
            self.finish(Finding(SOCKERR, 0, str(wrong)))

    cdef void on_deadline(self) noexcept:
        try:
            if self.connecting:
                self.finish(Finding(L4TOUT))
            elif self.handshaking:
                self.finish(Finding(L6TOUT))
            else:
                self.finish(self.dialog.timeout())
        except Exception as wrong:
            self.finish(Finding(SOCKERR, 0, str(wrong)))

    cdef int proceed(self) except -1:
        if self.fd < 0:
            return 0
        if self.connecting and not self.connected():
            return 0
        if self.handshaking and not self.shaken():
            return 0
        if not self.talking:
            self.begin()
        if self.fd >= 0:
            self.talk()
        return 0

    cdef bint connected(self) except? False:
        """Whether the connection stands; sends the PROXY header then."""
        cdef int err = 0
        cdef socklen_t n = sizeof(int)
        if not self.may_write and not self.rdhup and not self.error:
            return False
        if sys.getsockopt(self.fd, sys.SOL_SOCKET, sys.SO_ERROR, &err, &n) < 0:
            err = sys.errno
        if err:
            self.finish(Finding(L4CON, 0, os.strerror(err)))
            return False
        self.connecting = False
        self.may_read = True
        self.handshaking = self.tls is not None
        if self.target.proxy:
            header = PROXY_V2_LOCAL if self.target.proxy == 2 else self.proxy_line()
            if sys.send(self.fd, <const char *>header, len(header), sys.MSG_NOSIGNAL) < 0:
                self.finish(Finding(L4CON, 0, os.strerror(sys.errno)))
                return False
        return True

    cdef bytes proxy_line(self):
        """Version 1 has no word for a connection of our own, so it names this one."""
        cdef sys.sockaddr_un ours, theirs
        cdef socklen_t n = sizeof(ours), m = sizeof(theirs)
        cdef Addr a, b
        cdef char text_a[ADDR_TEXT]
        cdef char text_b[ADDR_TEXT]
        if self.target.path is not None:
            return b"PROXY UNKNOWN\r\n"
        sys.getsockname(self.fd, <sockaddr *>&ours, &n)
        sys.getpeername(self.fd, <sockaddr *>&theirs, &m)
        addr_from_sockaddr(&a, <sockaddr *>&ours)
        addr_from_sockaddr(&b, <sockaddr *>&theirs)
        family = b"TCP4" if a.family == sys.AF_INET else b"TCP6"
        first = text_a[:addr_text(&a, text_a)]
        second = text_b[:addr_text(&b, text_b)]
        return b"PROXY %s %s %s %d %d\r\n" % (family, first, second, a.port, b.port)

    cdef bint shaken(self) except? False:
        """Whether TLS stands."""
        cdef int r = self.tls.handshake()
        if r == TLS_WANT_READ:
            self.may_read = False
            return False
        if r == TLS_WANT_WRITE:
            self.may_write = False
            return False
        if r != 1:
            self.finish(Finding(L6RSP, 0, failure_text(self.tls.failure).decode("ascii")
                                if self.tls.failure >= TLSF_HANDSHAKE else "SSL handshake failure"))
            return False
        self.handshaking = False
        self.may_read = True
        self.may_write = True
        return True

    cdef int begin(self) except -1:
        self.talking = True
        if self.dialog is None:
            self.finish(Finding(L4OK if self.tls is None else L6OK))
            return 0
        if self.answer_ms >= 0:
            set_deadline(self.reactor, self, self.reactor.now_ms + self.answer_ms)
        finding = self.dialog.begin()
        self.say()
        if finding is not None:
            self.finish(finding)
        return 0

    cdef int say(self) except -1:
        """Send what the dialog wants to say; a failure shows when it is listened to."""
        cdef Py_ssize_t sent
        cdef bytes wanted = self.dialog.take()
        if wanted:
            self.unsent = self.unsent + wanted if self.unsent else wanted
        while self.unsent and self.may_write:
            sent = self.send(<const char *>self.unsent, len(self.unsent), False)
            if sent <= 0:
                break
            self.unsent = self.unsent[sent:]
        return 0

    cdef int talk(self) except -1:
        """Listen until nothing more has come or the dialog has a finding."""
        cdef char piece[PIECE]
        cdef Py_ssize_t n
        if self.unsent:
            self.say()
        while self.fd >= 0 and (self.may_read or self.eof or self.has_pending()):
            n = self.recv(piece, PIECE)
            if n == IO_AGAIN:
                return 0
            if n > 0:
                self.heard = True
                finding = self.dialog.step(piece[:n])
            elif n == IO_EOF:
                self.stale = self.uses and not self.heard
                finding = self.dialog.step(b"") or Finding(L7RSP)
            else:
                self.stale = self.uses and not self.heard
                finding = self.dialog.broken(self.fault())
            self.say()
            if finding is not None:
                self.finish(finding)
        if self.fd >= 0 and self.error:
            self.stale = self.uses and not self.heard
            self.finish(self.dialog.broken(self.fault()))
        return 0

    cdef str fault(self):
        """What has broken the connection."""
        return "SSL fatal error" if self.tls is not None and self.tls.error_code else os.strerror(self.err)

    cdef void finish(self, object finding) noexcept:
        """Close, or give to the pool, and tell."""
        cdef object done = self.done
        cdef bint keep = (self.target.pool is not None and self.talking and not self.unsent and self.dialog is not None
                          and self.dialog.keeps)
        self.done = None
        self.dialog = None
        if keep and self.target.pool.adopt_idle(self, self.target.sni, self.uses + 1):
            pass
        elif self.fd >= 0:
            self.close(False)
        if done is None:
            return
        try:
            done(finding)
        except Exception as wrong:              # the checker's own fault: tell it where a developer looks
            import traceback
            traceback.print_exception(wrong)


cdef class Ticker(Source):
    """Something that happens again and again: due() is called when the time has come that arm() set."""

    def arm(self, Reactor reactor not None, double delay_ms) -> None:
        """Have due() called in so many ms. A later call replaces an earlier one."""
        cdef uint64_t at
        if reactor.in_turn == 0:
            reactor.tick()
        at = reactor.now_ms + (<uint64_t>delay_ms if delay_ms >= 1 else 1)
        self.reactor = reactor
        if delay_ms >= LONG_MS:
            at = (at + GRID_MS - 1) // GRID_MS * GRID_MS
        set_deadline(reactor, self, at)

    def hasten(self, Reactor reactor not None, double delay_ms) -> None:
        """arm(), if that is sooner; nothing while it is not armed."""
        if reactor.in_turn == 0:
            reactor.tick()
        if self.timer.deadline > reactor.now_ms + <uint64_t>delay_ms:
            self.arm(reactor, delay_ms)

    def disarm(self) -> None:
        """due() will not be called."""
        if self.reactor is not None:
            self.reactor.forget(self)

    def due(self) -> None:
        """For subclasses."""

    cdef void on_deadline(self) noexcept:
        try:
            self.due()
        except Exception as wrong:
            import traceback
            traceback.print_exception(wrong)


def clock_us(Reactor reactor not None) -> int:
    """The reactor's clock in microseconds: of the current turn, or of now."""
    if reactor.in_turn == 0:
        reactor.tick()
    return reactor.now_us
