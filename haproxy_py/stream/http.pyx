"""One HTTP request and its reply, from the first byte to the log line.

The stream is a state machine driven by two connections and two timers (the client's and the server's). Every entry from
outside (client_event, server_event, the two deadlines, slot_granted, resume) does as much as can be done without waiting
and returns. It ends in exactly one of: complete() (the connection may go on), cut() (closed, nothing said), an answer of
our own. close_books() runs once, whatever the end.

The received request head stays in the session's buffer until the end, so rules, logs and a replay find it there.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize, PyBytes_AS_STRING, PyBytes_GET_SIZE
cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t, int64_t
from libc.string cimport memchr, memcmp, memcpy, memmove
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.conn cimport Conn, IO_AGAIN, IO_EOF
from haproxy_py.engine.http1 cimport (
    B_CHUNKED, B_LENGTH, B_NONE, B_TUNNEL, B_UNTIL_CLOSE, H1_TOO_LARGE, H1_TOO_MANY, H1_UNSUPPORTED_TE,
    h1_body_init, h1_head, h1_init,
)
from haproxy_py.engine.message cimport (
    Head, H_X_FORWARDED_FOR, HF_CHUNKED, HF_CLEAN, HF_CONN_CLOSE, HF_CONN_KEEPALIVE, HF_CONN_UPGRADE, HF_LENGTH, HF_MUST_CLOSE,
    M_CONNECT, M_HEAD,
)
from haproxy_py.engine.reactor cimport set_deadline
from haproxy_py.engine.reply cimport Reply
from haproxy_py.engine.shm cimport gauge_down, gauge_up
from haproxy_py.engine.txn cimport (
    TERM_NONE, V_CONTINUE, V_DENY, V_ERROR, V_REJECT, V_REPLY, V_SILENT_DROP, V_STOP, V_TARPIT, V_WAIT, V_YIELD,
)
from haproxy_py.rules.rule cimport RuleSet
from haproxy_py.rules.vars cimport vars_end_request
from haproxy_py.stream.channel cimport (
    X_BAD, X_BLOCK, X_BUDGET, X_DONE, X_DST, X_EOF, X_NOMEM, X_SRC, chan_flush, chan_frame, chan_give, chan_init, chan_move,
    chan_pending, chan_release, chan_take,
)
from haproxy_py.stream.conf cimport AddrField, FrontConf, HttpConf, LogPlan, MODE_CLOSE, MODE_SERVER_CLOSE
from haproxy_py.stream.forward cimport (
    add_address, counted_size, say_connection, strip_connection,
)
from haproxy_py.stream.log cimport log_stream
from haproxy_py.stream.pages cimport raw_page
from haproxy_py.stream.relay cimport (
    BUDGET, Relay, ST_BODY, ST_CONNECT, ST_DONE, ST_EXCHANGE, ST_HEAD, ST_QUEUE, ST_REPLY, ST_RULES, ST_TARPIT,
    ST_TUNNEL, ST_TURN,
)
from haproxy_py.stream.session cimport Mux, Session
from haproxy_py.stream.stats cimport count_request, count_session, count_status
from backends.backend cimport Backend, RETRY_EMPTY, RETRY_JUNK, RETRY_TIMEOUT, retry_bit
from backends.server cimport Server, ServerConn
from haproxy_py.engine.reply import builtin

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
cdef class HttpStream(Relay):

    # ------------------------------------------------------------------ the request comes in

    cdef void setup(self, Session s) noexcept:
        cdef FrontConf f = s.front
        s.stream = self
        self.session = s
        self.client = s
        self.worker = s.worker
        self.front = f
        self.fe = f.slot
        self.http = True
        self.ssl_front = s.tls is not None
        self.bind_name = s.door.bind_name
        self.src = s.src
        self.dst = s.dst
        self.vars = s.sess_vars
        self.accept_us = s.accept_us
        self.accept_wall_us = s.accept_wall_us
        self.handshake_us = s.handshake_us if s.requests == 0 else s.idle_us
        self.request_us = s.reactor.now_us
        self.request_wall_us = s.reactor.wall_us
        self.req_no = s.requests + 1
        self.req = s.worker.take_head()
        h1_init(&self.parser, 0)
        self.parser.lenient = f.httpconf.lenient
        chan_init(&self.rq)
        chan_init(&self.rs)
        self.rq.no_more = True                       # a server shall see a request's bytes at once
        self.rs.no_more = f.httpconf.no_delay

    cdef void no_request(self, uint8_t cause) noexcept:
        """The connection ended or timed out before a byte of its first request."""
        self.uri = b"<BADREQ>"
        self.empty = True
        self.request_us = 0
        self.term_cause = cause
        self.term_state = c'R'
        if self.front.httpconf.ignore_probes:
            self.logged = True
            self.finish_session()
        else:
            self.fe.mine.ereq += 1
            self.raw_answer(400 if cause == c'C' else 408)

    cdef void read_head(self, bint fresh) noexcept:
        """Read (unless the session just did) and parse; go on when the head is whole."""
        cdef Session s = self.session
        cdef uint32_t limit = s.worker.buffers.size - s.worker.maxrewrite
        cdef ssize_t n
        cdef int r
        if not fresh:
            n = s.recv(s.buf + s.have, limit - s.have)
            if n > 0:
                s.have += <uint32_t>n
            elif n == IO_AGAIN:
                return
        r = h1_head(&self.parser, s.buf, s.have, self.req, s.worker.maxhdr)
        if r > 0:
            self.head_complete(<uint32_t>r)
        elif r < 0:
            self.bad_request(422 if r == H1_UNSUPPORTED_TE else 400)
        elif s.have >= limit:
            self.bad_request(400)
        elif s.eof or s.error:
            self.uri = b"<BADREQ>"
            self.term_cause = c'C'
            self.term_state = c'R'
            self.fe.mine.ereq += 1
            if s.error:
                self.status = 400
                self.finish_session()
            else:
                self.raw_answer(400)
        else:
            if fresh and s.requests and self.front.timeout_http_request:
                set_deadline(s.reactor, s, s.reactor.now_ms + self.front.timeout_http_request)
            if s.has_pending():
                s.reactor.wake(s)                    # TLS: more records than one read takes

    cdef void bad_request(self, int status) noexcept:
        self.uri = b"<BADREQ>"
        self.request_us = self.head_us = 0
        self.term_cause = c'P'
        self.term_state = c'R'
        self.fe.mine.ereq += 1
        self.raw_answer(status)

    cdef void head_complete(self, uint32_t n) noexcept:
        cdef Session s = self.session
        cdef Head h = self.req
        cdef uint64_t now_s = <uint64_t>s.reactor.wall_us // 1000000
        self.head_us = s.reactor.now_us
        self.head_length = n
        self.req_seen = True
        self.rt = sys.ha_add32(&self.worker.segment.shared.req_id, 1)
        self.rq.buf = s.buf
        self.rq.size = s.worker.buffers.size
        self.rq.base = self.rq.end = n
        self.rq.raw = s.have
        if h.flags & HF_CHUNKED:
            h1_body_init(&self.rq.body, B_CHUNKED, 0)
        elif h.flags & HF_LENGTH and h.content_length:
            h1_body_init(&self.rq.body, B_LENGTH, h.content_length)
        else:
            self.rq.body.done = 1
        count_request(self.fe.mine, &self.fe.shared.req_rate_max, now_s)
        s.timer.deadline = 0
        if chan_frame(&self.rq) < 0:
            self.bad_request(400)
            return
        self.payload = s.buf
        self.payload_len = s.have
        self.payload_final = True
        if self.front.httpconf.monitor_uri is not None and self.monitored():
            return
        self.run_rules()

    cdef bint monitored(self) noexcept:
        """monitor-uri: answered here, neither logged nor forwarded (manual 4.2)."""
        cdef bytes uri = self.front.httpconf.monitor_uri
        if (<uint32_t>PyBytes_GET_SIZE(uri) != self.req.target_len
                or memcmp(PyBytes_AS_STRING(uri), self.req.target, self.req.target_len) != 0):
            return False
        self.logged = True
        self.term_cause = c'L'
        self.term_state = c'R'
        self.fe.mine.intercepted += 1
        if self.front.monitor_fail is not None and self.monitor_failed():
            self.answer(self.front.httpconf.page(503))
        else:
            self.answer(self.front.httpconf.page(200))
        return True

    cdef bint monitor_failed(self) noexcept:
        cdef int cursor = 0
        return (<RuleSet>self.front.monitor_fail).run(self, &cursor) != V_CONTINUE

    # ------------------------------------------------------------------ rules and routing

    cdef void run_rules(self) noexcept:
        """Run the rule sets from where we are; a set that suspends is entered again with its cursor."""
        cdef RuleSet rules
        cdef int v
        while self.stage < STAGE_FORWARD:
            rules = None
            if self.stage == STAGE_TCP_FRONT:
                rules = self.front.tcp_content
            elif self.stage == STAGE_HTTP_FRONT:
                rules = self.front.http_request
            elif self.stage == STAGE_REDIRECT_FRONT:
                rules = self.front.redirects
            elif self.stage == STAGE_SWITCH:
                if not self.switch_backend():
                    return
            elif self.stage == STAGE_TCP_BACK:
                rules = self.backend.tcp_content
            elif self.stage == STAGE_HTTP_BACK:
                rules = self.backend.http_request
            else:
                rules = self.backend.redirects
            if rules is not None:
                v = rules.run(self, &self.cursor)
                if v != V_CONTINUE and not self.obey(v):
                    return
                self.cursor = 0
            self.stage += 1
        self.forward()

    cdef bint obey(self, int v) noexcept:
        """Carry out a final verdict; True: go on with the next rule set."""
        cdef Session s = self.session
        if v == V_STOP:
            return True
        if v == V_YIELD or v == V_WAIT:
            self.state = ST_RULES
            return False
        if v == V_REPLY:
            self.term_cause = c'L'
            self.term_state = c'R'
            self.fe.mine.intercepted += 1
            self.answer(self.reply if self.reply is not None else self.page_of(self.reply_status))
        elif v == V_DENY or v == V_TARPIT:
            self.fe.mine.dreq += 1
            if self.counted_be and self.be is not None:
                self.be.mine.dreq += 1
            self.term_cause = c'P'
            self.term_state = c'R'
            if v == V_TARPIT:
                self.state = ST_TARPIT
                self.head_us = 0
                set_deadline(s.reactor, s, s.reactor.now_ms + self.tarpit_ms())
            else:
                self.answer(self.reply if self.reply is not None else self.page_of(self.reply_status or 403))
        elif v == V_ERROR:
            self.fail(500, c'I', c'R')
        else:
            self.fe.mine.dreq += 1
            self.term_cause = c'P'
            self.term_state = c'R'
            self.close_books()
            s.drop(v == V_SILENT_DROP)
        return False

    cdef uint64_t tarpit_ms(self) noexcept:
        """timeout tarpit of the frontend, or of timeout connect (manual 4.2)."""
        if self.front.timeout_tarpit:
            return self.front.timeout_tarpit
        if self.front.default_backend is not None:
            return (<Backend>self.front.default_backend).timeout_connect or 5000
        return 5000

    cdef bint switch_backend(self) noexcept:
        cdef Backend b = None
        cdef object name
        cdef uint64_t now_s
        if self.front.use_backend is not None:
            name = self.front.use_backend.pick(self)
            if name is not None:
                b = <Backend>self.front.backends.get(name)
        if b is None:
            if self.front.default_backend is None:
                self.request_us = self.head_us = 0       # HAProxy logs no times for it
                self.fail(503, c'S', c'C')
                return False
            b = <Backend>self.front.default_backend
        self.backend = b
        self.be = b.slot
        self.counted_be = True
        now_s = <uint64_t>self.worker.reactor.wall_us // 1000000
        gauge_up(&b.slot.shared.scur, &b.slot.shared.smax, &b.slot.mine.scur)
        count_session(b.slot.mine, &b.slot.shared.rate_max, now_s)
        b.slot.mine.req_tot += 1
        self.left_retries = b.retries
        return True

    cdef HttpConf back_conf(self):
        return <HttpConf>self.backend.conf

    cdef void forward(self) noexcept:
        """Every rule is done: wait for the body if we must, then go for a server."""
        if (self.front.httpconf.buffer_request or self.back_conf().buffer_request) and not self.rq.body.done:
            self.state = ST_BODY
            self.buffer_body()
            return
        self.prepare_request()
        self.ready_to_send()
        self.seek_server()

    cdef void buffer_body(self) noexcept:
        """option http-buffer-request: the whole body, or a full buffer, before anything is sent."""
        cdef Session s = self.session
        cdef ssize_t n
        if self.front.timeout_http_request and s.timer.deadline == 0:
            set_deadline(s.reactor, s, s.reactor.now_ms + self.front.timeout_http_request)
        while not self.rq.body.done and self.rq.raw < self.rq.size - s.worker.maxrewrite:
            n = s.recv(s.buf + self.rq.raw, self.rq.size - s.worker.maxrewrite - self.rq.raw)
            if n == IO_AGAIN:
                return
            if n <= 0:
                self.refuse_silently(c'C', c'R')
                return
            self.rq.raw += <uint32_t>n
            if chan_frame(&self.rq) < 0:
                self.bad_request(400)
                return
        s.timer.deadline = 0
        self.payload_len = self.rq.raw
        self.prepare_request()
        self.ready_to_send()
        self.seek_server()

    cdef void prepare_request(self) noexcept:
        """The head as the server shall see it: forwarded as received where nothing changes, rewritten otherwise."""
        cdef Head h = self.req
        cdef HttpConf fc = self.front.httpconf
        cdef HttpConf bc = self.back_conf()
        if fc.forwardfor is not None or bc.forwardfor is not None:
            self.add_forwarded(bc.forwardfor if bc.forwardfor is not None else fc.forwardfor, True)
        if fc.originalto is not None or bc.originalto is not None:
            self.add_forwarded(bc.originalto if bc.originalto is not None else fc.originalto, False)
        if self.front.unique_id is not None:
            self.make_unique_id()
        if h.flags & (HF_CONN_CLOSE | HF_CONN_KEEPALIVE):
            strip_connection(h)
        self.counted_in = counted_size(h, False)
        if bc.send_name is not None:
            h.set(<const char *>bc.send_name, <uint32_t>len(bc.send_name), "", 0)    # its place; name_server() fills it
        self.close_server = bc.mode >= MODE_SERVER_CLOSE or fc.mode == MODE_SERVER_CLOSE
        if self.close_server and not (fc.pretend_keepalive or bc.pretend_keepalive):
            if h.version == 11 and not h.flags & HF_CONN_UPGRADE:
                h.add("connection", 10, "close", 5)
        elif h.version == 10 and not h.flags & (HF_MUST_CLOSE | HF_CONN_UPGRADE):
            h.add("connection", 10, "keep-alive", 10)

    cdef void name_server(self) noexcept:
        """http-send-name-header: the head tells the server by which name it was chosen (manual 4.2)."""
        cdef bytes field = self.back_conf().send_name
        cdef bytes name
        cdef int i
        if field is None:
            return
        i = self.req.find(<const char *>field, <uint32_t>len(field), 0)
        if i >= 0:
            name = self.target.slot.bname
            self.req.set_value(i, <const char *>name, <uint32_t>len(name))
            self.ready_to_send()

    cdef void ready_to_send(self) noexcept:
        cdef Head h = self.req
        cdef int64_t n = -1
        if not h.edited and h.flags & HF_CLEAN:
            self.rq.off = 0
            return
        if self.rq.head == NULL:
            self.rq.head = self.worker.buffers.take()
        if self.rq.head != NULL:
            n = h.write_request(self.rq.head, self.worker.buffers.size)
        self.rq.head_off = 0
        self.rq.head_end = 0
        self.rq.off = self.head_length
        if n > 0:
            self.rq.head_end = <uint32_t>n

    cdef void add_forwarded(self, option, bint source) noexcept:
        """option forwardfor / originalto (manual 4.2)."""
        cdef AddrField o = <AddrField>option
        if o.if_none and self.req.find(<const char *>o.name, <uint32_t>len(o.name), 0) >= 0:
            return
        if source:
            if self.src.family and self.src.family != sys.AF_UNIX and not o.excepts(&self.src):
                add_address(self.req, o.name, &self.src)
        elif self.dst.family and self.dst.family != sys.AF_UNIX and not o.excepts(&self.dst):
            add_address(self.req, o.name, &self.dst)

    cdef void make_unique_id(self) noexcept:
        """unique-id-format, and the field that carries it to the server (unique-id-header)."""
        cdef bytes text = self.front.unique_id.make(self)
        cdef bytes name = self.front.unique_id.header
        if name is not None:
            self.req.add(<const char *>name, <uint32_t>len(name), <const char *>text, <uint32_t>len(text))

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
        elif st == ST_BODY:
            self.buffer_body()
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
        self.fe.mine.cli_abrt += 1
        self.be.mine.cli_abrt += 1
        if s.error:
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
                self.term_cause = c'P'
                self.term_state = c'D'
                self.raw_answer(400)
            return False
        self.fe.mine.cli_abrt += 1                   # X_EOF, X_SRC: the client left in the middle of its body
        self.be.mine.cli_abrt += 1
        self.target.slot.mine.cli_abrt += 1
        if self.rs_done:
            self.cut(c'C', c'L')
        elif self.res_seen:
            self.cut(c'C', c'D')
        else:
            self.refuse_silently(c'C', c'H')
        return False

    cdef void refuse_silently(self, uint8_t cause, uint8_t state) noexcept:
        """The client left before its request was whole: the books say 400, nobody is there to be told."""
        cdef Reply page = self.front.httpconf.page(400)
        self.drop_server(True)
        self.status = 400
        count_status(self.fe.mine, 400)
        if self.counted_be:
            count_status(self.be.mine, 400)
        if self.res is None:
            self.res = self.worker.take_head()
        page.fill(self.res)
        self.own_reply = True
        self.counted_out += counted_size(self.res, True) + len(page.body) + 15
        self.cut(cause, state)

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
            self.fe.mine.cli_abrt += 1
            self.be.mine.cli_abrt += 1
            self.target.slot.mine.cli_abrt += 1
            if self.rq_done and self.rs.body.done:
                self.part_from_server()              # the reply is here whole: the server need not suffer
            self.cut(c'C', c'D')
            return False
        self.be.mine.srv_abrt += 1                   # X_EOF, X_SRC, X_BAD: the reply is cut short, and so is ours
        self.target.slot.mine.srv_abrt += 1
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
        self.res.remove("connection", 10)
        self.counted_out += counted_size(self.res, True)
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
        if h.status >= 400 and self.backend.retry_on and self.try_again(retry_bit(h.status)):
            return False
        self.res_seen = True
        self.response_us = c.reactor.now_us
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
        self.keep_client = (fc.mode != MODE_CLOSE and self.rs.body.mode != B_UNTIL_CLOSE and not self.worker.stopping
                            and not (h.version < 11 and flags & HF_CHUNKED)
                            and (q.flags & HF_CONN_KEEPALIVE or (q.version == 11 and not q.flags & HF_CONN_CLOSE)))
        if chan_frame(&self.rs) < 0:
            return self.refuse_head()
        if self.rs.body.mode == B_TUNNEL:
            if h.status == 101 and not q.flags & HF_CONN_UPGRADE:
                self.counted_out += counted_size(h, True)
                return self.refuse_head()            # nobody asked for another protocol
            self.keep_client = self.keep_server = False
        elif flags & (HF_CONN_CLOSE | HF_CONN_KEEPALIVE):
            strip_connection(h)
        self.counted_out += counted_size(h, True)    # as it came: rules change nothing of it
        if not self.run_response_rules():
            return False
        if self.rs.body.mode != B_TUNNEL:
            say_connection(h, self.keep_client, q.version == 10)
        count_status(self.fe.mine, h.status)
        count_status(self.be.mine, h.status)
        count_status(self.target.slot.mine, h.status)
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
                return self.refuse_head()
            self.rs.head_end += <uint32_t>size
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

    cdef bint run_response_rules(self) noexcept:
        """tcp-response content, http-response of backend and frontend, then http-after-response of both. False: ended."""
        cdef int cursor = 0, v
        cdef RuleSet rules
        cdef int i
        self.payload = self.rs.buf
        self.payload_len = self.rs.raw
        for i in range(5):
            rules = (self.backend.tcp_response if i == 0 else self.backend.http_response if i == 1
                     else self.front.http_response if i == 2 else self.backend.http_after if i == 3
                     else self.front.http_after)
            if rules is None:
                continue
            cursor = 0
            v = rules.run(self, &cursor)
            if v == V_CONTINUE or v == V_STOP:
                continue
            self.leave_reply()
            if v == V_REPLY:
                self.term_cause = c'L'
                self.term_state = c'H'
                self.answer(self.reply if self.reply is not None else self.page_of(self.reply_status))
            else:
                self.fe.mine.dresp += 1
                self.be.mine.dresp += 1
                self.term_cause = c'P'
                self.term_state = c'H'
                self.answer(self.reply if self.reply is not None else self.page_of(self.reply_status or 502))
            return False
        return True

    cdef void leave_reply(self) noexcept:
        """A rule answers in the server's place. What came of its body counts as sent (HAProxy has it in its buffer); when
        that is all of it, the connection serves others."""
        if chan_frame(&self.rs) >= 0:
            self.counted_out += self.rs.body.payload + self.rs.body.counted
            if self.rs.body.done and self.rs.raw == self.rs.end and self.rq_done:
                self.part_from_server()
        self.drop_server(True)
        self.res_seen = False

    cdef bint server_lost(self) noexcept:
        """The server connection ended before a whole reply head. If it was a kept one and nothing came over it, the
        client is closed without a word, so that it may safely try again itself (RFC 9112 9.3.1), as HAProxy does."""
        if self.reused and self.rs.received == 0 and not self.backend.retry_on & RETRY_EMPTY:
            self.logged = True
            self.cut(c'S', c'H')
            return False
        if self.try_again(RETRY_EMPTY if self.rs.received == 0 else RETRY_JUNK):
            return False
        self.be.mine.eresp += 1
        self.target.slot.mine.eresp += 1
        self.drop_server(True)
        self.fail(502, c'S' if self.rs.raw == 0 else c'P', c'H')
        return False

    cdef bint bad_reply(self) noexcept:
        if self.try_again(RETRY_JUNK):
            return False
        self.be.mine.eresp += 1
        self.target.slot.mine.eresp += 1
        self.drop_server(True)
        self.fail(502, c'P', c'H')
        return False

    cdef bint try_again(self, uint32_t reason) noexcept:
        """retry-on: send the same request once more if the whole of it is still here (manual 4.2). True: done so."""
        if (not self.backend.retry_on & reason or self.left_retries == 0 or not self.rq.body.done or self.rq.wrapped
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
        self.left_retries -= 1
        self.retries += 1
        self.target.slot.mine.wretr += 1
        self.be.mine.wretr += 1
        self.rewind_request()
        if self.redispatch_now():
            return True
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
            self.fail(408, c'c', c'R')
        elif st == ST_EXCHANGE and not self.res_seen:
            self.drop_server(True)
            self.fe.mine.cli_abrt += 1
            self.be.mine.cli_abrt += 1
            self.fail(400, c'c', c'H')
        elif st != ST_DONE:
            self.fe.mine.cli_abrt += 1
            self.cut(self.whose_turn(), c'D' if st == ST_TUNNEL or chan_pending(&self.rs) else c'L')

    cdef void server_deadline(self) noexcept:
        cdef uint8_t st = self.state
        if st == ST_CONNECT:
            self.connect_timed_out()
        elif st == ST_EXCHANGE and not self.res_seen and self.try_again(RETRY_TIMEOUT):
            pass
        elif st == ST_EXCHANGE and not self.res_seen:
            self.be.mine.eresp += 1
            self.target.slot.mine.eresp += 1
            self.drop_server(True)
            self.fail(504, c's', c'H')
        elif st == ST_EXCHANGE or st == ST_TUNNEL:
            self.cut(c's', c'D')

    cdef void resume(self) noexcept:
        """A suspended rule may go on."""
        if self.state == ST_RULES:
            self.state = ST_HEAD
            self.run_rules()

    # ------------------------------------------------------------------ ends

    cdef void fail(self, int status, uint8_t cause, uint8_t state) noexcept:
        self.term_cause = cause
        self.term_state = state
        self.answer(self.page_of(status))

    cdef Reply page_of(self, int status):
        """The page of a status: the backend's, once one is chosen, else the frontend's, else the built-in one."""
        if self.backend is not None and self.back_conf().errors is not None and status in self.back_conf().errors:
            return self.back_conf().page(status)
        return self.front.httpconf.page(status)

    cdef void answer(self, Reply reply) noexcept:
        """Send a reply of our own. The connection goes on if the request is here whole and the client wants it to."""
        cdef Session s = self.session
        cdef Head q = self.req
        cdef int64_t n = -1
        if self.rs.head_off < self.rs.head_end and not self.own_reply:
            self.rs.off = self.rs.end                # interim replies go first, of the server's last one nothing
            if chan_flush(&self.rs, s) <= 0:
                self.cut(c'C', c'H')                 # one of them is stuck half way: nothing may follow it
                return
        if reply.raw:
            self.status = reply.logged
            self.send_raw(reply.body, reply.logged)
            return
        self.state_before = self.state
        self.state = ST_REPLY
        self.own_reply = True
        self.status = reply.logged
        if self.res is None:
            self.res = self.worker.take_head()
        else:
            self.res.clear()
        chan_release(&self.rs, self.worker)
        chan_init(&self.rs)
        self.keep_client = (self.rq.body.done and self.front.httpconf.mode != MODE_CLOSE and not self.reply_close
                            and not reply.closes and not self.worker.stopping
                            and (q.flags & HF_CONN_KEEPALIVE or (q.version == 11 and not q.flags & HF_CONN_CLOSE)))
        reply.fill(self.res)
        if self.reply_fields is not None:
            for name, value in self.reply_fields:
                self.res.add(<const char *>name, <uint32_t>len(name), <const char *>value, <uint32_t>len(value))
        self.run_after_rules()
        self.counted_out += counted_size(self.res, True) + <uint32_t>reply.unsent
        if self.reply_close:
            self.counted_out += 15                   # its "connection: close" is part of the reply
        if self.state_before != ST_TARPIT:
            say_connection(self.res, self.keep_client, q.version == 10)
        if self.state_before == ST_TARPIT:
            self.keep_client = False                 # the end comes without having been announced
        self.rs.head = self.worker.buffers.take()
        if self.rs.head != NULL:
            n = self.res.write_response(self.rs.head, self.worker.buffers.size)
        if n < 0:
            self.cut(c'R', self.term_state)
            return
        self.rs.head_end = <uint32_t>n
        self.rs.body.done = 1
        if q.method != M_HEAD:
            self.reply_body = reply.body
            self.rs.buf = PyBytes_AS_STRING(self.reply_body)
            self.rs.end = self.rs.raw = <uint32_t>PyBytes_GET_SIZE(self.reply_body)
            self.counted_out += self.rs.end
        count_status(self.fe.mine, reply.logged)
        if self.counted_be:
            count_status(self.be.mine, reply.logged)
        self.send_answer()

    cdef void run_after_rules(self) noexcept:
        cdef int cursor = 0
        if self.backend is not None and self.backend.http_after is not None:
            self.backend.http_after.run(self, &cursor)
        cursor = 0
        if self.front.http_after is not None:
            self.front.http_after.run(self, &cursor)

    cdef void raw_answer(self, int status) noexcept:
        """An error found while reading: HAProxy answers it below the rules, with a fixed text, and closes."""
        cdef Reply page = self.front.httpconf.page(status)
        self.status = status
        count_status(self.fe.mine, status)
        if page.raw and not page.body:
            self.finish_session()                    # errorfile CODE /dev/null: not a word
        else:
            self.send_raw(raw_page(<Reply>builtin(status)), status)

    cdef void send_raw(self, bytes text, int status) noexcept:
        self.state = ST_REPLY
        self.own_reply = True
        self.keep_client = False
        chan_release(&self.rs, self.worker)
        chan_init(&self.rs)
        self.rs.body.done = 1
        self.counted_out = 0
        self.reply_body = text
        self.rs.buf = PyBytes_AS_STRING(text)
        self.rs.end = self.rs.raw = <uint32_t>PyBytes_GET_SIZE(text)
        self.send_answer()

    cdef void send_answer(self) noexcept:
        cdef Session s = self.session
        cdef int r = chan_flush(&self.rs, s)
        if r == 0:
            if self.front.timeout_client:
                set_deadline(s.reactor, s, s.reactor.now_ms + self.front.timeout_client)
        elif r < 0:
            self.cut(c'C' if self.term_cause == TERM_NONE else self.term_cause, c'D')
        else:
            self.complete()

    cdef void cut(self, uint8_t cause, uint8_t state) noexcept:
        """Close both sides without another byte: what was sent so far is all there is."""
        cdef Session s = self.session
        if self.state == ST_DONE:
            return
        if self.term_cause == TERM_NONE:
            self.term_cause = cause
            self.term_state = state
        self.drop_server(True)
        self.keep_client = False
        self.finish_session()

    cdef void finish_session(self) noexcept:
        cdef Session s = self.session
        s.owes_body = not self.rq.body.done
        self.close_books()
        s.requests += 1
        s.finish(False)

    cdef void part_from_server(self) noexcept:
        """Both messages are through: the connection goes to the pool, to its session, or is closed."""
        cdef ServerConn c = self.sconn
        self.sconn = None
        self.server = None
        if c is None:
            return
        if not self.keep_server or self.rs.raw > self.rs.end or not self.quiet(c):
            c.discard(True)
        elif c.private:
            c.user = None
            c.timer.deadline = 0
            self.session.own = c
        else:
            self.target.give_idle(c)

    cdef void complete(self) noexcept:
        """Reply and request are through."""
        cdef Session s = self.session
        self.part_from_server()
        if not self.keep_client:
            self.finish_session()
            return
        self.close_books()
        if self.rq.raw > self.rq.end:
            memmove(s.buf, s.buf + self.rq.end, self.rq.raw - self.rq.end)
        s.have = self.rq.raw - self.rq.end
        s.next_request()

    cdef bint quiet(self, ServerConn c) noexcept:
        """Whether nothing came behind the reply; surplus bytes or an end mean that the connection is not used again."""
        cdef char surplus[16]
        return not c.has_pending() or c.recv(surplus, sizeof(surplus)) == IO_AGAIN

    cdef void write_log(self) noexcept:
        if not self.logged:
            self.logged = True
            self.bytes_in = self.counted_in + self.rq.body.payload
            self.bytes_out = self.out_bytes()
            log_stream(self, self.front)

    cdef uint64_t out_bytes(self) noexcept:
        """Reply bytes so far, as HAProxy counts them."""
        if self.own_reply:
            return self.counted_out
        return (self.counted_out + self.rs.body.payload + self.rs.body.counted
                + (1 if self.rs.body.mode == B_CHUNKED and self.rs.body.done else 0))    # the record of a body's end

    cdef void close_books(self) noexcept:
        """Log line, counters, gauges, pooled memory. The stream is over."""
        cdef Backend b = self.backend
        cdef Server t = None
        cdef uint64_t bin, bout
        if self.state == ST_DONE:
            return
        self.state = ST_DONE
        self.done_us = self.worker.reactor.now_us
        bin = self.counted_in + self.rq.body.payload
        bout = self.out_bytes()
        self.fe.mine.bin += bin
        self.fe.mine.bout += bout
        if b is not None:
            self.be.mine.bin += bin
            self.be.mine.bout += bout
            if self.srv is not None:
                self.srv.mine.bin += bin
                self.srv.mine.bout += bout
                self.add_times()
            gauge_down(&b.slot.shared.scur, &b.slot.mine.scur)
            t = b.give_back(self)
        if self.front.log is not None:
            self.write_log()
        if t is not None:
            b.serve_freed(t)
        chan_release(&self.rq, self.worker)
        chan_release(&self.rs, self.worker)
        if self.vars is not None:
            vars_end_request(self)
            self.session.sess_vars = self.vars
        self.worker.give_head(self.req)
        if self.res is not None:
            self.worker.give_head(self.res)
            self.res = None

    cdef void add_times(self) noexcept:
        """Sums behind qtime, ctime, rtime, ttime of the statistics (ms)."""
        cdef uint64_t total = (self.done_us - self.head_us) // 1000 if self.head_us else 0
        cdef uint64_t q = (self.queue_us - self.head_us) // 1000 if self.queue_us > self.head_us else 0
        cdef uint64_t ct = (self.connect_us - self.queue_us) // 1000 if self.connect_us > self.queue_us else 0
        cdef uint64_t rt = (self.response_us - self.connect_us) // 1000 if self.response_us > self.connect_us else 0
        self.srv.mine.qtime_sum += q
        self.srv.mine.ctime_sum += ct
        self.srv.mine.rtime_sum += rt
        self.srv.mine.ttime_sum += total
        self.srv.mine.times_n += 1
        self.be.mine.qtime_sum += q
        self.be.mine.ctime_sum += ct
        self.be.mine.rtime_sum += rt
        self.be.mine.ttime_sum += total
        self.be.mine.times_n += 1


def mux() -> HttpMux:
    """The mux of `mode http` frontends."""
    return HttpMux()
