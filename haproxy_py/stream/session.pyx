"""The client's side of a connection: PROXY header, TLS, then one TCP stream or HTTP requests one after the other.

An idle keep-alive connection is this object and nothing else: no buffer, no stream. The buffer is taken when bytes come
and given back when the last of them has been consumed.
"""

from libc.stdint cimport UINT64_MAX, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.addr cimport Addr
from haproxy_py.engine.conn cimport Conn, IO_AGAIN, IO_EOF
from haproxy_py.engine.proxy_protocol cimport PP1_MAX, pp_parse
from haproxy_py.engine.reactor cimport set_deadline
from haproxy_py.engine.counters cimport Counters
from haproxy_py.engine.shm cimport ProxySlot, gauge_down, gauge_up
from haproxy_py.engine.tls cimport TLS_WANT_READ, TLS_WANT_WRITE, failure_text
from haproxy_py.rules.rule cimport RuleSet
from haproxy_py.stream.stats cimport count_request, count_session
from haproxy_py.engine.txn cimport V_CONTINUE, V_STOP

cdef const char *proxy_fault(const char *p, ssize_t n, bint unfinished) noexcept nogil:
    """What HAProxy says of a PROXY header that is wrong, or unfinished at the end of what will come (n > 0)."""
    cdef bint cut = unfinished
    if n < 6 or memcmp(p, b"PROXY ", 6) != 0:
        if n < 16 or unfinished:
            return "Truncated PROXY protocol header received"
        if memcmp(p, b"\r\n\r\n\0\r\nQUIT\n", 12) != 0 or (p[12] & 0xF0) != 0x20:
            return "Received something which does not look like a PROXY protocol header"
        return "Received an invalid PROXY protocol header"
    if n >= 9 and (n < 11 or (memcmp(p + 6, b"TCP4 ", 5) != 0 and memcmp(p + 6, b"TCP6 ", 5) != 0)):
        return "Received an unhandled protocol in the PROXY protocol header"
    cut = cut or (p[n - 1] == c'\n' and (n < 2 or p[n - 2] != c'\r') and n < PP1_MAX)
    return "Truncated PROXY protocol header received" if cut else "Received an invalid PROXY protocol header"


cdef enum:
    DRAIN_MS = 2000          # how long a closed session waits for the peer's end, at most


cdef class Stream(ServerUser):
    cdef void join(self, Session s) noexcept:
        s.stream = self
        self.session = s
        self.client = s
        self.worker = s.worker
        self.front = s.front
        self.fe = s.front.slot
        self.ssl_front = s.tls is not None
        self.bind_name = s.door.bind_name
        self.src = s.src
        self.dst = s.dst
        self.vars = s.sess_vars
        self.accept_us = s.accept_us
        self.accept_wall_us = s.accept_wall_us

    cdef bint has_begun(self) noexcept:
        return self.req_seen or (self.req_no > 0 and not self.front.http)

    cdef bytes id_of(self):
        if self.unique_id is None and self.front.unique_id is not None and self.has_begun():
            self.front.unique_id.make(self)
        return self.unique_id

    cdef void client_event(self) noexcept:
        pass

    cdef void client_deadline(self) noexcept:
        pass

    cdef void abort(self, uint8_t cause) noexcept:
        pass


cdef class Mux:
    cdef void start(self, Session s) noexcept:
        pass

    cdef void nothing_came(self, Session s, uint8_t cause) noexcept:
        pass


cdef class Door(Source):
    cdef void left(self, Session s) noexcept:
        pass

    cdef void count_end(self, Stream t, uint64_t bin, uint64_t bout) noexcept:
        cdef Counters *c = self.counts.mine
        c.bin += bin
        c.bout += bout
        if t.http and not t.req_seen:
            c.ereq += t.status >= 400
        elif t.term_cause == c'P' and t.term_state == c'R':
            c.dreq += 1
        elif t.term_cause == c'P' and t.term_state == c'H':
            c.dresp += 1


