"""One HTTP request and its reply, from the first byte to the log line.

The stream is a state machine driven by two connections and two timers (the client's and the server's). Every entry from
outside (client_event, server_event, the two deadlines, slot_granted, resume) does as much as can be done without waiting
and returns. It ends in exactly one of: complete() (the connection may go on), cut() (closed, nothing said), an answer of
our own. close_books() runs once, whatever the end.

The received request head stays in the session's buffer until the end, so rules, logs and a replay find it there.
"""

cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t, int64_t
from libc.string cimport memmove
from haproxy_py.engine.conn cimport IO_AGAIN
from haproxy_py.engine.http1 cimport B_CHUNKED, B_LENGTH, B_TUNNEL, B_UNTIL_CLOSE, h1_body_init, h1_head, h1_init
from haproxy_py.engine.message cimport (
    Head, HF_CHUNKED, HF_CLEAN, HF_CONN_CLOSE, HF_CONN_KEEPALIVE, HF_CONN_UPGRADE, HF_LENGTH, HF_MUST_CLOSE,
    M_CONNECT, M_HEAD,
)
from haproxy_py.engine.reactor cimport set_deadline
from haproxy_py.engine.txn cimport V_CONTINUE, V_ERROR, V_REPLY, V_STOP
from haproxy_py.rules.rule cimport RuleSet
from haproxy_py.stream.channel cimport (
    X_BAD, X_BLOCK, X_BUDGET, X_DONE, X_DST, X_EOF, X_SRC, chan_flush, chan_frame, chan_give, chan_init, chan_move,
    chan_pending, chan_release, chan_take,
)
from haproxy_py.stream.conf cimport HttpConf, MODE_CLOSE
from haproxy_py.stream.faulty cimport keep_fault
from haproxy_py.stream.forward cimport counted_size, say_connection, strip_connection
from haproxy_py.stream.negotiate cimport negotiates
from haproxy_py.stream.relay cimport (
    BUDGET, ST_BODY, ST_CONNECT, ST_DONE, ST_EXCHANGE, ST_HEAD, ST_QUEUE, ST_REPLY, ST_RULES, ST_SERVICE, ST_TARPIT,
    ST_TUNNEL, ST_TURN,
)
from haproxy_py.stream.session cimport Mux, Session
from haproxy_py.stream.stats cimport count_status
from backends.backend cimport RETRY_EMPTY, RETRY_JUNK, RETRY_TIMEOUT, retry_bit
from backends.server cimport (
    OBSERVE_L7, SEEN_HEADERS, SEEN_READ_ERROR, SEEN_READ_TIMEOUT, SEEN_STATUS, ServerConn,
)
from haproxy_py.stream.request cimport HttpRequest


@cython.final
cdef class HttpMux(Mux):
    """Requests one after the other over a session."""

    cdef void start(self, Session s) noexcept:
        cdef HttpStream t = HttpStream.__new__(HttpStream)
        t.setup(s)
        t.read_head(True)

    cdef void nothing_came(self, Session s, uint8_t cause) noexcept:
        cdef HttpStream t = HttpStream.__new__(HttpStream)
        t.setup(s)
        t.no_request(cause)


