"""Accepting connections, within the limits of process, frontend and bind line.

A frontend that is full accepts nothing more and the kernel's queue holds what comes, as in HAProxy; whoever ends a
connection lets the listeners try again, through the segment's eventfd in the other workers. The descriptor belongs to
the supervisor; workers share it, woken one at a time (EPOLLEXCLUSIVE).
"""

from libc.stdint cimport uint16_t, uint32_t, uint64_t
from libc.string cimport memset
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.addr cimport Addr, addr_from_sockaddr
from haproxy_py.engine.reactor cimport Reactor, set_deadline
from haproxy_py.engine.shm cimport RATE_SESSIONS, GlobalShared, ProxySlot, gauge_down, gauge_up
from haproxy_py.engine.sockets cimport keepalive_options, no_delay
from haproxy_py.engine.sys cimport sockaddr, sockaddr_un, socklen_t
from haproxy_py.engine.tls cimport TlsContext
from haproxy_py.engine.tls_limit cimport give_tls, take_tls, tls_full
from haproxy_py.stream.conf cimport FrontConf
from haproxy_py.stream.session cimport Door, Session
from haproxy_py.engine.reactor cimport Source
from haproxy_py.stream.stats cimport count_connection, count_session
from backends.backend cimport Backend
from backends.follow cimport Follower
from backends.queue import hall_of
from frontends.rates cimport give_global, give_session, take_global, take_session

cdef enum:
    ACCEPTS = 16           # connections taken in one go: other workers and other sockets get their turn
    RETRY_MS = 100         # after running out of descriptors, memory or TLS connections

cdef list full_listeners = []    # of all workers of this process (an embedding program may run several)


