"""HTTP health checks: `option httpchk` and `http-check` (manual 4.2). Bytes in, bytes out; the engine's parser reads.

An Exchange is one request and its judgement:

    exchange = Exchange(step, request_bytes(step.send))
    exchange.begin(); socket.send(exchange.take())
    while (finding := exchange.step(data)) is None: data = more bytes, b"" at the end
"""

from __future__ import annotations

from backends.checks.pattern import GaveUp
from backends.checks.rules import DEFAULT_EXPECT, Expect, Round, Send, SetVar, filled
from backends.checks.samples import Facts
from backends.checks.status import L7OK, L7OKC, L7RSP, L7STS, L7TOUT, SOCKERR, Finding, Status
from haproxy_py.engine.http1_reader import (
    BODY_CHUNKED,
    BODY_LENGTH,
    BODY_NONE,
    BODY_UNTIL_CLOSE,
    BodyReader,
    HeadReader,
    Refused,
)
from haproxy_py.engine.message import HF_CHUNKED, HF_CONN_CLOSE, HF_CONN_KEEPALIVE, HF_LENGTH, HF_MUST_CLOSE, Head
from haproxy_py.rules.logformat import Format

BODY_KINDS = frozenset({"string", "rstring", "string-lf"})
FRAMING = frozenset({"content-length", "transfer-encoding"})
NO_BODY_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE", "TRACE", "CONNECT"})
NO_BODY = "HTTP content check could not find a response body"
NO_MATCH = "HTTP content check did not match"
UNWANTED = "HTTP check matched unwanted content"
BODILESS = frozenset({204, 304})


def synchronised(uri: str, host: str) -> str:
    """The request target with its authority replaced by the Host field's value (manual, http-check send)."""
    scheme, mark, rest = uri.partition("://")
    if not mark or not host:
        return uri
    path = rest.find("/")
    return f"{scheme}://{host}{rest[path:] if path >= 0 else '/'}"


def request_bytes(send: Send, state: str = "", facts: Facts | None = None, *, keep: bool = False) -> bytes:
    """The request of a check, as HAProxy lays it out. state: value of the state header, "" none; keep: the connection may be used
    again."""
    fields = [(name.lower(), filled(value, facts)) for name, value in send.fields if name.lower() not in FRAMING]
    names = {name for name, _ in fields}
    host = next((value for name, value in fields if name == "host"), "")
    method, version = send.method or "OPTIONS", send.version or "HTTP/1.0"
    body = filled(send.body, facts).encode("utf-8", "surrogateescape")
    if state:
        fields.append(("x-haproxy-server-state", state))
    if body or method not in NO_BODY_METHODS:
        fields.append(("content-length", str(len(body))))
    if "connection" not in names and version != "HTTP/1.0" and not keep:
        fields.append(("connection", "close"))
    lines = [f"{method} {synchronised(filled(send.uri, facts) or '/', host)} {version}"]
    lines += [f"{name}: {value}" for name, value in fields]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body


def body_reader(head: Head, method: str) -> BodyReader:
    """How the body behind a response's head is framed (RFC 9112 6.3)."""
    code, flags = head.status_code, head.flag_bits
    if method == "HEAD" or code in BODILESS or 100 <= code < 200:
        return BodyReader(BODY_NONE)
    if flags & HF_CHUNKED:
        return BodyReader(BODY_CHUNKED, strip=True)
    return BodyReader(BODY_LENGTH, head.length_value) if flags & HF_LENGTH else BodyReader(BODY_UNTIL_CLOSE)


def persists(head: Head) -> bool:
    """Whether the sender of a response leaves its connection open (RFC 9112 9.3)."""
    flags = head.flag_bits
    if flags & (HF_CONN_CLOSE | HF_MUST_CLOSE):
        return False
    return head.http_version >= 11 or bool(flags & HF_CONN_KEEPALIVE)