@cython.final
cdef class HttpStream(HttpRequest):
    """The exchange with the server, and who hears of what."""

    cdef void connected(self) noexcept:
        cdef ServerConn c = self.sconn
        self.connect_us = c.reactor.now_us
        c.uses += 1
        self.state = ST_EXCHANGE
        self.res = self.worker.take_head()
        h1_init(&self.parser, 1)
        self.parser.lenient = self.back_conf().lenient_reply
        if self.backend.timeout_server:
            set_deadline(c.reactor, c, c.reactor.now_ms + self.backend.timeout_server)
        else:
            c.timer.deadline = 0
        self.exchange()

    # ------------------------------------------------------------------ the exchange

    cdef void client_event(self) noexcept:
        cdef uint8_t st = self.state
        if st == ST_EXCHANGE:
            self.exchange()
        elif st == ST_HEAD:
            self.read_head(False)
        elif st == ST_TUNNEL:
            self.tunnel()
        elif st == ST_REPLY:
            self.send_answer()
        elif st == ST_SERVICE:
            self.pump()
        elif st == ST_BODY:
            if self.service is not None:
                self.await_body()
            else:
                self.run_rules()
        elif st == ST_QUEUE and self.granted:
            self.connect()
        elif st != ST_DONE:
            self.client_gone()

    cdef bint client_gone(self) noexcept:
        """While nothing moves: does the client's end end the request? (option abortonclose)"""
        cdef Session s = self.session
        if not (s.rdhup or s.error) or self.backend is None or not self.backend.abortonclose or not s.ended():
            return False
        if self.state == ST_QUEUE:
            self.backend.leave_queue(self)
            self.queue_us = s.reactor.now_us
            self.be.mine.cli_abrt += s.error != 0        # an orderly end is none
        if self.state >= ST_EXCHANGE:
            self.count_loss(c'C')
        if self.state < ST_EXCHANGE:
            self.cut(c'C', self.phase())                 # no server has it yet: not a word
        elif s.error:
            self.refuse_silently(c'C', c'D')
        else:
            self.drop_server(True)
            self.fail(400, c'C', self.phase())
        return True

    cdef void server_event(self) noexcept:
        cdef uint8_t st = self.state
        if st == ST_EXCHANGE:
            self.exchange()
        elif st == ST_CONNECT:
            self.connecting()
        elif st == ST_TUNNEL:
            self.tunnel()

    cdef void exchange(self) noexcept:
        """Request out, reply in, as far as it goes."""
        if not self.rq_done and not self.move_request():
            return
        if not self.rs_done and not self.move_reply():
            return
        if self.session.rdhup and self.rq_done and not self.res_seen and self.client_gone():
            return
        if self.rs_done and not self.rq_done and self.sconn.error:
            self.rq_done = True                      # answered, and the rest of the request has nowhere to go
            self.keep_client = self.keep_server = False
        if self.rs_done and self.rq_done:
            self.complete()

    cdef bint move_request(self) noexcept:
        """False: the stream has ended or changed its state."""
        cdef Session s = self.session
        cdef ServerConn c = self.sconn
        cdef int r
        if c.error:
            return True                              # the reply side tells
        r = chan_move(&self.rq, s, c, self.worker, BUDGET)
        if r == X_DONE:
            self.rq_done = True
            s.timer.deadline = 0
            if self.backend.timeout_server:
                set_deadline(c.reactor, c, c.reactor.now_ms + self.backend.timeout_server)
            return True
        if r == X_BLOCK or r == X_BUDGET:
            if r == X_BUDGET:
                s.reactor.wake(s)
            if self.front.timeout_client and not chan_pending(&self.rq):
                set_deadline(s.reactor, s, s.reactor.now_ms + self.front.timeout_client)
            if not chan_pending(&self.rq):
                c.timer.deadline = 0                 # the server waits for the client, as we do
            elif self.backend.timeout_server:
                set_deadline(c.reactor, c, c.reactor.now_ms + self.backend.timeout_server)
            return True
        if r == X_DST:
            return True
        if r == X_BAD:
            self.fe.mine.ereq += 1
            self.drop_server(True)
            if self.res_seen:
                self.cut(c'P', c'D')
            else:
                self.fail(400, c'P', c'H')
            return False
        self.count_loss(c'C')                        # X_EOF, X_SRC: the client left in the middle of its body
        if self.rs_done:
            self.cut(c'C', c'L')
        elif self.res_seen:
            self.cut(c'C', c'D')
        else:
            self.refuse_silently(c'C', c'H')
        return False

    cdef bint move_reply(self) noexcept:
        cdef Session s = self.session
        cdef ServerConn c = self.sconn
        cdef int r
        if not self.res_seen:
            if not self.read_reply_head():
                return False
            if not self.res_seen:
                if self.rs.head_off < self.rs.head_end and chan_flush(&self.rs, s) < 0:
                    self.cut(c'C', c'H')
                    return False
                return True
            if self.state != ST_EXCHANGE:
                return False
        r = chan_move(&self.rs, c, s, self.worker, BUDGET)
        if r == X_DONE:
            self.rs_done = True
            c.timer.deadline = 0
            return True
        if r == X_BLOCK or r == X_BUDGET:
            if r == X_BUDGET:
                s.reactor.wake(s)
            if chan_pending(&self.rs):
                c.timer.deadline = 0
                if self.front.timeout_client:
                    set_deadline(s.reactor, s, s.reactor.now_ms + self.front.timeout_client)
            else:
                if self.rq_done:
                    s.timer.deadline = 0
                if self.backend.timeout_server:
                    set_deadline(c.reactor, c, c.reactor.now_ms + self.backend.timeout_server)
            return True
        if r == X_DST:
            self.count_loss(c'C')
            if self.rq_done and self.rs.body.done:
                self.part_from_server()              # the reply is here whole: the server need not suffer
            self.cut(c'C', c'D')
            return False
        if r != X_BAD:                               # X_EOF, X_SRC, X_BAD: the reply is cut short, and so is ours
            self.count_loss(c'S')
        else:
            self.be.mine.eresp += 1
            self.srv.mine.eresp += 1
        self.cut(c'S' if r != X_BAD else c'P', c'D')
        return False

    cdef bint read_reply_head(self) noexcept:
        """True with res_seen: the head is there and answered for; True without: wait; False: the stream has ended."""
        cdef ServerConn c = self.sconn
        cdef uint32_t limit = self.worker.buffers.size - self.worker.maxrewrite
        cdef ssize_t n
        cdef int r
        cdef uint64_t counted, sent
        cdef uint32_t pending
        while True:
            if self.rs.buf == NULL:
                if not c.has_pending() and not c.eof and not c.error:
                    return True
                if not chan_take(&self.rs, self.worker):
                    self.fail(500, c'R', c'H')
                    return False
            n = c.recv(self.rs.buf + self.rs.raw, limit - self.rs.raw)
            if n == IO_AGAIN:
                if self.rs.raw == 0:
                    chan_give(&self.rs, self.worker)
                return True
            if n <= 0:
                return self.server_lost()
            self.rs.raw += <uint32_t>n
            self.rs.received += <uint32_t>n
            counted = self.counted_out
            sent = self.rs.sent
            pending = self.rs.head_end - self.rs.head_off
            while True:
                r = h1_head(&self.parser, self.rs.buf, self.rs.raw, self.res, self.worker.maxhdr)
                if r <= 0 or self.res.status >= 200 or self.res.status == 101:
                    break
                if not self.interim_reply(<uint32_t>r):
                    return False
                if self.rs.raw == 0:
                    r = 0
                    break
            if r > 0:
                return self.reply_head_complete(<uint32_t>r)
            if r < 0 or self.rs.raw >= limit:
                if self.rs.sent == sent:             # interim replies that came with the fault do not go out
                    self.counted_out = counted
                    self.rs.head_end = self.rs.head_off + pending
                return self.bad_reply()

    cdef bint interim_reply(self, uint32_t n) noexcept:
        """A 1xx goes through at once, without its connection field (RFC 9110 15.2)."""
        cdef int64_t size = -1
        if self.res.flags & HF_CONN_CLOSE:
            self.close_server = True                 # it ends the connection after the final reply
        if self.target.observe:
            self.target.seen_good(OBSERVE_L7)
        self.res.remove("connection", 10)
        self.counted_out += counted_size(self.res, True)
        count_status(self.srv.mine, self.res.status)
        self.srv.mine.req_tot += 1
        if self.rs.head == NULL:
            self.rs.head = self.worker.buffers.take()
        if self.rs.head_end > self.worker.buffers.size // 2:
            chan_flush(&self.rs, self.session)       # a burst: make room
        if self.rs.head_off == self.rs.head_end:
            self.rs.head_off = self.rs.head_end = 0
        if self.rs.head != NULL:
            size = self.res.write_response(self.rs.head + self.rs.head_end, self.worker.buffers.size - self.rs.head_end)
        if size < 0:
            return self.bad_reply()
        self.rs.head_end += <uint32_t>size
        memmove(self.rs.buf, self.rs.buf + n, self.rs.raw - n)
        self.rs.raw -= n
        self.res.clear()
        h1_init(&self.parser, 1)
        self.parser.lenient = self.back_conf().lenient_reply
        return True

    cdef bint reply_head_complete(self, uint32_t n) noexcept:
        cdef Session s = self.session
        cdef ServerConn c = self.sconn
        cdef Head q = self.req
        cdef Head h = self.res
        cdef HttpConf fc = self.front.httpconf
        cdef int64_t size
        cdef uint32_t flags = h.flags
        if (h.status == 401 or h.status == 407) and negotiates(h):
            c.private = s.prefer_last = True
        if h.status >= 400 and self.backend.retry_on and self.try_again(retry_bit(h.status)):
            return False
        self.res_seen = True
        self.response_us = c.reactor.now_us
        if self.backend.balancer.by_time:
            self.backend.balancer.answered(self.srv, self.response_us - self.connect_us, h.status >= 500)
        self.status = h.status
        self.rs.base = self.rs.end = n
        if h.status == 101 or (q.method == M_CONNECT and 200 <= h.status < 300):
            h1_body_init(&self.rs.body, B_TUNNEL, 0)
        elif q.method == M_HEAD or h.status == 204 or h.status == 304:
            self.rs.body.done = 1
        elif flags & HF_CHUNKED:
            h1_body_init(&self.rs.body, B_CHUNKED, 0)
        elif flags & HF_LENGTH:
            h1_body_init(&self.rs.body, B_LENGTH, h.content_length)
            if h.content_length == 0:
                self.rs.body.done = 1
        else:
            h1_body_init(&self.rs.body, B_UNTIL_CLOSE, 0)
        self.keep_server = (not self.close_server and not (q.flags | h.flags) & HF_MUST_CLOSE and self.rs.body.mode != B_UNTIL_CLOSE
                            and (flags & HF_CONN_KEEPALIVE or (h.version == 11 and not flags & HF_CONN_CLOSE)))
        self.keep_client = (fc.mode != MODE_CLOSE and self.rs.body.mode != B_UNTIL_CLOSE and not self.worker.closes_now()
                            and not (h.version < 11 and flags & HF_CHUNKED)
                            and (q.flags & HF_CONN_KEEPALIVE or (q.version == 11 and not q.flags & HF_CONN_CLOSE)))
        if chan_frame(&self.rs) < 0:
            return self.refuse_head()
        if self.rs.body.mode == B_TUNNEL:
            if h.status == 101:
                if not self.rq.body.done:
                    return self.refuse_head()        # what of the rest of the request is still HTTP?
                if not q.flags & flags & HF_CONN_UPGRADE:
                    self.counted_out += counted_size(h, True)
                    return self.refuse_head()        # nobody asked for another protocol, or it is not one
            self.keep_client = self.keep_server = False
        if self.target.observe:
            self.judge_status(h.status)              # not sooner: a body that is bad from its first byte makes a bad reply
        if flags & (HF_CONN_CLOSE | HF_CONN_KEEPALIVE):
            strip_connection(h)
        self.counted_out += counted_size(h, True)    # as it came: rules change nothing of it
        if not self.run_response_rules():
            return False
        if self.rs.body.mode != B_TUNNEL:
            say_connection(h, self.keep_client, q.version == 10)
        if not h.edited and h.flags & HF_CLEAN:
            self.rs.off = 0
        else:
            self.rs.off = n
            if self.rs.head == NULL:
                self.rs.head = self.worker.buffers.take()
            if self.rs.head_off == self.rs.head_end:
                self.rs.head_off = self.rs.head_end = 0
            size = -1
            if self.rs.head != NULL:
                size = h.write_response(self.rs.head + self.rs.head_end, self.worker.buffers.size - self.rs.head_end)
            if size < 0:
                return self.rewritten_too_large()
            self.rs.head_end += <uint32_t>size
        count_status(self.fe.mine, h.status)
        count_status(self.be.mine, h.status)
        if self.rs.body.done and self.rs.raw > self.rs.end:
            self.keep_server = False                 # surplus bytes: never passed on, the connection is not used again
        if self.front.log is not None and self.front.log.asap:
            self.write_log()
        if self.rs.body.mode == B_TUNNEL:
            self.start_tunnel()
        return True

    cdef bint refuse_head(self) noexcept:
        """A whole reply head that we cannot go on with."""
        self.res_seen = False
        self.response_us = 0
        return self.bad_reply()

    cdef bint rewritten_too_large(self) noexcept:
        """Rules have made the reply's head too large for a buffer: 500, as in HAProxy."""
        self.rewrite_failed()
        return self.reply_not_made()

    cdef bint reply_not_made(self) noexcept:
        """A rule that had to change the reply could not: 500 in its place."""
        self.count_internal_error()
        self.leave_reply()
        self.response_us = 0
        self.fail(500, c'P', c'H')
        return False

    cdef bint run_response_rules(self) noexcept:
        """tcp-response content, http-response of backend and frontend, then http-after-response of both. False: ended."""
        cdef int cursor = 0, v
        cdef RuleSet rules
        cdef int i
        self.payload = self.rs.buf
        self.payload_len = self.rs.raw
        if self.front.response_captures is not None:
            self.front.response_captures.run(self, &cursor)
        for i in range(5):
            rules = (self.backend.tcp_response if i == 0 else self.backend.http_response if i == 1
                     else self.front.http_response if i == 2 else self.backend.http_after if i == 3
                     else self.front.http_after)
            if i == 1:
                count_status(self.srv.mine, self.res.status)     # what it said, whatever rules make of it
                self.srv.mine.req_tot += 1
            elif i == 3:
                self.mark_reply()
            if rules is None:
                continue
            cursor = 0
            v = rules.run(self, &cursor)
            if v == V_CONTINUE or v == V_STOP:
                continue
            if i == 0:
                self.fe.mine.dresp += 1
                self.be.mine.dresp += 1
                self.srv.mine.dresp += 1
                self.res_seen = False
                self.counted_out = self.response_us = 0
                self.status = -1                     # for HAProxy there is no reply yet
                self.rs.body.payload = self.rs.body.counted = 0
                self.cut(c'P', c'D')
                return False
            if v == V_ERROR:
                self.after_failures = i >= 3
                return self.reply_not_made()
            self.leave_reply()
            if v == V_REPLY:
                self.term_cause = c'L'
                self.term_state = c'H'
                self.answer(self.reply if self.reply is not None else self.page_of(self.reply_status))
            else:
                self.fe.mine.dresp += 1
                self.be.mine.dresp += 1
                self.srv.mine.dresp += 1
                self.term_cause = c'P'
                self.term_state = c'H'
                self.answer(self.reply if self.reply is not None else self.page_of(self.reply_status or 502))
            return False
        return True

    cdef void judge_status(self, int status) noexcept:
        """observe layer7: what a status says of the server (manual 5.2, observe)."""
        if 100 <= status < 500 or status == 501 or status == 505:
            self.target.seen_good(OBSERVE_L7)
        else:
            self.target.seen_bad(SEEN_STATUS)

    cdef void observed(self, uint8_t what) noexcept:
        if self.target.observe:
            self.target.seen_bad(what)

    cdef void mark_reply(self) noexcept:
        """The reply's cookies: what they say to the log, and what they shall say to the client."""
        if self.front.capture_response is not None:
            self.front.capture_response.run(self)
        if self.backend.persistence is not None:
            self.backend.persistence.reply(self)

    cdef void server_ended(self, uint8_t cause) noexcept:
        """Its server is down, or is needed no more: 502 as long as nothing of a reply has come."""
        if self.state == ST_EXCHANGE and not self.res_seen:
            self.drop_server(True)
            self.fail(502, cause, c'H')
        elif self.state == ST_CONNECT or self.state == ST_TURN:
            self.drop_server(True)
            self.fail(503, cause, c'C')
        elif self.state == ST_TARPIT:
            self.term_cause = cause                  # it was counted and marked as refused
            self.term_state = c'T'
            self.cut(cause, c'T')
        else:
            self.abort(cause)

    cdef bint server_lost(self) noexcept:
        """The server connection ended before a whole reply head. If it was a kept one and nothing came over it, the
        client is closed without a word, so that it may safely try again itself (RFC 9112 9.3.1), as HAProxy does."""
        if self.reused and self.rs.received == 0 and not self.backend.retry_on & RETRY_EMPTY:
            self.logged = True
            self.status = 0                          # no reply, not even a bad one, for the counters
            self.cut(c'S', c'H')
            return False
        if self.try_again(RETRY_EMPTY if self.rs.received == 0 else RETRY_JUNK):
            return False
        self.observed(SEEN_READ_ERROR if self.rs.raw == 0 else SEEN_HEADERS)
        self.be.mine.eresp += 1
        self.target.slot.mine.eresp += 1
        self.drop_server(True)
        self.fail(502, c'S' if self.rs.raw == 0 else c'P', c'H')
        return False

    cdef bint bad_reply(self) noexcept:
        if self.try_again(RETRY_JUNK):
            return False
        self.observed(SEEN_HEADERS)
        self.be.mine.eresp += 1
        self.target.slot.mine.eresp += 1
        keep_fault(self.be, self.fe, self.target.slot, self.session, self.rs.buf, self.rs.raw, self.parser.error_pos)
        self.drop_server(True)
        self.fail(502, c'P', c'H')
        return False

    cdef bint try_again(self, uint32_t reason) noexcept:
        """retry-on: send the same request once more if the whole of it is still here (manual 4.2). True: done so."""
        if (not self.backend.retry_on & reason or self.sent_once or self.left_retries == 0 or not self.rq.body.done or self.rq.wrapped
                or self.rs.head_off < self.rs.head_end):
            return False
        self.drop_server(True)
        chan_release(&self.rs, self.worker)
        chan_init(&self.rs)
        self.worker.give_head(self.res)
        self.res = None
        self.res_seen = self.rq_done = self.rs_done = False
        self.counted_out = 0
        self.status = -1
        self.response_us = 0
        self.target.slot.mine.wretr += 1
        self.be.mine.wretr += 1
        self.rewind_request()
        self.leave_for_another()
        self.left_retries -= 1
        self.retries += 1
        self.connect()
        return True

    # ------------------------------------------------------------------ tunnels

    cdef void start_tunnel(self) noexcept:
        """Both directions until both have ended; what is in the buffers already belongs to it."""
        self.state = ST_TUNNEL
        h1_body_init(&self.rq.body, B_TUNNEL, 0)
        chan_frame(&self.rq)
        self.rq_done = self.rs_done = False
        self.session.may_read = True
        self.arm_tunnel(True)
        self.worker.reactor.wake(self.session)

    # ------------------------------------------------------------------ time

    cdef void client_deadline(self) noexcept:
        cdef uint8_t st = self.state
        if st == ST_HEAD:
            self.uri = b"<BADREQ>"
            self.term_cause = c'c'
            self.term_state = c'R'
            self.fe.mine.ereq += 1
            self.raw_answer(408)
        elif st == ST_TARPIT:
            self.queue_us = self.session.reactor.now_us
            self.answer(self.reply if self.reply is not None else self.page_of(self.reply_status or 500))
        elif st == ST_TURN:
            self.connect()
        elif st == ST_QUEUE:
            self.queue_timed_out()
        elif st == ST_BODY:
            self.head_us = 0
            self.fe.mine.ereq += 1
            self.fail(408, c'c', c'R')
        elif st == ST_TUNNEL:
            self.tunnel_late(True)
        elif st == ST_EXCHANGE and not self.res_seen:
            self.drop_server(True)
            self.fe.mine.cli_abrt += 1
            self.be.mine.cli_abrt += 1
            self.fail(400, c'c', c'H')
        elif st != ST_DONE:
            if self.srv is not None:
                self.count_loss(c'c')
            self.cut(c'c', c'D' if chan_pending(&self.rs) else c'L')

    cdef void server_deadline(self) noexcept:
        cdef uint8_t st = self.state
        if st == ST_CONNECT:
            self.connect_timed_out()
        elif st == ST_EXCHANGE and not self.res_seen and self.try_again(RETRY_TIMEOUT):
            pass
        elif st == ST_EXCHANGE and not self.res_seen:
            self.observed(SEEN_READ_TIMEOUT)
            self.be.mine.eresp += 1
            self.target.slot.mine.eresp += 1
            self.drop_server(True)
            self.fail(504, c's', c'H')
        elif st == ST_TUNNEL:
            self.tunnel_late(False)
        elif st == ST_EXCHANGE:
            self.count_loss(c's')
            self.cut(c's', c'D')

    cdef void resume(self) noexcept:
        """A suspended rule may go on."""
        if self.state == ST_RULES:
            self.state = ST_HEAD
            self.run_rules()

def mux() -> HttpMux:
    """The mux of `mode http` frontends."""
    return HttpMux()
