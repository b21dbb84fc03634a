"""Servers, server connections and the pool of idle ones.

A connection belongs to exactly one of: a stream (`user`), the idle list of its server, nobody (being closed). An idle
connection is still in the epoll set; whatever it says while idle, data or end, gets it closed, so a reply can never be
preceded by surplus bytes of an earlier one.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset
cimport haproxy_py.engine.conn as conn
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.sys cimport sockaddr, sockaddr_in6, sockaddr_un, socklen_t
from haproxy_py.engine.addr cimport Addr, addr_to_sockaddr
from haproxy_py.engine.addr import text_to_addr
from haproxy_py.engine.reactor cimport set_deadline
from haproxy_py.engine.counters cimport roll_second
from haproxy_py.engine.shm cimport ADM_MAINT, ProxySlot, ServerSlot, ServerShared, gauge_down, gauge_up
from haproxy_py.engine.tls cimport TLS_WANT_READ, TLS_WANT_WRITE
from haproxy_py.engine.tls_limit cimport give_tls, take_tls
from haproxy_py.engine.sockets cimport keepalive_options
from balancers.base cimport server_limit

cdef uint8_t NOWHERE[16]
memset(NOWHERE, 0, sizeof(NOWHERE))


cdef class ServerUser(Txn):
    cdef void server_event(self) noexcept:
        pass

    cdef void server_deadline(self) noexcept:
        pass

    cdef void slot_granted(self, Server server) noexcept:
        pass

    cdef void server_ended(self, uint8_t cause) noexcept:
        pass


cdef class ServerConn(Conn):
    """A connection to a server. on_events and on_deadline go to its user, or end it when it is idle."""

    cdef void on_events(self, uint32_t events) noexcept:
        cdef ServerUser user = self.user
        self.note(events)
        if user is not None:
            user.server_event()
        elif self.may_read or self.rdhup or self.error:
            self.discard(False)

    cdef void on_deadline(self) noexcept:
        cdef ServerUser user = self.user
        if user is not None:
            user.server_deadline()
        elif self.home.idle_count > self.home.pool_low:
            self.discard(False)
        else:
            set_deadline(self.reactor, self, self.reactor.now_ms + self.home.purge_ms)

    cdef void discard(self, bint hard) noexcept:
        if self.fd < 0:
            return
        if self.idle:
            self.home.unlink_idle(self)
        else:
            self.home.busy_count -= 1
            gauge_down(&self.home.slot.shared.used_conns, &self.home.slot.mine.used_conns)
        if self.tls is not None:
            give_tls(self.worker.segment.tls)
        self.user = None
        self.close(hard)

    cdef void count_handshake(self) noexcept:
        """A TLS handshake is done: for server, backend and process; a session that was resumed needed no new key."""
        cdef ProxySlot tls = self.worker.segment.tls
        cdef uint64_t now_s = self.reactor.clock_us // 1000000
        cdef bint resumed = self.tls.resumed()
        self.home.slot.mine.ssl_sess += 1
        self.home.slot.mine.ssl_reused += resumed
        self.home.slot.proxy.mine.ssl_sess += 1
        self.home.slot.proxy.mine.ssl_reused += resumed
        tls.mine.conn_tot += 1
        if tls.mine.rate_sec != now_s:
            roll_second(tls.mine, &tls.shared.rate_max, now_s)
        tls.mine.conn_rate_now += not resumed

    cdef int check_connect(self) noexcept:
        cdef int err = 0
        cdef socklen_t n = sizeof(int)
        cdef int r
        if self.connecting:
            if not self.may_write and not self.error and not self.rdhup:
                return 0
            if sys.getsockopt(self.fd, sys.SOL_SOCKET, sys.SO_ERROR, &err, &n) < 0 or err:
                self.fail(err if err else sys.errno)
                return -1
            self.connecting = False
        if self.handshaking:
            r = self.tls.handshake()
            if r == TLS_WANT_READ:
                self.may_read = False
                return 0
            if r == TLS_WANT_WRITE:
                self.may_write = False
                return 0
            if r != 1:
                self.home.slot.mine.ssl_failed += 1
                self.home.slot.proxy.mine.ssl_failed += 1
                self.fail(sys.EPIPE)
                return -1
            self.handshaking = False
            self.count_handshake()
            self.may_read = True
            self.may_write = True
        return 1


cdef inline void link_idle(Server s, ServerConn c) noexcept:
    """The newest of its server's idle connections from now on."""
    gauge_up(&s.slot.shared.idle_conns, NULL, &s.slot.mine.idle_conns)
    c.idle = True
    c.newer = None
    c.older = s.newest
    if s.newest is not None:
        s.newest.newer = c
    else:
        s.oldest = c
    s.newest = c
    s.idle_count += 1
    set_deadline(c.reactor, c, c.reactor.now_ms + s.purge_ms)