cdef class Listener(Door):
    """Args: worker; front: its frontend; fd: listening, non-blocking; bind_name: for %fl and logs; tls: context or None.
    limit: a slot of the segment that counts its connections in all workers; wanted with maxconn.
    """

    def __init__(self, worker, FrontConf front, int fd, *, key=None, bytes bind_name=b"", tls=None,
                 bint accept_proxy=False, uint32_t maxconn=0, ProxySlot limit=None, bint on_unix=False, int tcp_ut=0,
                 ProxySlot counts=None, uint16_t number=1):
        self.worker = worker
        self.front = front
        self.fd = fd
        self.key = key
        self.bind_name = bind_name
        self.tls = tls
        self.accept_proxy = accept_proxy
        self.maxconn = maxconn
        self.limit = limit
        self.counts = counts
        self.on_unix = on_unix
        self.number = number
        self.tcp_ut = tcp_ut

    def start(self):
        """Begin to accept. What every connection needs is set on the listening socket: accepted ones inherit it."""
        if not self.on_unix:
            no_delay(self.fd)
            if self.front.tcpka:
                keepalive_options(self.fd, self.front.ka_cnt, self.front.ka_idle, self.front.ka_intvl)
            if self.tcp_ut:
                sys.setsockopt(self.fd, sys.IPPROTO_TCP, sys.TCP_USER_TIMEOUT, &self.tcp_ut, sizeof(int))
            self.learn_address()
        cdef int err = self.worker.reactor.watch(self, sys.EPOLLIN | sys.EPOLLEXCLUSIVE)
        if err:
            raise OSError(err, "cannot watch a listening socket")

    cdef void learn_address(self) noexcept:
        """A socket bound to one address gives it to all its connections; a wildcard leaves `address` unknown."""
        cdef sockaddr_un local
        cdef socklen_t n = sizeof(local)
        cdef Addr a
        cdef int i
        if sys.getsockname(self.fd, <sockaddr *>&local, &n) < 0:
            return
        addr_from_sockaddr(&a, <sockaddr *>&local)
        for i in range(16 if a.family == sys.AF_INET6 else 4):
            if a.ip[i]:
                self.address = a
                return

    def stop(self):
        """Accept no more, whoever leaves; the descriptor stays open (it is the supervisor's)."""
        self.worker.reactor.unwatch(self)
        self.timer.deadline = 0
        self.paused = False
        if self in full_listeners:
            full_listeners.remove(self)
            gauge_down(&self.worker.segment.shared.waiters, &self.worker.segment.mine.waiting)

    def resume(self):
        """A place may have become free: accept again."""
        if self.paused:
            self.paused = False
            if self.worker.reactor.watch(self, sys.EPOLLIN | sys.EPOLLEXCLUSIVE) == 0:
                self.accept_some()

    cdef void on_events(self, uint32_t events) noexcept:
        self.accept_some()

    cdef void on_deadline(self) noexcept:
        self.resume()

    cdef void pause(self) noexcept:
        """Full: leave the epoll set (level triggered, it would spin) and announce that a slot is wanted."""
        if self.paused:
            return
        self.worker.reactor.unwatch(self)
        self.paused = True
        if self not in full_listeners:
            full_listeners.append(self)
            gauge_up(&self.worker.segment.shared.waiters, NULL, &self.worker.segment.mine.waiting)
        if self.has_room():            # somebody left before we said that we wait
            set_deadline(self.worker.reactor, self, self.worker.reactor.now_ms)

    cdef bint in_rate(self) noexcept:
        """Limits on rates, the frontend's and the process's: one more now? Else the kernel's queue holds who comes until there is room again."""
        cdef Reactor r = self.worker.reactor
        cdef GlobalShared *g = self.worker.segment.shared
        cdef uint64_t now_ms = r.clock_us // 1000
        cdef uint32_t wait = 0
        if self.front.rate_limit:
            wait = take_session(&self.front.slot.shared.sessions, self.front.rate_limit, now_ms)
        if not wait and g.rate_limited:
            wait = take_global(g, self.tls is not None, now_ms)
            if wait and self.front.rate_limit:
                give_session(&self.front.slot.shared.sessions, now_ms)
        if not wait:
            return True
        r.unwatch(self)
        self.paused = True
        set_deadline(r, self, r.now_ms + wait)
        return False

    cdef void give_rates(self) noexcept:
        """in_rate() has counted one that did not come."""
        cdef GlobalShared *g = self.worker.segment.shared
        cdef uint64_t now_ms = self.worker.reactor.clock_us // 1000
        if self.front.rate_limit:
            give_session(&self.front.slot.shared.sessions, now_ms)
        if g.rate_limited:
            give_global(g, self.tls is not None, now_ms)

    cdef bint full(self) noexcept:
        """Whether the bind line's own maxconn is reached."""
        return self.limit is not None and sys.ha_load32(&self.limit.shared.scur) >= self.maxconn

    cdef bint has_room(self) noexcept:
        """Whether one more connection would be admitted now."""
        cdef GlobalShared *g = self.worker.segment.shared
        if g.maxconn and sys.ha_load32(&g.conns) >= g.maxconn:
            return False
        if sys.ha_load32(&self.front.slot.shared.scur) >= self.front.maxconn:
            return False
        if self.tls is not None and tls_full(self.worker.segment.tls):
            return False
        return not self.full()

    cdef bint admit(self) noexcept:
        """Count one more connection in, unless the process, the frontend or this socket is full."""
        cdef GlobalShared *g = self.worker.segment.shared
        cdef FrontConf f = self.front
        if self.tls is not None and not take_tls(self.worker.segment.tls):
            return False
        self.worker.segment.conns_up()
        if g.maxconn and g.conns > g.maxconn:
            if self.tls is not None:
                give_tls(self.worker.segment.tls)
            self.worker.segment.conns_down()
            sys.ha_add32(&g.maxconn_reached, 1)
            return False
        gauge_up(&f.slot.shared.scur, NULL, &f.slot.mine.scur)
        if self.limit is not None:
            gauge_up(&self.limit.shared.scur, NULL, &self.limit.mine.scur)
        if (f.slot.shared.scur > f.maxconn
                or (self.limit is not None and self.limit.shared.scur > self.maxconn)):
            self.uncount()
            gauge_down(&f.slot.shared.scur, &f.slot.mine.scur)
            return False
        self.conns += 1
        return True

    cdef void uncount(self) noexcept:
        """One connection less of the process and of this bind line."""
        if self.limit is not None:
            gauge_down(&self.limit.shared.scur, &self.limit.mine.scur)
        if self.tls is not None:
            give_tls(self.worker.segment.tls)
        self.worker.segment.conns_down()

    cdef void accept_some(self) noexcept:
        cdef GlobalShared *g = self.worker.segment.shared
        cdef sockaddr_un sa
        cdef socklen_t n
        cdef int fd, i
        for i in range(ACCEPTS):
            if (self.front.rate_limit or g.rate_limited) and not self.in_rate():
                return
            if not self.admit():
                self.give_rates()
                self.pause()
                if self.tls is not None and tls_full(self.worker.segment.tls):    # a server connection that ends tells nobody
                    set_deadline(self.worker.reactor, self, self.worker.reactor.now_ms + RETRY_MS)
                return
            n = sizeof(sa)
            fd = sys.accept4(self.fd, <sockaddr *>&sa, &n, sys.SOCK_NONBLOCK | sys.SOCK_CLOEXEC)
            if fd < 0:
                self.conns -= 1
                gauge_down(&self.front.slot.shared.scur, &self.front.slot.mine.scur)
                self.uncount()
                self.give_rates()
                if sys.errno == sys.EMFILE or sys.errno == sys.ENFILE or sys.errno == sys.ENOBUFS or sys.errno == sys.ENOMEM:
                    self.pause()
                    set_deadline(self.worker.reactor, self, self.worker.reactor.now_ms + RETRY_MS)
                elif sys.errno == sys.ECONNABORTED or sys.errno == sys.EINTR:
                    continue
                return
            self.welcome(fd, <sockaddr *>&sa)

    cdef void welcome(self, int fd, sockaddr *sa) noexcept:
        """Make a session of an accepted connection."""
        cdef Session s = Session.__new__(Session)
        cdef FrontConf f = self.front
        cdef char refused[2048]
        cdef sockaddr_un local
        cdef socklen_t n = sizeof(local)
        cdef ProxySlot all_of_them
        cdef uint64_t now_s
        s.fd = fd
        s.worker = self.worker
        s.front = f
        s.door = self
        s.counted = True
        s.may_write = True
        s.may_read = True
        s.accept_us = self.worker.reactor.now_us
        s.accept_wall_us = self.worker.reactor.wall_us
        sys.ha_add64(&self.worker.segment.shared.cum_conns, 1)
        now_s = self.worker.reactor.clock_us // 1000000
        count_connection(f.slot.mine, &f.slot.shared.rate_max, now_s)
        all_of_them = self.worker.segment.process
        count_connection(all_of_them.mine, &all_of_them.shared.rate_max, now_s)
        if self.counts is not None:
            self.counts.mine.conn_tot += 1
            if self.counts is not self.limit:
                gauge_up(&self.counts.shared.scur, &self.counts.shared.smax, &self.counts.mine.scur)
            elif self.counts.shared.scur > self.counts.shared.smax:
                self.counts.shared.smax = self.counts.shared.scur
        self.note_peak()
        if self.on_unix:
            s.src.family = s.dst.family = <unsigned char>sys.AF_UNIX
            s.src.port = s.dst.port = self.number            # what logs show in a port's place (manual 8.2.3)
        else:
            addr_from_sockaddr(&s.src, sa)
            if self.address.family:
                s.dst = self.address
            elif sys.getsockname(fd, <sockaddr *>&local, &n) == 0:
                addr_from_sockaddr(&s.dst, <sockaddr *>&local)
        s.enlist()
        if self.worker.reactor.watch(s, sys.EPOLLIN | sys.EPOLLOUT | sys.EPOLLRDHUP | sys.EPOLLET):
            s.drop(True)
            return
        if f.tcp_connection is not None and not s.allowed(f.tcp_connection):
            f.slot.mine.dcon += 1
            if self.counts is not None:
                self.counts.mine.dcon += 1
            if self.worker.segment.shared.rate_limits[RATE_SESSIONS]:
                give_session(&self.worker.segment.shared.rates[RATE_SESSIONS], self.worker.reactor.clock_us // 1000)
            sys.recv(fd, refused, sizeof(refused), 0)       # bytes that have come must not make the end a reset
            s.drop(False)
            return
        if self.tls is not None:
            try:
                s.tls = (<TlsContext>self.tls).session(fd)
            except Exception:
                s.drop(True)
                return
        s.begin()

    cdef void note_peak(self) noexcept:
        """smax: only now, since admit() also counts the connection that accept4() then does not find."""
        cdef uint32_t *peak = &self.front.slot.shared.smax
        cdef uint32_t now = sys.ha_load32(&self.front.slot.shared.scur)
        cdef uint32_t top = sys.ha_load32(peak)
        if now > self.front.maxconn:
            now = self.front.maxconn
        while now > top and not sys.ha_cas32(peak, top, now):
            top = sys.ha_load32(peak)

    cdef void left(self, Session s) noexcept:
        self.conns -= 1
        self.uncount()
        if self.counts is not None and self.counts is not self.limit:
            gauge_down(&self.counts.shared.scur, &self.counts.mine.scur)
        if sys.ha_load32(&self.worker.segment.shared.waiters):
            self.wake_waiting()
            if self.worker.segment.workers > 1:
                self.worker.segment.wake_others()

    cdef void wake_waiting(self) noexcept:
        """Let the listeners of this worker that are full try again, in the next round: the limit may be the process's."""
        cdef Listener each
        for each in full_listeners[:]:
            if each.worker is self.worker:
                full_listeners.remove(each)
                gauge_down(&self.worker.segment.shared.waiters, &self.worker.segment.mine.waiting)
                set_deadline(self.worker.reactor, each, self.worker.reactor.now_ms)


cdef class Waker(Source):
    """Hears of slots that other workers freed: serves the queues, lets full listeners try again. Hears of servers too.

    Args: worker; follower: of this worker's backends; listeners: Listener objects. The segment's eventfd stays open.
    """

    cdef Worker worker
    cdef list backends
    cdef list listeners
    cdef Follower follower

    def __init__(self, Worker worker, Follower follower not None, list listeners):
        self.worker = worker
        self.follower = follower
        self.backends = follower.backends
        self.listeners = listeners
        self.fd = worker.segment.wake_fd

    def start(self):
        """Watch, edge triggered: every worker hears every write, nobody reads."""
        self.worker.reactor.watch(self, sys.EPOLLIN | sys.EPOLLET)
        hall_of(self.worker).open()

    def stop(self):
        self.worker.reactor.unwatch(self)
        hall_of(self.worker).close()

    cdef void on_events(self, uint32_t events) noexcept:
        cdef Backend b
        cdef Listener each
        self.follower.look()
        for b in self.backends:
            if b.slot.shared.pending:
                b.wake_queues()
        for each in self.listeners:
            if each.paused:
                each.wake_waiting()
