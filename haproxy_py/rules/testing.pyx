"""A door for tests and for `explain` tools: a transaction built from bytes, on which compiled rules can be tried."""

import socket

from libc.stdint cimport uint32_t
from libc.string cimport memcpy, memset
from haproxy_py.engine.addr cimport Addr
from haproxy_py.engine.http1 cimport H1Parser, h1_head, h1_init
from haproxy_py.engine.message cimport Head, F_DROP
from haproxy_py.engine.shm cimport ProxySlot, ServerSlot
from haproxy_py.engine.sys cimport AF_INET, AF_INET6
from haproxy_py.engine.txn cimport (
    Txn, V_CONTINUE, V_STOP, V_DENY, V_REPLY, V_TARPIT, V_REJECT, V_SILENT_DROP, V_WAIT, V_YIELD, V_ERROR)
from haproxy_py.rules.cond cimport Tree
from haproxy_py.rules.rule cimport LogFormat, RuleSet, UseBackend
from haproxy_py.rules.sample cimport (
    Expr, Sample, scratch, S_MORE, SCRATCH_SIZE, T_BOOL, T_SINT, T_IPV4, T_IPV6, T_BIN)
from haproxy_py.rules.vars cimport vars_end_request

VERDICTS = {V_CONTINUE: "continue", V_STOP: "stop", V_DENY: "deny", V_REPLY: "reply", V_TARPIT: "tarpit",
            V_REJECT: "reject", V_SILENT_DROP: "silent-drop", V_WAIT: "wait", V_YIELD: "yield", V_ERROR: "error"}


cdef class _Bytes:
    """Received bytes; the parser may edit them."""

    cdef bytearray kept
    cdef char *at

    def __init__(self, bytes text) -> None:
        self.kept = bytearray(text) + b"\0"
        self.at = self.kept


cdef Head _parse(_Bytes message, bint response):
    cdef H1Parser parser
    cdef Head head = Head()
    cdef int rc
    h1_init(&parser, response)
    rc = h1_head(&parser, message.at, <uint32_t>(len(message.kept) - 1), head, 101)
    if rc <= 0:
        raise ValueError(f"not a whole message head ({rc})")
    return head


cdef void _address(Addr *a, str host, int port) except *:
    cdef bytes raw
    memset(a, 0, sizeof(Addr))
    if not host:
        return
    v6 = ":" in host
    raw = socket.inet_pton(socket.AF_INET6 if v6 else socket.AF_INET, host)
    a.family = AF_INET6 if v6 else AF_INET
    a.port = port
    memcpy(a.ip, <char *>raw, len(raw))