cdef class Server:
    """One server line at run time (backends.build makes it)."""

    def __init__(self, worker, ServerSlot slot, backend):
        self.worker = worker
        self.slot = slot
        self.backend = backend
        self.name = slot.name
        self.streams = set()
        self.pool_max = 0xFFFFFFFF
        self.purge_ms = 5000
        self.addr_generation = 0xFFFFFFFF
        self.pool_generation = slot.shared.generation
        slot.owner = self

    def set_source(self, str host not None, int port) -> None:
        """Connect from this IP address (and port; 0: any). Raises: ValueError: not an IP address."""
        cdef bytes raw = text_to_addr(host, port)
        memcpy(&self.source, <const char *>raw, sizeof(Addr))

    def set_limits(self, uint32_t maxconn, uint32_t minconn, uint32_t maxqueue=0) -> None:
        """In the segment, for all workers (0: none). minconn alone, or not below maxconn, is a maxconn."""
        self.slot.shared.maxconn = max(maxconn, minconn)
        self.slot.shared.minconn = minconn if minconn < maxconn else 0
        self.slot.shared.maxqueue = self.max_queue = maxqueue
        self.slot.proxy.shared.fullconn = self.fullconn

    cdef uint32_t limit(self) noexcept:
        """maxconn, or with minconn a ramp from minconn to it as the backend fills up to fullconn (manual 5.2)."""
        return server_limit(self.slot.shared, self.slot.proxy.shared.scur + self.leaving, self.fullconn)

    cdef void seen_good(self, uint8_t layer) noexcept:
        if self.observe == layer and self.slot.shared.errors:
            sys.ha_store32(&self.slot.shared.errors, 0)

    cdef void seen_bad(self, uint8_t what) noexcept:
        """observe: an error in traffic. Whoever counts the one that reaches error-limit raises the alarm."""
        cdef ServerShared *s = self.slot.shared
        cdef uint32_t errors
        if (what != SEEN_L4_BAD and self.observe != OBSERVE_L7) or not s.check_state & 4:
            return
        errors = sys.ha_add32(&s.errors, 1)
        if errors < self.error_limit or not sys.ha_cas32(&s.errors, errors, 0):
            return
        sys.ha_add32(&s.hanafail, 1)
        try:
            self.alarm(self.slot, errors, what)
        except Exception:
            pass                          # nobody hears it; the stream that saw the error must go on

    cdef bint book_slot(self) noexcept:
        cdef ServerShared *s = self.slot.shared
        cdef uint32_t limit = self.limit()
        cdef uint32_t now
        while True:
            now = sys.ha_load32(&s.scur)
            if limit and now >= limit:
                return False
            if sys.ha_cas32(&s.scur, now, now + 1):
                break
        if now >= s.smax:
            s.smax = now + 1
        return True

    cdef void unbook_slot(self) noexcept:
        sys.ha_add32(&self.slot.shared.scur, -1)
        if self.slot.shared.maxconn:
            sys.ha_post32(&self.slot.proxy.shared.freed, 1)

    cdef bint try_slot(self) noexcept:
        if not self.book_slot():
            return False
        self.slot.mine.scur += 1
        if self.watcher is not None:
            self.watcher.load_changed(self.slot)
        return True

    cdef void free_slot(self) noexcept:
        gauge_down(&self.slot.shared.scur, &self.slot.mine.scur)
        if self.slot.shared.maxconn:
            sys.ha_post32(&self.slot.proxy.shared.freed, 1)
        if self.watcher is not None:
            self.watcher.load_changed(self.slot)

    cdef ServerConn take_idle(self, int mode, bint first, bytes sni):
        """A pooled connection fit for this request. Under `safe` the first request of a session gets none, under
        `aggressive` only one that has been reused before (manual 4.2, http-reuse)."""
        cdef ServerConn c = self.newest
        if mode == REUSE_NEVER or (first and mode == REUSE_SAFE):
            return None
        while c is not None:
            if not (first and mode == REUSE_AGGRESSIVE and c.uses < 2) and c.sni == sni and right_kind(self, c):
                self.unlink_idle(c)
                self.one_busier()
                self.slot.mine.reuse += 1
                return c
            c = c.older
        return None

    cdef void one_busier(self) noexcept:
        """A connection is in use: remember the peak of this period and of the one before."""
        cdef uint64_t now = self.worker.reactor.now_ms
        gauge_up(&self.slot.shared.used_conns, NULL, &self.slot.mine.used_conns)
        self.busy_count += 1
        if now >= self.period_ends:
            self.busy_peak_before = self.busy_peak if now < self.period_ends + self.purge_ms else 0
            self.busy_peak = 0
            self.period_ends = now + self.purge_ms
        if self.busy_count > self.busy_peak:
            self.busy_peak = self.busy_count

    cdef bint worth_keeping(self) noexcept:
        """No more idle ones than were lately in use at one time, as HAProxy keeps them."""
        cdef uint32_t needed = self.busy_peak if self.busy_peak > self.busy_peak_before else self.busy_peak_before
        return self.busy_count - 1 + self.idle_count < needed

    cdef void give_idle(self, ServerConn c) noexcept:
        cdef bint named = c.user is not None and c.user.persist & PERSIST_DIRECT    # one in maintenance has clients all the same
        c.user = None
        if (c.private or c.fd < 0 or c.error or c.eof or c.rdhup or self.idle_count >= self.pool_max
                or (self.max_reuse and c.uses > self.max_reuse) or (self.slot.shared.admin & ADM_MAINT and not named)
                or self.worker.stopping or not right_kind(self, c) or not self.worth_keeping()):
            c.discard(False)
            return
        self.busy_count -= 1
        gauge_down(&self.slot.shared.used_conns, &self.slot.mine.used_conns)
        link_idle(self, c)

    cdef uint32_t lend_idle(self, Conn to, bytes sni) noexcept:
        """The newest idle connection of this kind becomes that of `to`, which has none; it is not counted meanwhile."""
        cdef ServerConn c = self.newest
        while c is not None and not (c.sni == sni and right_kind(self, c)):
            c = c.older
        if c is None or self.pool_generation != self.slot.shared.generation:
            return 0
        self.unlink_idle(c)
        c.reactor.unwatch(c)
        to.fd, c.fd = c.fd, -1
        to.tls, c.tls = c.tls, None
        if to.tls is not None:
            give_tls(self.worker.segment.tls)
        return c.uses if c.uses else 1

    cdef bint adopt_idle(self, Conn made, bytes sni, uint32_t uses) noexcept:
        """The connection of `made` becomes an idle one; False: it is not kept."""
        cdef ServerConn c
        if (made.fd < 0 or made.error or made.eof or made.rdhup or made.has_pending() or self.idle_count >= self.pool_max
                or (self.max_reuse and uses > self.max_reuse) or self.slot.shared.admin & ADM_MAINT or self.worker.stopping
                or (made.tls is not None) != (self.tls is not None and self.slot.shared.tls_on != 0)
                or self.pool_generation != self.slot.shared.generation
                or (self.idle_count and self.busy_count + self.idle_count >= self.busy_peak)):
            return False
        if made.tls is not None and not take_tls(self.worker.segment.tls):
            return False
        made.reactor.unwatch(made)
        c = ServerConn.__new__(ServerConn)
        c.fd, made.fd = made.fd, -1
        c.tls, made.tls = made.tls, None
        c.home = self
        c.worker = self.worker
        c.dst = self.addr
        if conn.wants_own_address:
            c.learn_src()
        c.may_write = True
        c.sni = sni
        c.uses = uses
        c.reactor = self.worker.reactor
        link_idle(self, c)
        if self.worker.reactor.watch(c, sys.EPOLLIN | sys.EPOLLOUT | sys.EPOLLRDHUP | sys.EPOLLET):
            c.discard(False)
        return True

    cdef void unlink_idle(self, ServerConn c) noexcept:
        if not c.idle:
            return
        if c.newer is not None:
            c.newer.older = c.older
        else:
            self.newest = c.older
        if c.older is not None:
            c.older.newer = c.newer
        else:
            self.oldest = c.newer
        c.newer = None
        c.older = None
        c.idle = False
        self.idle_count -= 1
        gauge_down(&self.slot.shared.idle_conns, &self.slot.mine.idle_conns)

    cdef void close_idle(self) noexcept:
        while self.newest is not None:
            self.newest.discard(False)

    cdef ServerConn open(self, ServerUser user, bytes sni, int *err):
        cdef sys.sockaddr_un sa                 # the largest of the three
        cdef socklen_t n
        cdef int family, fd, one = 1
        cdef ServerConn c
        cdef Addr to
        cdef bint local
        if self.unix_path is not None:
            memset(&sa, 0, sizeof(sa))
            sa.sun_family = <unsigned short>sys.AF_UNIX
            memcpy(sa.sun_path, <const char *>self.unix_path, len(self.unix_path))
            n = <socklen_t>(2 + len(self.unix_path))
            memset(&to, 0, sizeof(to))
            to.family = <uint8_t>sys.AF_UNIX
            local = True
        else:
            if self.addr_generation != self.slot.shared.generation:
                self.addr_generation = self.slot.shared.generation
                memcpy(&self.addr, self.slot.shared.addr, sizeof(Addr))
                self.map_port = self.slot.shared.port_map
                self.port_offset = self.slot.shared.port_offset
                self.addr_is_any = memcmp(self.addr.ip, NOWHERE, sizeof(NOWHERE)) == 0
            to = self.addr
            if self.addr_is_any and user.dst.family != sys.AF_UNIX:
                to = user.dst
                to.port = self.addr.port
            if self.map_port:
                to.port = <uint16_t>(user.dst.port + self.port_offset)
            n = addr_to_sockaddr(&to, <sockaddr *>&sa)
            if n == 0:
                err[0] = sys.EADDRNOTAVAIL
                return None
            local = to.ip[0] == 127 if to.family == sys.AF_INET else False
        family = (<sockaddr *>&sa).sa_family
        fd = sys.socket(family, sys.SOCK_STREAM | sys.SOCK_NONBLOCK | sys.SOCK_CLOEXEC, 0)
        if fd < 0:
            err[0] = sys.errno
            return None
        if self.rcvbuf:
            sys.setsockopt(fd, sys.SOL_SOCKET, sys.SO_RCVBUF, &self.rcvbuf, sizeof(int))
        if self.sndbuf:
            sys.setsockopt(fd, sys.SOL_SOCKET, sys.SO_SNDBUF, &self.sndbuf, sizeof(int))
        if family != sys.AF_UNIX:
            sys.setsockopt(fd, sys.IPPROTO_TCP, sys.TCP_NODELAY, &one, sizeof(one))
            if self.tcpka:
                keepalive_options(fd, self.ka_cnt, self.ka_idle, self.ka_intvl)
            if self.tcp_ut:
                sys.setsockopt(fd, sys.IPPROTO_TCP, sys.TCP_USER_TIMEOUT, &self.tcp_ut, sizeof(int))
            if self.source.family and not self.bind_source(fd):
                err[0] = sys.errno
                sys.close(fd)
                return None
        if sys.connect(fd, <sockaddr *>&sa, n) < 0 and sys.errno != sys.EINPROGRESS:
            err[0] = sys.errno
            sys.close(fd)
            return None
        c = ServerConn.__new__(ServerConn)
        c.fd = fd
        c.home = self
        c.worker = self.worker
        c.user = user
        c.dst = to
        if conn.wants_own_address:
            c.learn_src()
        c.connecting = True
        c.may_write = local          # on loopback the handshake is over by now: the first send tells
        c.sni = sni
        if self.tls is not None and self.slot.shared.tls_on:
            if not take_tls(self.worker.segment.tls):
                err[0] = sys.ENOBUFS
                return None
            try:
                if sni is None:
                    c.tls = self.tls.connect(fd, NULL, 0)
                else:
                    c.tls = self.tls.connect(fd, <const char *>sni, <uint32_t>len(sni))
            except Exception:
                give_tls(self.worker.segment.tls)
                err[0] = sys.ENOMEM
                return None
            c.handshaking = True
        c.private = self.send_proxy != 0 or self.addr_is_any
        self.one_busier()
        self.slot.mine.connect += 1
        err[0] = self.worker.reactor.watch(c, sys.EPOLLIN | sys.EPOLLOUT | sys.EPOLLRDHUP | sys.EPOLLET)
        if err[0]:
            c.discard(False)
            return None
        return c

    cdef bint is_at(self, uint8_t family, const char *ip, uint32_t n, uint32_t port) noexcept:
        cdef Addr *a = <Addr *>self.slot.shared.addr
        return a.family == family and memcmp(a.ip, ip, n) == 0 and a.port == port

    cdef bint bind_source(self, int fd) noexcept:
        cdef sockaddr_in6 sa
        cdef int one = 1
        cdef socklen_t n = addr_to_sockaddr(&self.source, <sockaddr *>&sa)
        if self.source.port:
            sys.setsockopt(fd, sys.SOL_SOCKET, sys.SO_REUSEADDR, &one, sizeof(one))
        return n != 0 and sys.bind(fd, <sockaddr *>&sa, n) == 0
