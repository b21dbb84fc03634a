"""Services: Python code that answers a request in a server's place (use-service, stats uri), without holding the others up.

respond(request) gives a head and an iterator of bytes. The stream asks it for pieces only while the client takes them,
SLICE_US at a time, and lets the other connections have their turn in between; memory is one buffer, whatever the size of
the page. Nothing raised by a service leaves the stream: before the head it is a 500, later the reply ends unfinished.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint32_t, uint64_t, int64_t
from libc.stdio cimport snprintf
from libc.string cimport memcmp, memcpy
from haproxy_py.engine.conn cimport IO_AGAIN
from haproxy_py.engine.http1 cimport B_CHUNKED
from haproxy_py.engine.message cimport Head, HF_CONN_CLOSE, HF_CONN_KEEPALIVE, M_GET, M_HEAD, M_POST
from haproxy_py.engine.reactor cimport set_deadline
from haproxy_py.engine.txn cimport Txn, V_CONTINUE, V_ERROR, V_STOP
from haproxy_py.rules.rule cimport RuleSet
from haproxy_py.stream.answer cimport HttpAnswer
from haproxy_py.stream.channel cimport chan_flush, chan_frame, chan_init, chan_release, chan_take
from haproxy_py.stream.conf cimport MODE_CLOSE
from haproxy_py.stream.forward cimport counted_size, say_connection
from haproxy_py.stream.relay cimport ST_BODY, ST_SERVICE
from haproxy_py.stream.session cimport Session
from haproxy_py.stream.stats cimport count_status
from haproxy_py.engine.reasons import reason as reason_of

cdef enum:
    SLICE_US = 2000           # a service may work so long before the others have their turn
    CHUNK_ROOM = 16           # framing around one piece in the buffer
    PIECE_LEAST = 1024        # room below which a buffer goes out before the next piece is put in


class Request:
    """What a service is told. headers: [(name, value)], names in lower case; body: as far as one buffer holds it;
    whole: that is all of it."""

    __slots__ = ("body", "frontend", "headers", "method", "target", "txn", "whole")

    def __init__(self, method: bytes, target: bytes, headers: list, body: bytes, frontend: str, txn: object,
                 whole: bool = True) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.frontend = frontend
        self.txn = txn
        self.whole = whole

    def header(self, name: bytes) -> bytes:
        """All values of a field, joined with commas; b"" when it is absent."""
        return b",".join(value for each, value in self.headers if each == name)


class Answer:
    """status, fields and body of a reply. body: bytes (sent with their length) or an iterator of bytes (chunked). reason:
    None: the usual phrase."""

    __slots__ = ("body", "closes", "fields", "reason", "status")

    def __init__(self, status: int, fields: list, body: object = b"", closes: bool = False, reason: bytes = None) -> None:
        self.status = status
        self.fields = fields
        self.body = body
        self.closes = closes
        self.reason = reason


def dechunked(body: bytes) -> bytes:
    """The payload of a chunked body that was found well formed (it has gone through an H1Body), or its beginning."""
    found = []
    at = 0
    while True:
        end = body.find(b"\r\n", at)
        size = int(body[at:end].partition(b";")[0], 16) if end > at else 0
        if size == 0:
            return b"".join(found)
        found.append(body[end + 2 : end + 2 + size])
        at = end + 4 + size


def holds(RuleSet rules not None, Txn txn not None) -> bool:
    """Whether one of these rules ends the set: conditions of `stats admin`, which have no action of their own."""
    cdef int cursor = 0
    return rules.run(txn, &cursor) != V_CONTINUE


cdef class Service:
    """See service.pxd."""

    cdef bint asked(self, Head h) noexcept:
        """Whether the target of a GET, HEAD or POST begins with the prefix."""
        cdef bytes prefix = self.prefix
        cdef bytes path
        cdef uint32_t n
        if prefix is None or not (h.method == M_GET or h.method == M_HEAD or h.method == M_POST):
            return False
        n = <uint32_t>PyBytes_GET_SIZE(prefix)
        if h.target_len and h.target[0] != c'/':
            path = h.target_text.partition(b"://")[2]
            return (b"/" + path.partition(b"/")[2]).startswith(prefix)
        return h.target_len >= n and memcmp(h.target, PyBytes_AS_STRING(prefix), n) == 0

    def respond(self, request):
        """An Answer to a Request. Called in the event loop: what takes long belongs into the body's iterator."""
        return Answer(404, [])


