"""The part that HTTP and TCP streams share: a server slot, a connection to it with retries, and a tunnel in the end.

What differs is left to hooks: ready_to_send() (make the bytes that go first), connected(), fail() (answer, or just close),
complete(), cut(). Retries follow manual 4.2 (retries, option redispatch): after a failed connection the same server is
tried again after a second, or another one at once where redispatch says so.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t, uint64_t, int32_t
from libc.string cimport memcpy, memmove
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.http1 cimport B_LENGTH
from haproxy_py.engine.proxy_protocol cimport pp1_write, pp2_write
from haproxy_py.engine.reactor cimport set_deadline
from haproxy_py.engine.sockets cimport no_delay
from haproxy_py.engine.txn cimport TERM_NONE
from haproxy_py.stream.channel cimport X_BLOCK, X_BUDGET, X_DST, X_EOF, X_SRC, chan_flush, chan_move, chan_pending
from haproxy_py.stream.session cimport Session, Stream
from haproxy_py.stream.stats cimport count_session
from haproxy_py.engine.shm cimport SRV_RUNNING, ServerSlot
from backends.backend cimport A_FULL, A_NO_ROOM, A_OK, A_QUEUED, RETRY_CONN, Backend
from backends.server cimport (
    OBSERVE_L4, PERSIST_DIRECT, PERSIST_FORCED, REUSE_NEVER, SEEN_L4_BAD, Server, ServerConn, let_go, right_kind,
)

cdef enum:
    RETRIES_IN_A_ROW = 16     # redispatched at once; the next one waits a moment: each is a call within the one before
    TURN_AROUND_MS = 1000     # wait before the same server is tried again (manual 4.2, retries)


cdef class Relay(Stream):
    """A stream that goes to a server."""

    cdef void ready_to_send(self) noexcept:
        pass

    cdef void name_server(self) noexcept:
        """self.target was chosen: what goes first may have to tell its name."""

    cdef void connected(self) noexcept:
        pass

    cdef void fail(self, int status, uint8_t cause, uint8_t state) noexcept:
        pass

    cdef void complete(self) noexcept:
        pass

    cdef void cut(self, uint8_t cause, uint8_t state) noexcept:
        pass

    # ------------------------------------------------------------------ to a server

    cdef void seek_server(self) noexcept:
        cdef Session s = self.session
        cdef int r
        cdef uint64_t limit
        if s.own is not None and (self.backend.prefer_last or s.prefer_last) and self.backend.may_stay(self, s.own.home):
            r = self.backend.assign_to(self, s.own.home)
        else:
            r = self.backend.assign(self)
        if self.avoid is not None:
            self.note_change(self.avoid, r == A_FULL)
        if r == A_OK:
            self.connect()
        elif r == A_QUEUED:
            if self.granted:
                return
            self.state = ST_QUEUE
            limit = self.backend.timeout_queue or self.backend.timeout_connect
            if limit:
                set_deadline(s.reactor, s, s.reactor.now_ms + limit)
        elif r == A_NO_ROOM:
            self.fail(503, c'R', c'Q')
        else:
            self.be.mine.econ += 1
            if r == A_FULL:
                self.srv.mine.econ += 1
            self.fail(503, c'S', c'Q' if r == A_FULL else c'C')

    cdef void slot_granted(self, Server server) noexcept:
        """Out of the queue. None: no slot, another server shall be chosen."""
        self.granted = True
        self.state = ST_QUEUE
        self.session.timer.deadline = 0
        self.worker.reactor.wake(self.session)

    cdef void connect(self) noexcept:
        """A slot of self.target is ours: an idle connection, or a new one."""
        cdef Server t = self.target
        cdef Session s = self.session
        cdef ServerConn c = None
        cdef bytes sni = None
        cdef int err = 0
        cdef char text[256]
        cdef uint64_t now_s = s.reactor.clock_us // 1000000
        if t is None:                                # redispatched, after a pause; or its server went down
            if self.granted and self.wanted is not None and not self.persist & PERSIST_FORCED:
                self.avoid = self.wanted.slot
                let_go(self)
            self.granted = False
            self.seek_server()
            return
        self.granted = False
        self.name_server()
        if not self.retrying:
            self.queue_us = s.reactor.now_us         # %Tw ends when a server is chosen, not when it is tried again
        self.retrying = False
        s.timer.deadline = 0
        if t.sni is not None and t.slot.shared.tls_on:
            sni = PyBytes_FromStringAndSize(text, t.sni.render(self, text, sizeof(text)))
        if s.own is not None:
            c = s.own
            s.own = None
            if c.fd < 0 or c.home is not t or c.sni != sni or not right_kind(t, c) or c.may_read or c.rdhup:
                c.discard(False)
                c = None
            else:
                t.slot.mine.reuse += 1
        if c is None:
            c = t.take_idle(self.backend.reuse, s.requests == 0, sni)
        count_session(t.slot.mine, &t.slot.shared.rate_max, now_s)
        t.slot.mine.last_session = self.be.mine.last_session = now_s
        if c is not None:
            self.reused = True
            self.sconn = c
            self.server = c
            c.user = self
            if t.observe:
                t.seen_good(OBSERVE_L4)
            self.connected()
            return
        c = t.open(self, sni, &err)
        if c is None and err == sys.ENOBUFS:         # no room for one more TLS connection (maxsslconn)
            t.slot.mine.econ += 1
            self.be.mine.econ += 1
            self.drop_server(True)
            self.fail(500, c'I', c'C')
            return
        if c is None:
            self.connect_failed()
            return
        self.reused = False
        self.sconn = c
        self.server = c
        self.state = ST_CONNECT
        if self.backend.reuse == REUSE_NEVER:
            c.private = True
        if t.send_proxy:
            self.prepend_proxy_header()
        if self.backend.timeout_connect:
            set_deadline(c.reactor, c, c.reactor.now_ms + self.backend.timeout_connect)
        if not chan_pending(&self.rq):
            c.may_write = False                      # nothing to send that would tell: wait for the event
        if c.may_write:
            self.connecting()

    cdef void prepend_proxy_header(self) noexcept:
        """PROXY header before the first request (proxy-protocol.txt 2)."""
        cdef char header[512]
        cdef int n
        cdef uint32_t held = self.rq.head_end
        if self.target.send_proxy == 1:
            n = pp1_write(header, sizeof(header), &self.src, &self.dst)
        else:
            n = pp2_write(header, sizeof(header), &self.src, &self.dst)
        if n <= 0:
            return
        if self.rq.head == NULL:
            self.rq.head = self.worker.buffers.take()
            held = 0
            if self.rq.head == NULL:
                return
        if held + <uint32_t>n > self.worker.buffers.size:
            return
        memmove(self.rq.head + n, self.rq.head, held)
        memcpy(self.rq.head, header, n)
        self.rq.head_end = held + <uint32_t>n

    cdef void connecting(self) noexcept:
        """ST_CONNECT and the server connection has news. Plain: the first send tells, which saves a system call."""
        cdef ServerConn c = self.sconn
        cdef int r
        if c.tls is None and c.may_write and not c.error and chan_pending(&self.rq):
            r = chan_flush(&self.rq, c)
            if c.error:
                self.connect_failed()
            elif self.rq.sent:
                c.connecting = False
                self.established()
            return
        r = c.check_connect()
        if r < 0:
            self.connect_failed()
        elif r > 0:
            self.established()

    cdef void established(self) noexcept:
        """The new connection stands."""
        if self.target.observe:
            self.target.seen_good(OBSERVE_L4)
        self.connected()

    cdef void connect_failed(self) noexcept:
        """Refused or unreachable."""
        self.retry_connect(c'S', not self.reused)

    cdef void connect_timed_out(self) noexcept:
        self.sconn.fail(sys.ETIMEDOUT)
        self.retry_connect(c's', False)

    cdef void retry_connect(self, uint8_t cause, bint pause) noexcept:
        """Try again here or elsewhere, or give up (manual 4.2 retries, option redispatch, retry-on conn-failure).

        pause: wait a moment first, unless a new choice is made among several servers.
        """
        cdef Backend b = self.backend
        cdef Server t = self.target
        cdef Session s = self.session
        cdef uint64_t wait = TURN_AROUND_MS
        cdef bint elsewhere
        self.drop_server(True)
        if t.observe:
            t.seen_bad(SEEN_L4_BAD)
        if self.left_retries == 0 or not b.retry_on & RETRY_CONN:
            t.slot.mine.econ += 1
            self.be.mine.econ += 1
            self.fail(503, cause, c'C')
            return
        self.rewind_request()
        elsewhere = self.leave_for_another()
        self.left_retries -= 1
        self.retries += 1
        if b.timeout_connect and b.timeout_connect < wait:
            wait = b.timeout_connect
        if elsewhere and b.slot.shared.usable > 1:
            pause = False
        if not pause and self.retries % RETRIES_IN_A_ROW:
            self.connect()
            return
        self.state = ST_TURN
        set_deadline(s.reactor, s, s.reactor.now_ms + (wait if pause else 1))

    cdef bint leave_for_another(self) noexcept:
        """Whether this retry is a new choice (option redispatch): the server's slot is given back then.

        Where the algorithm may well name another server, every retry is one; a hash, which names the same one again, is asked
        at the interval of the option, and whenever the server is down.
        """
        cdef Backend b = self.backend
        cdef Server t = self.target
        cdef int32_t n = <int32_t>self.retries + 1
        cdef int32_t every = b.redispatch + <int32_t>b.retries + 1 if b.redispatch < 0 else b.redispatch
        if not b.redispatch or self.persist & PERSIST_FORCED or not (
                t.slot.shared.state < SRV_RUNNING or (every > 0 and n % every == 0)
                or (b.slot.shared.usable > 1 and not b.balancer.holds and not self.persist & PERSIST_DIRECT)):
            t.slot.mine.wretr += 1
            self.be.mine.wretr += 1
            self.retrying = True
            return False
        self.avoid = t.slot
        let_go(self)
        b.release(self)
        return True

    cdef void note_change(self, ServerSlot before, bint full) noexcept:
        """A new choice was made after `before` had failed: a redispatch, or the same server once more. full: it has no room."""
        self.avoid = None
        if (self.target is not None and self.target.slot is before) or (full and self.srv is before):
            before.mine.wretr += 1
            self.be.mine.wretr += 1
            return
        self.redispatched = True
        if self.backend.persistence is not None:
            self.backend.persistence.moved(self)
        before.mine.wredis += 1
        self.be.mine.wredis += 1

    cdef void rewind_request(self) noexcept:
        """Have the request sent again from its first byte (nothing of it was overwritten: rq.wrapped is off)."""
        if self.rq.head_end:
            if self.target is not None and self.target.send_proxy:
                self.rq.head_end = 0
                self.ready_to_send()
            self.rq.head_off = 0
            self.rq.off = self.head_length if self.rq.head_end else 0
        else:
            self.rq.off = 0
        self.rq.sent = 0

    # ------------------------------------------------------------------ tunnels

    cdef void tunnel(self) noexcept:
        cdef Session s = self.session
        cdef ServerConn c = self.sconn
        cdef uint64_t before = self.rq.received + self.rq.sent + self.rs.received + self.rs.sent
        cdef int up = X_EOF if self.rq_done else chan_move(&self.rq, s, c, self.worker, BUDGET)
        cdef int down = X_EOF if self.rs_done else X_BLOCK if self.rs_held else chan_move(&self.rs, c, s, self.worker, BUDGET)
        cdef bint moved = self.rq.received + self.rq.sent + self.rs.received + self.rs.sent != before
        if up == X_EOF and not self.rq_done:
            self.end_request()
        if down == X_EOF and not self.rs_done:
            self.end_reply()
        if up < 0 or down < 0:
            up = c'C' if up == X_SRC or down == X_DST else c'S'
            self.count_loss(<uint8_t>up)
            self.cut(<uint8_t>up, c'D')
            return
        if self.rq_done and self.rs_done:
            self.complete()
            return
        if up == X_BUDGET or down == X_BUDGET:
            s.reactor.wake(s)
        self.arm_tunnel(moved)

    cdef void end_request(self) noexcept:
        """The client's direction is through. From now on `timeout server-fin` counts for what the server still says."""
        cdef ServerConn c = self.sconn
        self.rq_done = True
        if self.backend.nolinger:                    # a server that nothing lingers for is left at once
            self.rs_done = True
            if not self.session.eof:
                self.session.shutdown_write()
            return
        c.shutdown_write()
        if self.backend.timeout_server_fin:
            set_deadline(c.reactor, c, c.reactor.now_ms + self.backend.timeout_server_fin)

    cdef void end_reply(self) noexcept:
        cdef Session s = self.session
        self.rs_done = True
        s.shutdown_write()
        if self.front.timeout_client_fin:
            set_deadline(s.reactor, s, s.reactor.now_ms + self.front.timeout_client_fin)

    cdef void arm_tunnel(self, bint moved) noexcept:
        """A side has a deadline while it is read from, or has not taken what waits for it; bytes either way put off both.

        timeout tunnel replaces both sides' own, their -fin timeouts replace it once the other side has ended (manual 4.2).
        """
        cdef Session s = self.session
        cdef ServerConn c = self.sconn
        cdef bint up = chan_pending(&self.rq), down = chan_pending(&self.rs)
        cdef uint64_t now = s.reactor.now_ms
        cdef uint64_t limit = self.backend.timeout_tunnel or self.front.timeout_client
        if self.rs_done and self.front.timeout_client_fin:
            limit = self.front.timeout_client_fin
        if limit == 0 or (not down and (self.rq_done or up)):
            s.timer.deadline = 0
        elif moved or s.timer.deadline == 0:
            set_deadline(s.reactor, s, now + limit)
        limit = self.backend.timeout_tunnel or self.backend.timeout_server
        if self.rq_done and self.backend.timeout_server_fin:
            limit = self.backend.timeout_server_fin
        if limit == 0 or (not up and (self.rs_done or down)):
            c.timer.deadline = 0
        elif moved or c.timer.deadline == 0:
            set_deadline(c.reactor, c, now + limit)

    cdef void tunnel_late(self, bint client) noexcept:
        """A side that is only silent has ended its direction, as if it had closed it; one that does not take its bytes ends both."""
        cdef uint64_t now = self.worker.reactor.now_ms
        cdef uint64_t other = self.sconn.timer.deadline if client else self.session.timer.deadline
        cdef bint both = other != 0 and other <= now
        if client or both:
            self.late_client()
        if self.state == ST_TUNNEL and (both or not client):
            self.late_server()
        if self.state != ST_TUNNEL:
            return
        if self.rq_done and self.rs_done:
            self.complete()
        else:
            self.arm_tunnel(False)

    cdef void late_client(self) noexcept:
        if self.term_cause == TERM_NONE:
            self.term_cause = c'c'
            self.term_state = c'D'
            self.count_loss(c'c')
        if chan_pending(&self.rs):
            self.cut(c'c', c'D')
        else:
            self.end_request()

    cdef void late_server(self) noexcept:
        if self.term_cause == TERM_NONE:
            self.term_cause = c's'
            self.term_state = c'D'
            self.count_loss(c's')
        if chan_pending(&self.rq):
            self.cut(c's', c'D')
        else:
            self.end_reply()

    cdef void count_loss(self, uint8_t cause) noexcept:
        """The client (C, c) or the server (S, s) left a tunnel, or was silent for too long: for both proxies and the server."""
        if cause == c'C' or cause == c'c':
            self.fe.mine.cli_abrt += 1
            self.be.mine.cli_abrt += 1
            self.srv.mine.cli_abrt += 1
            return
        self.be.mine.srv_abrt += 1
        self.srv.mine.srv_abrt += 1
        if cause == c'S':
            self.be.mine.eresp += 1
            self.srv.mine.eresp += 1

    cdef void drop_server(self, bint hard) noexcept:
        """Close the server connection, if there is one; the slot of the server stays ours."""
        cdef ServerConn c = self.sconn
        self.sconn = None
        if c is not None:
            if hard and self.rq.body.mode == B_LENGTH and not self.rq.body.done:
                no_delay(c.fd)                       # a reset throws away what MSG_MORE still holds back
            c.discard(hard)

    cdef void queue_timed_out(self) noexcept:
        self.be.mine.econ += 1
        if self.target is not None:
            self.srv.mine.econ += 1
        self.backend.leave_queue(self)
        self.queue_us = self.session.reactor.now_us
        self.fail(503, c's', c'Q')

    cdef void server_ended(self, uint8_t cause) noexcept:
        self.abort(cause)

    cdef void abort(self, uint8_t cause) noexcept:
        if self.state == ST_QUEUE:
            self.backend.leave_queue(self)
        if self.state != ST_DONE:
            self.cut(cause, self.phase())

    cdef uint8_t phase(self) noexcept:
        """Second letter of the termination state, from where the stream is."""
        if self.state <= ST_BODY:
            return c'R'
        if self.state == ST_QUEUE:
            return c'Q'
        if self.state == ST_TURN or self.state == ST_CONNECT:
            return c'C'
        if self.state == ST_EXCHANGE:
            return c'D' if self.res_seen else c'H'
        return c'D' if self.state == ST_TUNNEL else c'L'