cdef class Session(Conn):
    def __dealloc__(self):
        if self.buf != NULL:
            self.worker.buffers.give(self.buf)
            self.buf = NULL

    cdef void enlist(self) noexcept:
        """Into the worker's list. The reactor's reference keeps a listed session alive."""
        cdef void *first = self.worker.newest_session
        self.older = first
        if first != NULL:
            (<Session>first).newer = <void *>self
        self.worker.newest_session = <void *>self

    cdef void delist(self) noexcept:
        if self.newer != NULL:
            (<Session>self.newer).older = self.older
        elif self.worker.newest_session == <void *>self:
            self.worker.newest_session = self.older
        if self.older != NULL:
            (<Session>self.older).newer = self.newer
        self.newer = self.older = NULL

    cdef char *buffer(self) noexcept:
        """The receive buffer, taken if need be; NULL: out of memory."""
        if self.buf == NULL:
            self.buf = self.worker.buffers.take()
            self.have = 0
        return self.buf

    cdef void begin(self) noexcept:
        cdef uint64_t limit = self.front.timeout_client_hs or self.front.timeout_client
        if self.door.accept_proxy:
            self.state = SE_PROXY
        elif self.tls is not None:
            self.state = SE_TLS
        else:
            self.ready()
            return
        if limit:
            set_deadline(self.reactor, self, self.reactor.now_ms + limit)

    cdef void on_events(self, uint32_t events) noexcept:
        cdef Stream stream = self.stream
        self.note(events)
        if stream is not None:
            stream.client_event()
        elif self.state == SE_HTTP:
            if self.may_read or self.have:
                self.start_http()
        elif self.state == SE_DRAIN:
            self.drain()
        elif self.state < SE_HTTP:
            self.proceed()

    cdef void on_deadline(self) noexcept:
        cdef Stream stream = self.stream
        if stream is not None:
            stream.client_deadline()
        elif self.state == SE_HTTP:
            self.idle_deadline()
        else:
            if self.state == SE_PROXY:
                self.complain("Timeout while waiting for PROXY protocol header")
            self.drop(False)

    cdef void proceed(self) noexcept:
        cdef int r
        if self.state == SE_PROXY:
            if not self.read_proxy_header():
                return
            if self.tls is None:
                self.ready()
                return
            self.state = SE_TLS
        r = self.tls.handshake()
        if r == 1:
            self.may_read = True
            self.may_write = True
            self.count_handshake()
            self.ready()
        elif r == TLS_WANT_READ:
            self.may_read = False
        elif r == TLS_WANT_WRITE:
            self.may_write = False
        else:
            self.front.slot.mine.ssl_failed += 1
            if self.door.counts is not None:
                self.door.counts.mine.ssl_failed += 1
            self.complain(failure_text(self.tls.failure))
            self.drop(False)

    cdef void count_handshake(self) noexcept:
        """A TLS handshake is done: for frontend, bind line and process; a session that was resumed needed no new key."""
        cdef ProxySlot tls = self.worker.segment.tls
        cdef uint64_t now_s = self.reactor.clock_us // 1000000
        cdef bint resumed = self.tls.resumed()
        self.front.slot.mine.ssl_sess += 1
        self.front.slot.mine.ssl_reused += resumed
        if self.door.counts is not None:
            self.door.counts.mine.ssl_sess += 1
            self.door.counts.mine.ssl_reused += resumed
        count_request(tls.mine, &tls.shared.rate_max, now_s)
        if not resumed:
            count_session(tls.mine, &tls.shared.rate_max, now_s)

    cdef bint read_proxy_header(self) noexcept:
        """Consume exactly the header: bytes behind it stay in the socket (TLS reads them there). True: done."""
        cdef char head[4096]
        cdef uint32_t used = 0
        cdef ssize_t n
        cdef int r
        n = sys.recv(self.fd, head, sizeof(head), sys.MSG_PEEK)
        if n < 0 and sys.errno == sys.EAGAIN:
            self.may_read = False
            return False
        if n <= 0:
            self.complain("Connection closed while waiting for PROXY protocol header")
            self.drop(False)
            return False
        r = pp_parse(head, <uint32_t>n, &self.src, &self.dst, &used)
        if r < 0 or (r == 0 and (<size_t>n == sizeof(head) or self.rdhup)):
            self.complain(proxy_fault(head, n, r == 0))
            self.drop(True)
            return False
        if r == 0:
            self.may_read = False
            return False
        sys.recv(self.fd, head, used, 0)
        self.from_proxy = True
        return True

    cdef void ready(self) noexcept:
        if self.front.tcp_session is not None and not self.allowed(self.front.tcp_session):
            self.front.slot.mine.dses += 1
            if self.door.counts is not None:
                self.door.counts.mine.dses += 1
            self.drop(True)
            return
        self.reactor.tick()
        self.handshake_us = self.reactor.now_us
        self.count_begin()
        if self.front.http:
            self.state = SE_HTTP
            self.idle_us = self.handshake_us
            self.wait_for_request(True)
            if self.may_read and self.stream is None:
                self.start_http()
        else:
            self.state = SE_TCP
            (<Mux>self.front.mux).start(self)

    cdef void count_begin(self) noexcept:
        """A session begins: its connection is through handshakes and rules. For frontend, process and bind line."""
        cdef ProxySlot process = self.worker.segment.process
        cdef uint64_t now_s = self.reactor.clock_us // 1000000
        count_session(self.front.slot.mine, &self.front.slot.shared.rate_max, now_s)
        count_session(process.mine, &process.shared.rate_max, now_s)
        if self.door.counts is not None:
            self.door.counts.mine.stot += 1

    cdef void wait_for_request(self, bint first) noexcept:
        cdef uint64_t limit
        if first:
            limit = self.front.timeout_http_request or self.front.timeout_client
        else:
            limit = self.front.timeout_http_keepalive or self.front.timeout_http_request or self.front.timeout_client
        if self.worker.stopping and self.worker.spreads():
            limit = min(limit or UINT64_MAX, self.worker.lot())
        if limit:
            set_deadline(self.reactor, self, self.reactor.now_ms + limit)
        else:
            self.timer.deadline = 0

    cdef bint waits(self) noexcept:
        """For a request, of which nothing has come."""
        return self.state == SE_HTTP and self.stream is None and self.have == 0 and not self.may_read

    cdef void start_http(self) noexcept:
        """Bytes (or an end) wait and no request is on: read, and make a stream of them."""
        cdef char *buf = self.buffer()
        cdef ssize_t n
        cdef uint32_t room = self.worker.buffers.size - self.worker.maxrewrite
        if buf == NULL:
            self.drop(True)
            return
        if self.have == 0 or self.may_read:
            n = self.recv(buf + self.have, room - self.have) if self.have < room else IO_AGAIN
            if n > 0:
                self.have += <uint32_t>n
            elif self.have == 0:
                self.worker.buffers.give(buf)
                self.buf = NULL
                if n != IO_AGAIN:
                    self.lost_before_request(n == IO_EOF)
                return
        (<Mux>self.front.mux).start(self)

    cdef void lost_before_request(self, bint clean) noexcept:
        """The client left without a byte of a request. The first time that is worth a log line (CR), later it is normal."""
        if self.requests == 0:
            (<Mux>self.front.mux).nothing_came(self, c'C')
        else:
            self.drop(False)

    cdef void idle_deadline(self) noexcept:
        if self.requests == 0:
            (<Mux>self.front.mux).nothing_came(self, c'c')
        else:
            self.finish(False)

    cdef void next_request(self) noexcept:
        """The stream has ended and the connection goes on."""
        self.stream = None
        self.requests += 1
        self.idle_us = self.reactor.now_us
        if self.have == 0:
            self.worker.buffers.give(self.buf)
            self.buf = NULL
        if self.have == 0 and not self.may_read and self.worker.stopping and self.worker.spread_ms == 0:
            self.finish(False)
            return
        self.wait_for_request(False)
        if self.have or self.has_pending() or self.rdhup:
            self.may_read = self.may_read or self.has_pending() or self.rdhup
            self.reactor.wake(self)

    cdef void finish(self, bint hard) noexcept:
        """End the connection so that what was sent still arrives: with unread bytes, close() would send a reset."""
        self.stream = None
        if self.fd < 0:
            return
        if self.buf != NULL:
            self.worker.buffers.give(self.buf)
            self.buf = NULL
            self.have = 0
        if hard or self.error or self.eof or not (self.may_read or self.rdhup or self.owes_body):
            self.drop(hard)
            return
        self.shutdown_write()
        self.state = SE_DRAIN
        set_deadline(self.reactor, self, self.reactor.now_ms + DRAIN_MS)
        self.drain()

    cdef bint allowed(self, RuleSet rules) noexcept:
        """tcp-request connection and session rules, which see a connection and no bytes of it."""
        cdef Stream t = self.passer()
        cdef int cursor = 0, v
        v = rules.run(t, &cursor)
        self.sess_vars = t.vars
        return v == V_CONTINUE or v == V_STOP

    cdef Stream passer(self):
        """What is known of a connection before any stream."""
        cdef Stream t = Stream.__new__(Stream)
        t.session = self
        t.client = self
        t.worker = self.worker
        t.front = self.front
        t.fe = self.front.slot
        t.src = self.src
        t.dst = self.dst
        t.ssl_front = self.tls is not None
        t.bind_name = self.door.bind_name
        t.accept_us = self.accept_us
        t.accept_wall_us = self.accept_wall_us
        return t

    cdef bint ended(self) noexcept:
        """Whether the client has ended its direction and nothing unread is before that end."""
        cdef char one
        cdef ssize_t n
        if self.eof or self.error:
            return True
        if not self.rdhup:
            return False
        if self.tls is not None:
            return self.tls.over()
        n = sys.recv(self.fd, &one, 1, sys.MSG_PEEK)
        if n < 0 and sys.errno != sys.EAGAIN and sys.errno != sys.EINTR:
            self.fail(sys.errno)
            return True
        return n == 0

    cdef void complain(self, const char *text) noexcept:
        """A line about a connection that failed before any stream (manual 8.2.5)."""
        cdef LogPlan plan = self.front.log
        cdef Stream t
        if plan is not None:
            t = self.passer()
            if plan.error_format is not None:
                t.rt = sys.ha_add32(&self.worker.segment.shared.req_id, 1) - 1
            plan.about_connection(t, text)

    cdef void drain(self) noexcept:
        cdef char sink[4096]
        cdef int rounds = 0
        cdef ssize_t n
        while rounds < 64:
            n = sys.recv(self.fd, sink, sizeof(sink), 0)
            if n == 0 or (n < 0 and sys.errno != sys.EAGAIN and sys.errno != sys.EINTR):
                self.drop(False)
                return
            if n < 0:
                return
            rounds += 1
        self.drop(True)

    cdef void drop(self, bint hard) noexcept:
        cdef ServerConn own
        if self.state == SE_CLOSED:
            return
        self.state = SE_CLOSED
        self.stream = None
        if self.own is not None:
            own = self.own
            self.own = None
            own.discard(False)
        self.delist()
        self.close(hard or (self.front.nolinger and not self.shut_w))    # option nolinger: what was not ended is reset
        if self.buf != NULL:
            self.worker.buffers.give(self.buf)
            self.buf = NULL
        if self.counted:
            self.counted = False
            gauge_down(&self.front.slot.shared.scur, &self.front.slot.mine.scur)
        self.door.left(self)


