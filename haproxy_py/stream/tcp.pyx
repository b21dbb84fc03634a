"""One TCP session: content rules, a server, then bytes both ways until both sides have ended.

Without `tcp-request inspect-delay` nothing is read before the server is connected. A client that ends its direction early
is forwarded as a half close; the session ends when both directions have, or at once on a reset.
"""

from cpython.bytes cimport PyBytes_AS_STRING
cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.conn cimport IO_AGAIN
from haproxy_py.engine.http1 cimport B_TUNNEL, h1_body_init
from haproxy_py.engine.reactor cimport set_deadline
from haproxy_py.engine.shm cimport gauge_down, gauge_up
from haproxy_py.engine.sockets cimport go_silent
from haproxy_py.engine.txn cimport TERM_NONE, V_CONTINUE, V_SILENT_DROP, V_STOP, V_WAIT, V_YIELD
from haproxy_py.rules.rule cimport RuleSet
from haproxy_py.rules.vars cimport vars_end_request
from haproxy_py.stream.channel cimport chan_frame, chan_init, chan_pending, chan_release, chan_take
from haproxy_py.stream.conf cimport FrontConf
from haproxy_py.stream.log cimport log_stream
from haproxy_py.stream.relay cimport (
    Relay, ST_CONNECT, ST_DONE, ST_HEAD, ST_QUEUE, ST_RULES, ST_TUNNEL, ST_TURN,
)
from haproxy_py.stream.session cimport Mux, Session
from haproxy_py.stream.stats cimport count_phases, count_session, count_time
from backends.backend cimport Backend
from backends.server cimport Server, ServerConn


cdef bint was_reset(int fd) noexcept:
    """Whether the peer's end was a reset; unread bytes hide it from a read."""
    cdef int err = 0
    cdef sys.socklen_t n = sizeof(err)
    return sys.getsockopt(fd, sys.SOL_SOCKET, sys.SO_ERROR, &err, &n) == 0 and err != 0


@cython.final
cdef class TcpMux(Mux):
    """One stream for the life of the session."""

    cdef void start(self, Session s) noexcept:
        cdef TcpStream t = TcpStream.__new__(TcpStream)
        t.setup(s)
        t.run_rules()