class Exchange:
    """One request and the judgement of its answer. accept_404: 404 means "no new sessions" (http-check disable-on-404).

    Limits: max_bytes of head, and of body looked at (tune.bufsize).
    """

    def __init__(
        self, step: Round, wire: bytes, facts: Facts | None = None, *, accept_404: bool = False, max_bytes: int = 16384
    ) -> None:
        self.wire = wire
        self.rules = step.expects
        self.method = step.send.method
        self.facts = facts
        self.accept_404 = accept_404
        self.max_bytes = max_bytes
        self.body = bytearray()
        self.head: Head | None = None
        self.complete = False
        self._more = False  # bytes have come behind the end
        self._at = 0
        self._gave_up: Expect | None = None  # its regex was, and is asked once more when all has come
        self._fed = 0
        self._reader = HeadReader(response=True, size=max_bytes)
        self._framed: BodyReader | None = None

    def begin(self) -> Finding | None:
        """Nothing can be judged before an answer."""
        return None

    def take(self) -> bytes:
        """What is to be sent now: the request, once."""
        data, self.wire = self.wire, b""
        return data

    def broken(self, error: str) -> Finding:
        """The finding when the connection fails, with the system's words."""
        return Finding(SOCKERR, 0, error)

    @property
    def current(self) -> Expect:
        """The expectation that is being judged."""
        left = (rule for rule in self.rules[self._at :] if isinstance(rule, Expect))
        return next(left, None) or self._last()

    def _last(self) -> Expect:
        return next((rule for rule in reversed(self.rules) if isinstance(rule, Expect)), DEFAULT_EXPECT)

    def timeout(self) -> Finding:
        """The finding when time runs out now."""
        return Finding(self.current.tout_status or L7TOUT)

    @property
    def keeps(self) -> bool:
        """The answer has ended and its connection may be used again."""
        return self.complete and not self._more and self.head is not None and persists(self.head)

    def step(self, received: bytes) -> Finding | None:
        """Judge what has arrived; b"" is the end of the connection. None: more is needed."""
        try:
            if self.head is not None:
                self._read_body(received)
            elif received:
                self._read_head(received)
        except Refused:
            if self.head is None or not self._enough():
                return self._failed(L7RSP, "", self.current)
        return self._judge(ended=not received)

    def _read_head(self, received: bytes) -> None:
        before = self._fed
        length = self._reader.feed(received)
        self._fed += len(received)
        if length:
            self.head = self._reader.head
            if self.facts is not None:
                self.facts.answered(self.head)
            self._framed = body_reader(self.head, self.method)
            self._read_body(received[length - before :])

    def _read_body(self, received: bytes) -> None:
        assert self._framed is not None
        if received and not self._framed.done:
            body, received = self._framed.feed(received)
            self.body += body
        self._more = bool(received)
        self.complete = self._framed.done

    def _enough(self) -> bool:
        """Nothing that may still come changes the judgement, or no more is looked at."""
        return self.complete or len(self.body) >= self.max_bytes

    def _judge(self, ended: bool) -> Finding | None:
        if self.head is None:
            return self._failed(L7RSP, "", self.current) if ended else None
        code = self.head.status_code
        if self.accept_404 and code == 404:
            return Finding(L7OKC, code)
        final = ended or self._enough()
        while self._at < len(self.rules):
            rule = self.rules[self._at]
            if isinstance(rule, SetVar):
                if self.facts is not None:
                    self.facts.receive(bytes(self.body))
                    self.facts.act(rule.action)
            else:
                finding = self._body_rule(rule, final) if rule.kind in BODY_KINDS else self._head_rule(rule)
                if finding is None or finding.status is not L7OK:
                    return finding
            self._at += 1
        return self._passed(code)

    def _passed(self, code: int) -> Finding:
        """The last expectation has the say; behind it, what sets variables takes the code away, as in HAProxy."""
        last = self._last()
        told = self._number(last, 0 if isinstance(self.rules[-1], SetVar) else code)
        return Finding(last.ok_status or L7OK, told, self._told(last.on_success))

    def _told(self, words: Format | None) -> str:
        if words is None or self.facts is None:
            return ""
        self.facts.receive(bytes(self.body))
        return self.facts.render(words).decode("utf-8", "surrogateescape")

    def _number(self, rule: Expect, code: int) -> int:
        if rule.code is None or self.facts is None:
            return code
        self.facts.receive(bytes(self.body))
        found = self.facts.number(rule.code)
        return code if found is None else found

    def _head_rule(self, expect: Expect) -> Finding:
        assert self.head is not None
        found = self._field_found(expect) if expect.kind in ("hdr", "fhdr") else self._status_found(expect)
        if found is not expect.negated:
            return Finding(L7OK, self.head.status_code)
        return self._failed(L7STS, self.head.reason_text.decode("latin-1"), expect)

    def _status_found(self, expect: Expect) -> bool:
        assert self.head is not None
        code = self.head.status_code
        if expect.regex is not None:
            return expect.regex.found_at_all(b"%d" % code)
        return any(low <= code <= high for low, high in expect.codes)

    def _field_found(self, expect: Expect) -> bool:
        assert self.head is not None and expect.name is not None
        wanted = expect.name.wanted(self.facts).lower()
        value_wanted = expect.value.wanted(self.facts) if expect.value is not None else b""
        for name, value in self.head.items():
            if not expect.name.matches(name, wanted):
                continue
            if expect.value is None:
                return True
            parts = value.split(b",") if expect.kind == "hdr" else [value]
            if any(expect.value.matches(part.strip(b" \t"), value_wanted) for part in parts):
                return True
        return False

    def _body_found(self, expect: Expect) -> bool:
        if expect.regex is not None:
            try:
                return expect.regex.found(bytes(self.body))
            except GaveUp:
                self._gave_up = expect
                return False
        return filled(expect.text, self.facts).encode("utf-8", "surrogateescape") in self.body

    def _body_rule(self, expect: Expect, final: bool) -> Finding | None:
        """Judge a string or regex on the body: decided early by a match, else when no more comes."""
        assert self.head is not None
        if not final and (len(self.body) < expect.min_recv or self._gave_up is expect):
            return None
        if self._body_found(expect):
            return self._failed(L7RSP, UNWANTED, expect) if expect.negated else Finding(L7OK, self.head.status_code)
        if not final:
            return None
        if not self.body:
            return self._failed(L7RSP, NO_BODY, expect)
        return Finding(L7OK, self.head.status_code) if expect.negated else self._failed(L7RSP, NO_MATCH, expect)

    def _failed(self, status: Status, info: str, expect: Expect) -> Finding:
        code = self._number(expect, self.head.status_code if self.head is not None else 0)
        if expect.on_error is not None and self.facts is not None:
            info = self._told(expect.on_error)
        if expect.comment:
            info = f"{info} comment: {expect.comment}"
        return Finding(expect.error_status or status, code, info)
