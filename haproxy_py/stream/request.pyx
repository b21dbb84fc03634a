"""A request as it comes in: its head, the rules of both proxies in their order, and what leaves for the server.

The received head stays in the session's buffer until the end, so rules, logs and a replay find it there.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t, uint64_t, int64_t
from libc.string cimport memcmp
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.conn cimport IO_AGAIN
from haproxy_py.engine.http1 cimport B_CHUNKED, B_LENGTH, H1_UNSUPPORTED_TE, h1_body_init, h1_head, h1_init
from haproxy_py.engine.message cimport (
    Head, HF_CHUNKED, HF_CLEAN, HF_CONN_CLOSE, HF_CONN_KEEPALIVE, HF_CONN_UPGRADE, HF_EXPECT_100, HF_LENGTH, HF_MUST_CLOSE,
)
from haproxy_py.engine.reactor cimport set_deadline
from haproxy_py.engine.shm cimport gauge_up
from haproxy_py.engine.sockets cimport go_silent
from haproxy_py.engine.txn cimport (
    TERM_NONE, V_CONTINUE, V_DENY, V_ERROR, V_REJECT, V_REPLY, V_SILENT_DROP, V_SERVICE, V_STOP, V_TARPIT, V_WAIT,
    V_YIELD,
)
from haproxy_py.rules.rule cimport RuleSet
from haproxy_py.stream.channel cimport chan_frame, chan_init
from haproxy_py.stream.conf cimport AddrField, FrontConf, HttpConf, MODE_SERVER_CLOSE
from haproxy_py.stream.faulty cimport keep_fault
from haproxy_py.stream.forward cimport add_address, counted_size, strip_connection
from haproxy_py.stream.relay cimport ST_BODY, ST_HEAD, ST_RULES, ST_TARPIT
from haproxy_py.stream.session cimport Session
from haproxy_py.stream.stats cimport count_request, count_session, count_status
from backends.backend cimport Backend
from backends.server cimport Server
from haproxy_py.stream.service cimport HttpService, Service


cdef enum:
    LATER_ROOM = 512         # what may still be added to a head once a server is known
    CONTINUE_LEN = 25
    CONTINUE_COUNTED = 40    # what HAProxy's log and counters make of it

cdef const char *CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n"


cdef class HttpRequest(HttpService):
    """The request's half of an HTTP stream."""

    # ------------------------------------------------------------------ the request comes in

    cdef void setup(self, Session s) noexcept:
        cdef FrontConf f = s.front
        self.join(s)
        self.http = True
        self.handshake_us = s.handshake_us
        if s.requests:                               # its time begins where the one before it ended (manual 8.4)
            self.accept_us = self.handshake_us = s.idle_us
            self.accept_wall_us = s.reactor.wall_us - <int64_t>(s.reactor.now_us - s.idle_us)
        self.fe.mine.streams += 1
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
        self.request_us = self.accept_us
        self.request_wall_us = self.accept_wall_us
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
                self.status = 400                        # nobody is there to be told
                count_status(self.fe.mine, 400)
                count_request(self.fe.mine, &self.fe.shared.rate_max, s.reactor.clock_us // 1000000)
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
        self.head_us = 0
        self.term_cause = c'P'
        self.term_state = c'R'
        self.fe.mine.ereq += 1
        if self.req_seen:                            # its body: what was framed stands before `base`
            keep_fault(self.fe, None, None, self.session, self.rq.buf, self.rq.raw, self.rq.end)
        else:
            keep_fault(self.fe, None, None, self.session, self.session.buf, self.session.have, self.parser.error_pos)
        self.raw_answer(status)

    cdef void head_complete(self, uint32_t n) noexcept:
        cdef Session s = self.session
        cdef Head h = self.req
        cdef uint64_t now_s = s.reactor.clock_us // 1000000
        self.head_us = s.reactor.now_us
        if self.front.cookie_logged:
            self.cookie_state = self.set_cookie_state = c'N'
        self.head_length = n
        self.req_seen = True
        if h.flags & (HF_CONN_CLOSE | HF_CONN_KEEPALIVE):
            strip_connection(h)                          # they speak of this connection alone: no rule sees them
        self.counted_in = counted_size(h, False)
        self.rt = sys.ha_add32(&self.worker.segment.shared.req_id, 1) - 1
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
        count_request(self.fe.mine, &self.fe.shared.rate_max, now_s)
        s.timer.deadline = 0
        if chan_frame(&self.rq) < 0:
            self.counted_in = 0                          # HAProxy takes nothing of it
            self.rq.body.payload = self.rq.body.counted = 0
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

    cdef bint serve_if_asked(self, Service service) noexcept:
        """Whether the request is for this service (stats uri); if so it is on its way, or refused by the service's rules."""
        cdef int cursor = 0, v
        if not service.asked(self.req):
            return False
        self.applet = service.name
        if service.rules is not None:
            v = service.rules.run(self, &cursor)
            if v != V_CONTINUE and not self.obey(v):
                return True
        self.serve(service)
        return True

    cdef void run_rules(self) noexcept:
        """Run the rule sets from where we are; a set that suspends is entered again with its cursor."""
        cdef RuleSet rules
        cdef int v
        while self.stage < STAGE_FORWARD:
            rules = None
            if self.stage == STAGE_TCP_FRONT:
                rules = self.front.tcp_content
            elif self.stage == STAGE_HTTP_FRONT:
                if self.front.httpconf.buffer_request and not self.buffered():
                    return
                rules = self.front.http_request
            elif self.stage == STAGE_REDIRECT_FRONT:
                rules = self.front.redirects
            elif self.stage == STAGE_SWITCH:
                if not self.switch_backend():
                    return
            elif self.stage == STAGE_TCP_BACK:
                if self.back_conf().buffer_request and not self.buffered():
                    return
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
            if self.stage == STAGE_HTTP_FRONT:
                if self.front.service is not None and self.serve_if_asked(<Service>self.front.service):
                    return
            elif self.stage == STAGE_HTTP_BACK:
                if self.backend.service is not None and self.serve_if_asked(<Service>self.backend.service):
                    return
            self.stage += 1
        self.send_off()

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
            if self.be is None or self.be is self.front.twin:
                self.fe.mine.intercepted += 1
            self.answer(self.reply if self.reply is not None else self.page_of(self.reply_status))
        elif v == V_DENY or v == V_TARPIT:
            self.look_at_cookies()
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
            self.count_internal_error()
            self.head_us = 0
            self.fail(500, c'P', c'R')
        elif v == V_SERVICE:
            self.serve(<Service>self.service)
        else:
            self.fe.mine.dreq += 1
            if self.be is not None and self.counted_be:
                self.be.mine.dreq += 1
            elif v == V_REJECT and self.front.twin is not None and self.stage != STAGE_TCP_FRONT:
                self.front.twin.mine.dreq += 1           # a listen is its own backend
            self.term_cause = c'P'
            self.term_state = c'R'
            self.head_us = 0                             # HAProxy logs no times for it
            if self.stage == STAGE_TCP_FRONT:
                self.uri = b"<BADREQ>"                   # these rules run before it reads the request
            self.close_books()
            if v == V_SILENT_DROP:
                go_silent(s.fd)
            s.drop(v == V_SILENT_DROP)
        return False

    cdef void look_at_cookies(self) noexcept:
        """A refused request goes nowhere; its log line tells of its cookies all the same, as HAProxy's."""
        cdef Backend b = self.backend
        if self.front.capture_request is not None:
            self.front.capture_request.run(self)
        if b is None and self.front.cookie_logged:
            b = <Backend>self.front.default_backend
        if b is not None and b.persistence is not None:
            b.persistence.denied(self)

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
        now_s = self.worker.reactor.clock_us // 1000000
        gauge_up(&b.slot.shared.scur, &b.slot.shared.smax, &b.slot.mine.scur)
        count_session(b.slot.mine, &b.slot.shared.rate_max, now_s)
        b.slot.mine.req_tot += 1
        self.left_retries = b.retries
        if b.persistence is not None:
            b.persistence.judge(self)
        elif self.front.cookie_logged:
            self.cookie_state = self.set_cookie_state = TERM_NONE
        return True

    cdef bint buffered(self) noexcept:
        """option http-buffer-request: the whole body is here, or a full buffer of it, so that rules may look at it.

        False: it is still coming, or has failed (and that was answered).
        """
        cdef Session s = self.session
        cdef uint32_t limit = self.rq.size - s.worker.maxrewrite
        cdef ssize_t n
        if self.req.flags & HF_EXPECT_100 and self.req.flags & (HF_CHUNKED | HF_LENGTH) and not self.invite():
            return False
        if self.state != ST_BODY and (self.rq.body.done or self.rq.raw >= limit):
            return True
        self.state = ST_BODY
        while not self.rq.body.done and self.rq.raw < limit:
            n = s.recv(s.buf + self.rq.raw, limit - self.rq.raw)
            if n == IO_AGAIN:
                if self.front.timeout_http_request and s.timer.deadline == 0:
                    set_deadline(s.reactor, s, s.reactor.now_ms + self.front.timeout_http_request)
                return False
            if n <= 0:
                self.refuse_silently(c'C', c'R')
                return False
            self.rq.raw += <uint32_t>n
            if chan_frame(&self.rq) < 0:
                self.bad_request(400)
                return False
        s.timer.deadline = 0
        self.payload_len = self.rq.raw
        self.state = ST_HEAD
        return True

    cdef bint invite(self) noexcept:
        """Answer `expect: 100-continue` ourselves, since the server cannot while we wait for the body. False: the client has gone."""
        cdef ssize_t n
        self.req.flags &= ~HF_EXPECT_100
        if self.req.flags & HF_LENGTH and self.req.content_length == 0:
            return True
        self.req.remove("expect", 6)
        n = self.session.send(CONTINUE, CONTINUE_LEN, False)
        if n == CONTINUE_LEN:
            self.counted_out += CONTINUE_COUNTED
        elif n != IO_AGAIN:                          # a piece of it would spoil what follows
            self.refuse_silently(c'C', c'R')
            return False
        return True

    cdef void send_off(self) noexcept:
        """The head is what it shall be; one that rules have made too large for a buffer is refused."""
        self.prepare_request()
        self.ready_to_send()
        if (self.req.edited or not self.req.flags & HF_CLEAN) and self.too_large():
            self.rewrite_failed()
            self.count_internal_error()
            self.head_us = 0                         # for HAProxy there is no request yet
            self.fail(500, c'P', c'R')
        else:
            self.seek_server()

    cdef bint too_large(self) noexcept:
        """The rewritten head is not there, or leaves no room for the server's name or a PROXY header."""
        cdef Server server
        if self.rq.head_end == 0 or not self.req.fits(0):
            return True
        if self.rq.head_end + LATER_ROOM <= self.worker.buffers.size:
            return False
        if self.back_conf().send_name is not None:
            return True
        for server in self.backend.servers:
            if server.send_proxy:
                return True
        return False

    cdef void prepare_request(self) noexcept:
        """The head as the server shall see it: forwarded as received where nothing changes, rewritten otherwise."""
        cdef Head h = self.req
        cdef HttpConf fc = self.front.httpconf
        cdef HttpConf bc = self.back_conf()
        if self.front.capture_request is not None:
            self.front.capture_request.run(self)
        if self.backend.persistence is not None:
            self.backend.persistence.choose(self)
        if fc.forwardfor is not None or bc.forwardfor is not None:
            self.add_forwarded(bc.forwardfor if bc.forwardfor is not None else fc.forwardfor, True)
        if fc.originalto is not None or bc.originalto is not None:
            self.add_forwarded(bc.originalto if bc.originalto is not None else fc.originalto, False)
        if self.front.unique_id is not None:
            self.make_unique_id()
        self.close_server = bc.mode >= MODE_SERVER_CLOSE or fc.mode == MODE_SERVER_CLOSE
        if self.close_server and not (fc.pretend_keepalive or bc.pretend_keepalive):
            if h.version == 11 and not h.flags & HF_CONN_UPGRADE:
                h.add("connection", 10, "close", 5)
        elif h.version == 10 and not h.flags & (HF_MUST_CLOSE | HF_CONN_UPGRADE):
            h.add("connection", 10, "keep-alive", 10)
        if bc.send_name is not None:     # after the connection field, as HAProxy; its place only: name_server() fills it
            h.set(<const char *>bc.send_name, <uint32_t>len(bc.send_name), "", 0)

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