@cython.final
cdef class TcpStream(Relay):

    cdef void setup(self, Session s) noexcept:
        cdef FrontConf f = s.front
        self.join(s)
        self.handshake_us = s.handshake_us
        self.request_us = s.handshake_us
        self.request_wall_us = s.accept_wall_us
        self.head_us = s.handshake_us
        self.req_no = 1
        self.rt = sys.ha_add32(&s.worker.segment.shared.req_id, 1) - 1
        s.timer.deadline = 0
        chan_init(&self.rq)
        chan_init(&self.rs)
        h1_body_init(&self.rq.body, B_TUNNEL, 0)
        h1_body_init(&self.rs.body, B_TUNNEL, 0)
        if f.log is not None and f.log.at_accept:
            self.logged = True
            log_stream(self, f)

    # ------------------------------------------------------------------ content rules

    cdef bint gather(self) noexcept:
        cdef Session s = self.session
        cdef char *buf = s.buffer()
        cdef uint32_t limit = s.worker.buffers.size - s.worker.maxrewrite
        cdef ssize_t n
        if buf == NULL:
            return False
        while s.have < limit and (s.has_pending() or s.may_read):
            n = s.recv(buf + s.have, limit - s.have)
            if n == IO_AGAIN:
                break
            if n <= 0:
                self.payload_final = True
                break
            s.have += <uint32_t>n
        if s.have >= limit or s.eof or s.error:
            self.payload_final = True
        self.payload = buf
        self.payload_len = s.have
        return True

    cdef void run_rules(self) noexcept:
        """The frontend's content rules, then the choice of a backend, then that backend's."""
        if not self.at_backend:
            if self.front.tcp_content is not None and not self.content_rules(self.front.tcp_content):
                return
            if not self.switch_backend():
                return
            self.at_backend = True
            self.cursor = 0
        if self.backend.tcp_content is not None and not self.content_rules(self.backend.tcp_content):
            return
        self.session.timer.deadline = 0
        self.head_us = self.worker.reactor.now_us
        if self.backend.persistence is not None:
            self.backend.persistence.choose(self)
        self.ready_to_send()
        self.seek_server()

    cdef bint content_rules(self, RuleSet rules) noexcept:
        """True: go on. False: waiting for bytes (until inspect-delay), suspended, or ended."""
        cdef Session s = self.session
        cdef uint64_t delay = self.backend.inspect_delay if self.at_backend else self.front.inspect_delay
        cdef int v
        if delay and not self.payload_final:
            self.gather()
        v = rules.run(self, &self.cursor)
        if v == V_CONTINUE or v == V_STOP:
            self.cursor = 0
            return True
        if v == V_WAIT or v == V_YIELD:
            self.state = ST_RULES if v == V_YIELD else ST_HEAD
            if v == V_WAIT and s.timer.deadline == 0:
                set_deadline(s.reactor, s, s.reactor.now_ms + delay)
            return False
        self.fe.mine.dreq += 1
        if self.at_backend:
            self.be.mine.dreq += 1
        self.term_cause = c'P'
        self.term_state = c'R'
        self.close_books()
        if v == V_SILENT_DROP:
            go_silent(s.fd)
        s.drop(v == V_SILENT_DROP)
        return False

    cdef bint switch_backend(self) noexcept:
        cdef Backend b = None
        cdef object name
        if self.front.use_backend is not None:
            name = self.front.use_backend.pick(self)
            if name is not None:
                b = <Backend>self.front.backends.get(name)
        if b is None:
            b = <Backend>self.front.default_backend
        if b is None:
            self.fail(503, c'S', c'C')
            return False
        self.backend = b
        self.be = b.slot
        gauge_up(&b.slot.shared.scur, &b.slot.shared.smax, &b.slot.mine.scur)
        count_session(b.slot.mine, &b.slot.shared.rate_max, self.worker.reactor.clock_us // 1000000)
        self.left_retries = b.retries
        if b.persistence is not None:
            b.persistence.judge(self)
        return True

    cdef void ready_to_send(self) noexcept:
        """What the rules have read goes first."""
        cdef Session s = self.session
        self.rq.buf = s.buf
        self.rq.size = s.worker.buffers.size
        self.rq.end = self.rq.raw = s.have
        self.rq.off = 0

    # ------------------------------------------------------------------ events

    cdef void client_event(self) noexcept:
        cdef Session s = self.session
        cdef uint8_t st = self.state
        if st == ST_TUNNEL:
            self.move()
        elif st == ST_HEAD:
            self.gather()
            self.run_rules()
        elif st == ST_QUEUE and self.granted:
            self.connect()
        elif st != ST_DONE and st != ST_RULES and (s.rdhup or s.error) and self.backend is not None \
                and (self.backend.abortonclose or (self.handshaking() and s.ended())):
            if st == ST_QUEUE:
                self.backend.leave_queue(self)
                self.queue_us = s.reactor.now_us
            self.cut(c'C', c'D' if s.error or was_reset(s.fd) else self.phase())

    cdef bint handshaking(self) noexcept:
        """TLS to the server is not up yet and nothing waits for it: without a client it is pointless."""
        return self.state == ST_CONNECT and self.sconn.tls is not None and not chan_pending(&self.rq)

    cdef void server_event(self) noexcept:
        if self.state == ST_TUNNEL:
            self.move()
        elif self.state == ST_CONNECT:
            self.connecting()

    cdef void client_deadline(self) noexcept:
        cdef uint8_t st = self.state
        if st == ST_HEAD:
            self.session.may_read = True             # what came in the same moment counts
            self.gather()
            self.payload_final = True
            self.run_rules()
        elif st == ST_TURN:
            self.connect()
        elif st == ST_QUEUE:
            self.queue_timed_out()
        elif st == ST_TUNNEL:
            self.tunnel_late(True)

    cdef void server_deadline(self) noexcept:
        if self.state == ST_CONNECT:
            self.connect_timed_out()
        elif self.state == ST_TUNNEL and self.judging and self.judge_until and self.judge_until <= self.sconn.reactor.now_ms:
            self.payload_final = True
            self.move()
        elif self.state == ST_TUNNEL:
            self.tunnel_late(False)

    cdef void resume(self) noexcept:
        if self.state == ST_RULES:
            self.state = ST_HEAD
            self.run_rules()

    cdef void connected(self) noexcept:
        cdef ServerConn c = self.sconn
        self.connect_us = c.reactor.now_us
        self.response_us = self.connect_us
        if self.backend.balancer.by_time:
            self.backend.balancer.answered(self.srv, self.connect_us - self.queue_us, False)
        c.uses += 1
        self.state = ST_TUNNEL
        self.session.may_read = True
        self.judging = self.backend.tcp_response is not None
        self.cursor = 0
        self.arm_tunnel(True)
        self.move()

    cdef void move(self) noexcept:
        """Both directions; the server's waits while tcp-response content rules have not decided."""
        if self.judging and not self.judge_response():
            if self.state == ST_TUNNEL and not self.rq_done:
                self.rs_held = True
                self.tunnel()
                self.rs_held = False
                self.keep_judging()
            return
        self.tunnel()

    cdef void keep_judging(self) noexcept:
        """Bytes that passed must not put off the end of inspect-delay."""
        cdef ServerConn c = self.sconn
        if self.judge_until and self.state == ST_TUNNEL and (c.timer.deadline == 0 or self.judge_until < c.timer.deadline):
            set_deadline(c.reactor, c, self.judge_until)

    cdef bint judge_response(self) noexcept:
        """tcp-response content: True when the reply may pass. The bytes read stay in the channel, in order."""
        cdef ServerConn c = self.sconn
        cdef uint32_t before = self.payload_len      # of the request, see head_bytes()
        cdef ssize_t n
        cdef int v
        if self.rs.buf == NULL:
            if not chan_take(&self.rs, self.worker):
                self.cut(c'R', c'D')
                return False
            self.payload_final = self.backend.response_delay == 0
        while self.rs.raw < self.rs.size and c.has_pending():
            n = c.recv(self.rs.buf + self.rs.raw, self.rs.size - self.rs.raw)
            if n <= 0:
                self.payload_final = self.payload_final or n != IO_AGAIN
                break
            self.rs.raw += <uint32_t>n
        if self.rs.raw == 0 and not self.payload_final and not c.eof:
            return False
        self.payload = self.rs.buf
        self.payload_len = self.rs.raw
        v = self.backend.tcp_response.run(self, &self.cursor)
        self.payload_len = before
        if v == V_WAIT and not self.payload_final:
            if not self.judge_until:
                self.judge_until = c.reactor.now_ms + self.backend.response_delay
            self.keep_judging()
            return False
        if v == V_CONTINUE or v == V_STOP or v == V_WAIT:
            self.judging = False
            chan_frame(&self.rs)
            self.arm_tunnel(True)
            return True
        self.fe.mine.dresp += 1
        self.be.mine.dresp += 1
        self.srv.mine.dresp += 1
        chan_frame(&self.rs)                         # what came counts, although nobody gets it
        self.cut(c'P', c'D')
        return False

    # ------------------------------------------------------------------ ends

    cdef void fail(self, int status, uint8_t cause, uint8_t state) noexcept:
        self.cut(cause, state)

    cdef void server_ended(self, uint8_t cause) noexcept:
        if self.state < ST_TUNNEL:
            self.abort(cause)
        elif self.state != ST_DONE:
            self.cut(cause, TERM_NONE)

    cdef void cut(self, uint8_t cause, uint8_t state) noexcept:
        cdef Session s = self.session
        cdef bint early
        if self.state == ST_DONE:
            return
        if self.term_cause == TERM_NONE:
            self.term_cause = cause
            self.term_state = state
        early = self.state < ST_TUNNEL
        if early and self.srv is not None and self.term_cause == c'C' and self.term_state == c'D':
            self.count_loss(c'C')
        elif self.state == ST_QUEUE and cause == c'C':
            self.be.mine.cli_abrt += s.error != 0        # an orderly end is none
        if early and cause != c'S':                  # a server that refused, or none at all: nobody has waited
            self.count_unsent()
        self.drop_server(not self.rs_done or self.backend.nolinger)
        self.close_books()
        if early:
            s.finish(False)                          # unread bytes must not turn the end into a reset
        else:
            s.drop(False)

    cdef void count_unsent(self) noexcept:
        """What a client has said before a server could be reached counts as received (HAProxy has it in a buffer)."""
        cdef Session s = self.session
        cdef ssize_t n = 0
        if self.payload_len == 0 and s.buffer() != NULL:
            n = s.recv(s.buf, s.worker.buffers.size - s.worker.maxrewrite)
        if n > 0:
            self.payload_len = <uint32_t>n

    cdef void complete(self) noexcept:
        cdef Session s = self.session
        cdef ServerConn c = self.sconn
        self.sconn = None
        if c is not None:
            c.discard(self.backend.nolinger and not c.eof)
        self.close_books()
        s.drop(False)

    cdef void close_books(self) noexcept:
        """Log line, counters, gauges, memory; once."""
        cdef Session s = self.session
        cdef Backend b = self.backend
        cdef Server t = None
        if self.state == ST_DONE:
            return
        self.state = ST_DONE
        self.done_us = self.worker.reactor.now_us
        self.bytes_in = self.rq.body.payload + self.head_bytes()
        self.bytes_out = self.rs.body.payload
        self.empty = self.bytes_in == 0
        self.fe.mine.bin += self.bytes_in
        self.fe.mine.bout += self.bytes_out
        self.fe.mine.wire_in += self.bytes_in
        self.fe.mine.wire_out += self.bytes_out
        if self.session.door.counts is not None:
            self.session.door.count_end(self, self.bytes_in, self.bytes_out)
        if b is not None:
            self.be.mine.wire_in += self.bytes_out
            self.be.mine.wire_out += self.bytes_in
            self.be.mine.bin += self.bytes_in
            self.be.mine.bout += self.bytes_out
            if self.srv is not None:
                self.srv.mine.bin += self.bytes_in
                self.srv.mine.bout += self.bytes_out
                if self.connect_us:
                    self.add_times()
            gauge_down(&b.slot.shared.scur, &b.slot.mine.scur)
            t = b.give_back(self)
        elif self.front.twin is not None:
            self.front.twin.mine.bin += self.bytes_in    # a listen answers for both of its halves
            self.front.twin.mine.bout += self.bytes_out
        if self.front.log is not None and not self.logged:
            log_stream(self, self.front)
        if self.vars is not None:
            vars_end_request(self)
        if t is not None:
            b.serve_freed(t, True)
        chan_release(&self.rq, self.worker)
        chan_release(&self.rs, self.worker)

    cdef void add_times(self) noexcept:
        """Behind qtime, ctime and ttime of the statistics (ms), and the histograms."""
        cdef uint64_t total = self.done_us - self.accept_us
        cdef uint64_t q = (self.queue_us - self.accept_us) // 1000 if self.queue_us > self.accept_us else 0
        cdef uint64_t ct = (self.connect_us - self.queue_us) // 1000 if self.connect_us > self.queue_us else 0
        count_phases(self.srv.mine, q, ct, 0, total // 1000)
        count_phases(self.be.mine, q, ct, 0, total // 1000)
        count_time(self.fe.mine, total)
        count_time(self.be.mine, total)
        count_time(self.srv.mine, total)

    cdef uint64_t head_bytes(self) noexcept:
        """Bytes that the content rules had read before the transfer began."""
        return self.payload_len


def mux() -> TcpMux:
    """The mux of `mode tcp` frontends."""
    return TcpMux()