cdef class HttpService(HttpAnswer):
    """The part of an HTTP stream that a service answers."""

    cdef void serve(self, Service service) noexcept:
        """Answer with `service`, as soon as the request's body is here or the buffer is full."""
        self.service = service
        self.applet = service.name
        self.term_cause = c'L'
        self.term_state = c'R'
        if self.be is None or self.be is self.fe or not self.counted_be:
            self.fe.mine.intercepted += 1
        if self.rq.body.done:
            self.begin()
        else:
            self.state = ST_BODY
            self.await_body()

    cdef void await_body(self) noexcept:
        cdef Session s = self.session
        cdef uint32_t limit = self.rq.size - s.worker.maxrewrite
        cdef ssize_t n
        if self.front.timeout_http_request and s.timer.deadline == 0:
            set_deadline(s.reactor, s, s.reactor.now_ms + self.front.timeout_http_request)
        while not self.rq.body.done and self.rq.raw < limit:
            n = s.recv(s.buf + self.rq.raw, limit - self.rq.raw)
            if n == IO_AGAIN:
                return
            if n <= 0:
                self.refuse_silently(c'C', c'R')
                return
            self.rq.raw += <uint32_t>n
            if chan_frame(&self.rq) < 0:
                self.term_cause = c'P'
                self.fe.mine.ereq += 1
                self.raw_answer(400)
                return
        s.timer.deadline = 0
        self.payload_len = self.rq.raw
        self.begin()

    cdef void begin(self) noexcept:
        cdef Service service = <Service>self.service
        cdef Head q = self.req
        cdef bytes body
        self.queue_us = self.connect_us = self.response_us = self.session.reactor.now_us
        try:
            body = self.rq.buf[self.rq.base:self.rq.end]
            if self.rq.body.mode == B_CHUNKED:
                body = dechunked(body)
            answer = service.respond(Request(q.method_name, q.target_text, q.items(), body, self.fe.name, self,
                                             self.rq.body.done != 0))
            self.send_head(answer)
        except Exception:
            self.count_internal_error()
            self.fail(500, c'I', c'R')

    cdef void send_head(self, answer) noexcept:
        """Status line and fields; the body follows piece by piece."""
        cdef Session s = self.session
        cdef Head q = self.req
        cdef bytes name, value, phrase
        cdef int status = answer.status
        cdef int64_t n = -1
        cdef bint whole = isinstance(answer.body, bytes)
        self.state = ST_SERVICE
        self.own_reply = True
        self.status = status
        self.res = self.worker.take_head()
        self.res.version = 11
        chan_release(&self.rs, self.worker)
        chan_init(&self.rs)
        phrase = answer.reason if answer.reason is not None else reason_of(status)
        self.res.set_status(status, <const char *>phrase, <uint32_t>len(phrase))
        for name, value in answer.fields:
            self.res.add(<const char *>name, <uint32_t>len(name), <const char *>value, <uint32_t>len(value))
        self.keep_client = (self.rq.body.done and self.front.httpconf.mode != MODE_CLOSE and not answer.closes
                            and not self.worker.stopping
                            and (q.flags & HF_CONN_KEEPALIVE or (q.version == 11 and not q.flags & HF_CONN_CLOSE)))
        if whole and self.res.find("content-length", 14, 0) < 0:
            value = b"%d" % len(answer.body)
            self.res.add("content-length", 14, <const char *>value, <uint32_t>len(value))
        elif not whole and q.version == 11:
            self.chunked = True
            if q.method != M_HEAD or (<Service>self.service).response_rules:
                self.res.add("transfer-encoding", 17, "chunked", 7)
        elif not whole:
            self.keep_client = self.keep_client and q.method == M_HEAD
        self.counted_out += counted_size(self.res, True)     # as it came: rules change nothing of it
        if (<Service>self.service).response_rules and not self.pass_response_rules():
            return
        if not self.run_after_rules():
            self.count_internal_error()
            self.answer(self.page_of(500))
            return
        say_connection(self.res, self.keep_client, q.version == 10)
        self.rs.head = self.worker.buffers.take()
        if self.rs.head != NULL:
            n = self.res.write_response(self.rs.head, self.worker.buffers.size)
        if n < 0 or not chan_take(&self.rs, self.worker):
            self.cut(c'R', self.term_state)
            return
        self.rs.head_end = <uint32_t>n
        self.rs.body.done = 1
        count_status(self.fe.mine, status)
        if self.counted_be:
            count_status(self.be.mine, status)
        if q.method != M_HEAD:
            self.pieces = iter((answer.body,)) if whole else iter(answer.body)
        self.pump()

    cdef bint pass_response_rules(self) noexcept:
        """http-response rules of both proxies. False: a rule refused the reply, which was answered."""
        cdef int i, v, cursor
        cdef RuleSet rules
        for i in range(2):
            rules = self.front.http_response if i else (self.backend.http_response if self.backend is not None else None)
            cursor = 0
            v = V_CONTINUE if rules is None else rules.run(self, &cursor)
            if v == V_ERROR:
                self.count_internal_error()
                self.term_cause = c'P'
                self.own_reply = False
                self.answer(self.page_of(500))
                return False
            if v != V_CONTINUE and v != V_STOP:
                self.fe.mine.dresp += 1
                self.term_cause = c'P'
                self.own_reply = False
                self.answer(self.reply if self.reply is not None else self.page_of(self.reply_status or 502))
                return False
        return True

    cdef void pump(self) noexcept:
        """Send what there is, ask for more, for one slice of time."""
        cdef Session s = self.session
        cdef uint64_t ends
        cdef int r
        s.reactor.tick()
        ends = s.reactor.now_us + SLICE_US
        while True:
            r = chan_flush(&self.rs, s)
            if r == 0:
                if self.front.timeout_client:
                    set_deadline(s.reactor, s, s.reactor.now_ms + self.front.timeout_client)
                return
            if r < 0:
                self.fe.mine.cli_abrt += 1
                if self.counted_be:
                    self.be.mine.cli_abrt += 1
                self.pieces = None
                self.cut(c'C', c'D')
                return
            if self.pieces is None:
                self.complete()
                return
            if s.reactor.now_us >= ends:
                s.timer.deadline = 0
                s.reactor.wake(s)
                return
            self.rs.off = self.rs.end = self.rs.raw = 0
            self.fill()
            s.reactor.tick()

    cdef void fill(self) noexcept:
        """Pieces into the empty buffer until it is full, they end, or one of them fails."""
        cdef bytes piece
        cdef uint32_t n, room
        cdef uint64_t ends = self.session.reactor.now_us + SLICE_US
        while self.rs.end + PIECE_LEAST <= self.rs.size:
            piece = <bytes>self.piece
            if piece is None:
                try:
                    piece = next(self.pieces, None)
                except Exception:
                    self.count_internal_error()
                    self.keep_client = False
                    self.pieces = None               # without the last chunk: the client sees that it is cut short
                    return
                self.piece_off = 0
                if piece is None:
                    self.pieces = None
                    if self.chunked:
                        self.put("0\r\n\r\n", 5)
                    return
                self.piece = piece
            room = self.rs.size - self.rs.end - CHUNK_ROOM
            n = <uint32_t>PyBytes_GET_SIZE(piece) - self.piece_off
            n = n if n < room else room
            if n:
                self.frame(PyBytes_AS_STRING(piece) + self.piece_off, n)
            self.piece_off += n
            if self.piece_off >= <uint32_t>PyBytes_GET_SIZE(piece):
                self.piece = None
                self.session.reactor.tick()
                if self.session.reactor.now_us >= ends:
                    return

    cdef void frame(self, const char *data, uint32_t n) noexcept:
        """One run of bytes, as a chunk where the reply is chunked."""
        cdef char size[CHUNK_ROOM]
        self.counted_out += n
        if self.chunked:
            self.put(size, <uint32_t>snprintf(size, sizeof(size), "%x\r\n", n))
            self.put(data, n)
            self.put("\r\n", 2)
        else:
            self.put(data, n)

    cdef void put(self, const char *data, uint32_t n) noexcept:
        memcpy(self.rs.buf + self.rs.end, data, n)
        self.rs.end += n
        self.rs.raw = self.rs.end