def sessions(Worker worker not None) -> list:
    """Every session of this worker, newest first."""
    cdef list found = []
    cdef void *p = worker.newest_session
    while p != NULL:
        found.append(<Session>p)
        p = (<Session>p).older
    return found


def close_idle_sessions(Worker worker not None) -> None:
    """Close kept connections that wait for their next request (soft stop): now.

    One that has not sent its first request yet may still do so, and one whose next request has arrived is served.
    """
    cdef Session s
    cdef char one
    for s in sessions(worker):
        if s.front.idle_close_on_response:               # its next reply will say that it closes
            continue
        if s.requests and s.waits() and sys.recv(s.fd, &one, 1, sys.MSG_PEEK) <= 0:
            s.finish(False)


def spread_idle_sessions(Worker worker not None) -> None:
    """Connections that wait for a request, for their first too, have until a moment drawn by chance (close-spread-time)."""
    cdef Session s
    cdef uint64_t at
    if not worker.spreads():
        return
    worker.reactor.tick()
    for s in sessions(worker):
        at = worker.reactor.now_ms + worker.lot()
        if s.waits() and (s.timer.deadline == 0 or s.timer.deadline > at):
            set_deadline(s.reactor, s, at)


def kill_sessions(Worker worker not None) -> int:
    """End every session at once (hard stop); how many went. Streams are logged with cause K."""
    cdef Session s
    cdef Stream t
    cdef list all_of_them = sessions(worker)
    for s in all_of_them:
        t = s.stream
        if t is not None:
            t.abort(c'K')
        s.drop(False)
    return len(all_of_them)