cdef class Trial:
    """One transaction. `payload` without `request`: a TCP session that has sent these bytes."""

    cdef Txn t
    cdef _Bytes request
    cdef _Bytes response
    cdef _Bytes payload

    def __init__(self, bytes request=None, bytes response=None, *, bytes payload=None, bint final=True,
                 tuple src=("192.0.2.1", 40000), tuple dst=("198.51.100.1", 80), ProxySlot fe=None, ProxySlot be=None,
                 ServerSlot srv=None) -> None:
        self.t = Txn()
        self.t.fe = fe
        self.t.be = be
        self.t.srv = srv
        self.t.payload_final = final
        _address(&self.t.src, src[0], src[1])
        _address(&self.t.dst, dst[0], dst[1])
        if request is not None:
            self.request = _Bytes(request)
            self.t.req = _parse(self.request, False)
            self.t.req_seen = self.t.http = True
        if response is not None:
            self.respond(response)
        if payload is not None:
            self.feed(payload, final)

    def respond(self, bytes response) -> None:
        """The server's answer has come."""
        self.response = _Bytes(response)
        self.t.res = _parse(self.response, True)
        self.t.res_seen = True

    def feed(self, bytes payload, bint final) -> None:
        """These bytes have been received so far."""
        self.payload = _Bytes(payload)
        self.t.payload = self.payload.at
        self.t.payload_len = <uint32_t>len(payload)
        self.t.payload_final = final

    def facts(self, **values) -> None:
        """Set facts for logs by the names of txn.pxd."""
        cdef Txn t = self.t
        t.term_cause = values.get("term_cause", t.term_cause)
        t.term_state = values.get("term_state", t.term_state)
        t.status = values.get("status", t.status)
        t.http = values.get("http", t.http)
        t.bytes_in = values.get("bytes_in", t.bytes_in)
        t.bytes_out = values.get("bytes_out", t.bytes_out)
        t.retries = values.get("retries", t.retries)
        t.redispatched = values.get("redispatched", t.redispatched)
        t.uri = values.get("uri", t.uri)
        t.captures_req = values.get("captures_req", t.captures_req)
        t.captures_res = values.get("captures_res", t.captures_res)
        t.req_cookie = values.get("req_cookie", t.req_cookie)
        t.unique_id = values.get("unique_id", t.unique_id)
        t.accept_wall_us = values.get("accept_wall_us", t.accept_wall_us)
        t.request_wall_us = values.get("request_wall_us", t.request_wall_us)
        self._times(values)

    def _times(self, dict values) -> None:
        """Monotonic microseconds."""
        cdef Txn t = self.t
        t.accept_us = values.get("accept_us", t.accept_us)
        t.handshake_us = values.get("handshake_us", t.handshake_us)
        t.request_us = values.get("request_us", t.request_us)
        t.head_us = values.get("head_us", t.head_us)
        t.queue_us = values.get("queue_us", t.queue_us)
        t.connect_us = values.get("connect_us", t.connect_us)
        t.response_us = values.get("response_us", t.response_us)
        t.done_us = values.get("done_us", t.done_us)
        t.asap = values.get("asap", t.asap)

    def value(self, Expr expr):
        """The expression's value as Python has it; None: not found; "wait": more bytes needed."""
        cdef Sample s
        memset(&s, 0, sizeof(Sample))
        return _python(expr.eval(self.t, &s), &s)

    def values(self, Expr expr) -> list:
        """Every occurrence, as an ACL sees them."""
        cdef Sample s
        cdef int rc
        found = []
        memset(&s, 0, sizeof(Sample))
        s.iterate = 1
        while True:
            rc = expr.eval(self.t, &s)
            if rc > 0:
                found.append(_python(rc, &s))
            if not s.flags & S_MORE:
                return found

    def test(self, Tree condition):
        """True, False, or "wait"."""
        cdef int rc = condition.test(self.t)
        return "wait" if rc < 0 else rc > 0

    def run(self, list rules) -> str:
        """Run a rule set from its first rule; the verdict's name."""
        cdef int cursor = 0
        return VERDICTS[RuleSet(rules).run(self.t, &cursor)]

    def route(self, list switches):
        """The backend that use_backend rules choose, or None."""
        return UseBackend(switches).pick(self.t)

    def render(self, LogFormat format, uint32_t room=SCRATCH_SIZE) -> bytes:
        """A log line."""
        cdef bytearray out = bytearray(SCRATCH_SIZE)
        cdef int n = format.render(self.t, out, room)
        return bytes(out[:n])

    def end_request(self) -> None:
        """The transaction is over; the session goes on."""
        vars_end_request(self.t)

    @property
    def txn(self) -> Txn:
        """What a balancer's next_server() takes."""
        return self.t

    @property
    def reply(self):
        """(status, fields, body) of the reply that a rule made, or None."""
        if self.t.reply is None:
            return None
        return self.t.reply.status, list(self.t.reply.fields), self.t.reply.body

    @property
    def reply_status(self) -> int:
        return self.t.reply_status

    @property
    def reply_fields(self) -> list:
        """What goes with the reply's page, None without any."""
        return self.t.reply_fields

    @property
    def log_level(self) -> int:
        """As Txn.log_level."""
        return self.t.log_level

    @property
    def line(self) -> bytes:
        """Method and target as they would leave."""
        return self.t.req.method_text[:self.t.req.method_len] + b" " + self.t.req.target[:self.t.req.target_len]

    @property
    def status_line(self) -> bytes:
        """Status and reason as they would leave."""
        return b"%d " % self.t.res.status + self.t.res.reason[:self.t.res.reason_len]

    def fields(self, bint response=False) -> list:
        """[(name, value)] as they would leave."""
        cdef Head head = self.t.res if response else self.t.req
        cdef int i
        return [(head.fields[i].name[:head.fields[i].name_len], head.fields[i].value[:head.fields[i].value_len])
                for i in range(head.count) if not head.fields[i].flags & F_DROP]


cdef object _python(int rc, Sample *s):
    """A sample as a Python value."""
    if rc <= 0:
        return "wait" if rc < 0 else None
    if s.type == T_BOOL:
        return s.num != 0
    if s.type == T_SINT:
        return s.num
    if s.type == T_IPV4:
        return socket.inet_ntop(socket.AF_INET, (<char *>s.ip)[:4])
    if s.type == T_IPV6:
        return socket.inet_ntop(socket.AF_INET6, (<char *>s.ip)[:16])
    return s.ptr[:s.len]
