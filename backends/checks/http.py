"""HTTP health checks: `option httpchk` and `http-check` (manual 4.2). Bytes in, bytes out; h11 reads the answer.

An Exchange is one request and its judgement:

    exchange = Exchange(send, expects, request_bytes(send))
    exchange.begin(); socket.send(exchange.take())
    while (finding := exchange.step(data)) is None: data = more bytes, b"" at the end
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import h11

from backends.checks.rules import Expect, FieldMatch, Send
from backends.checks.status import L7OK, L7OKC, L7RSP, L7STS, L7TOUT, SOCKERR, Finding, Status

BODY_KINDS = frozenset({"string", "rstring"})
FRAMING = frozenset({"content-length", "transfer-encoding"})
NO_BODY_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE", "TRACE", "CONNECT"})
NO_BODY = "HTTP content check could not find a response body"
NO_MATCH = "HTTP content check did not match"
UNWANTED = "HTTP check matched unwanted content"


def _same(text: str) -> str:
    return text


def synchronised(uri: str, host: str) -> str:
    """The request target with its authority replaced by the Host field's value (manual, http-check send)."""
    scheme, mark, rest = uri.partition("://")
    if not mark or not host:
        return uri
    path = rest.find("/")
    return f"{scheme}://{host}{rest[path:] if path >= 0 else '/'}"


def request_bytes(send: Send, state: str = "", expand: Callable[[str], str] = _same) -> bytes:
    """The request of a check, as HAProxy lays it out. state: value of the state header, "" none; expand: log-format."""
    fields = [(name.lower(), expand(value)) for name, value in send.fields if name.lower() not in FRAMING]
    names = {name for name, _ in fields}
    host = next((value for name, value in fields if name == "host"), "")
    method, version = send.method or "OPTIONS", send.version or "HTTP/1.0"
    body = send.body.encode("utf-8", "surrogateescape")
    if state:
        fields.append(("x-haproxy-server-state", state))
    if body or method not in NO_BODY_METHODS:
        fields.append(("content-length", str(len(body))))
    if "connection" not in names and version != "HTTP/1.0":
        fields.append(("connection", "close"))
    lines = [f"{method} {synchronised(expand(send.uri) or '/', host)} {version}"]
    lines += [f"{name}: {value}" for name, value in fields]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body


class Exchange:
    """One request and the judgement of its answer. accept_404: 404 means "no new sessions" (http-check disable-on-404).

    Limits: max_bytes of head, and of body looked at (tune.bufsize).
    """

    def __init__(
        self, send: Send, expects: Iterable[Expect], wire: bytes, *, accept_404: bool = False, max_bytes: int = 16384
    ) -> None:
        self.wire = wire
        self.expects = list(expects)
        self.accept_404 = accept_404
        self.max_bytes = max_bytes
        self.body = bytearray()
        self.response: h11.Response | h11.InformationalResponse | None = None
        self.complete = False
        self._at = 0
        self._peer = h11.Connection(h11.CLIENT, max_incomplete_event_size=max_bytes)
        method = "HEAD" if send.method == "HEAD" else "GET"
        self._peer.send(h11.Request(method=method, target="/", headers=[("host", "check"), ("connection", "close")]))
        self._peer.send(h11.EndOfMessage())

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
        return self.expects[min(self._at, len(self.expects) - 1)]

    def timeout(self) -> Finding:
        """The finding when time runs out now."""
        return Finding(self.current.tout_status or L7TOUT, 0, self._commented("", self.current))

    def step(self, received: bytes) -> Finding | None:
        """Judge what has arrived; b"" is the end of the connection. None: more is needed."""
        try:
            self._peer.receive_data(received)
            self._drain()
        except h11.RemoteProtocolError:
            if self.response is None or not self._enough():
                return self._failed(L7RSP, "", self.current)
        return self._judge(ended=not received)

    def _drain(self) -> None:
        while not self._enough():
            event = self._peer.next_event()
            if event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
                self.complete = self.complete or isinstance(event, h11.ConnectionClosed) and self.response is not None
                return
            if isinstance(event, (h11.Response, h11.InformationalResponse)):
                self.response = event
            elif isinstance(event, h11.Data):
                self.body += event.data
            elif isinstance(event, h11.EndOfMessage):
                self.complete = True

    def _enough(self) -> bool:
        """Nothing that may still come changes the judgement, or no more is looked at."""
        informational = isinstance(self.response, h11.InformationalResponse)
        return self.complete or informational or len(self.body) >= self.max_bytes

    def _judge(self, ended: bool) -> Finding | None:
        if self.response is None:
            return self._failed(L7RSP, "", self.current) if ended else None
        code = self.response.status_code
        if self.accept_404 and code == 404:
            return Finding(L7OKC, code)
        final = ended or self._enough()
        while self._at < len(self.expects):
            expect = self.expects[self._at]
            finding = self._body_rule(expect, final) if expect.kind in BODY_KINDS else self._head_rule(expect)
            if finding is None or finding.status is not L7OK:
                return finding
            self._at += 1
        return Finding(self.expects[-1].ok_status or L7OK, code)

    def _head_rule(self, expect: Expect) -> Finding:
        assert self.response is not None
        found = self._field_found(expect) if expect.kind in ("hdr", "fhdr") else self._status_found(expect)
        code = self.response.status_code
        if found is not expect.negated:
            return Finding(L7OK, code)
        return self._failed(L7STS, self.response.reason.decode("latin-1"), expect)

    def _status_found(self, expect: Expect) -> bool:
        assert self.response is not None
        code = self.response.status_code
        if expect.regex is not None:
            return expect.regex.search(b"%d" % code) is not None
        return any(low <= code <= high for low, high in expect.codes)

    def _field_found(self, expect: Expect) -> bool:
        assert self.response is not None and expect.name is not None
        wanted = FieldMatch(expect.name.method, expect.name.text.lower(), expect.name.regex)
        for name, value in self.response.headers:
            if not wanted.matches(name):
                continue
            if expect.value is None:
                return True
            parts = value.split(b",") if expect.kind == "hdr" else [value]
            if any(expect.value.matches(part.strip(b" \t")) for part in parts):
                return True
        return False

    def _body_rule(self, expect: Expect, final: bool) -> Finding | None:
        """Judge a string or regex on the body: decided early by a match, else when no more comes."""
        assert self.response is not None
        if not final and len(self.body) < expect.min_recv:
            return None
        if expect.regex is not None:
            found = expect.regex.search(self.body) is not None
        else:
            found = expect.text.encode("utf-8", "surrogateescape") in self.body
        if found:
            return self._failed(L7RSP, UNWANTED, expect) if expect.negated else Finding(L7OK, self.response.status_code)
        if not final:
            return None
        if not self.body:
            return self._failed(L7RSP, NO_BODY, expect)
        return Finding(L7OK, self.response.status_code) if expect.negated else self._failed(L7RSP, NO_MATCH, expect)

    def _failed(self, status: Status, info: str, expect: Expect) -> Finding:
        code = self.response.status_code if self.response is not None else 0
        return Finding(expect.error_status or status, code, self._commented(info, expect))

    @staticmethod
    def _commented(info: str, expect: Expect) -> str:
        return f"{info} comment: {expect.comment}" if expect.comment else info
