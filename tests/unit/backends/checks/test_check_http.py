"""HTTP checks: what is sent, and how every kind of answer is judged. The findings are the packaged haproxy's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.checks.http import Exchange, request_bytes
from backends.checks.pattern import Pattern
from backends.checks.rules import DEFAULT_EXPECT, Connect, Expect, FieldMatch, Round, Send
from backends.checks.status import BY_NAME, Finding

OK = b"HTTP/1.1 200 Fine\r\ncontent-length: 5\r\nx-foo: bar, baz\r\n\r\nhello"
ERROR = b"HTTP/1.1 503 Not Today\r\ncontent-length: 4\r\n\r\noops"
MISSING = b"HTTP/1.1 404 Gone\r\ncontent-length: 0\r\n\r\n"
NO_REASON = b"HTTP/1.1 500 \r\ncontent-length: 0\r\n\r\n"
OPEN_END = b"HTTP/1.0 200 OK\r\n\r\nuntil the end"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"


def status(codes: str) -> Expect:
    return Expect("status", codes=tuple((int(c.split("-")[0]), int(c.split("-")[-1])) for c in codes.split(",")))


def named(name: str, code: int = 0, info: str = "") -> Finding:
    return Finding(BY_NAME[name], code, info)


def judge(expect: Expect, *pieces: bytes, accept_404: bool = False) -> Finding:
    """The finding after the pieces and then the end of the connection."""
    exchange = Exchange(Round(Connect(), Send(), [], [expect]), b"", accept_404=accept_404)
    for piece in [*pieces, b""]:
        finding = exchange.step(piece)
        if finding is not None:
            return finding
    raise AssertionError("no finding at the end of the connection")


def regex(kind: str, pattern: bytes, negated: bool = False) -> Expect:
    return Expect(kind, negated=negated, regex=Pattern(pattern.decode()))


def text(pattern: str, negated: bool = False, comment: str = "") -> Expect:
    return Expect("string", negated=negated, text=pattern, comment=comment)


def field(name: str, value: str | None, method: str = "str", kind: str = "hdr", negated: bool = False) -> Expect:
    wanted = None if value is None else FieldMatch(method, value, Pattern(value) if method == "reg" else None)
    return Expect(kind, negated=negated, name=FieldMatch("str", name), value=wanted)


NOT_FOUND = "HTTP content check did not match"
UNWANTED = "HTTP check matched unwanted content"
CASES = {
    "2xx passes": (DEFAULT_EXPECT, OK, named("L7OK", 200)),
    "5xx fails with its reason": (DEFAULT_EXPECT, ERROR, named("L7STS", 503, "Not Today")),
    "no reason, no words": (DEFAULT_EXPECT, NO_REASON, named("L7STS", 500)),
    "a list of statuses": (status("200-299,404"), MISSING, named("L7OK", 404)),
    "a negated status": (Expect("status", True, ((200, 200),)), OK, named("L7STS", 200, "Fine")),
    "a status by regex": (regex("rstatus", b"^5"), ERROR, named("L7OK", 503)),
    "a negated regex": (regex("rstatus", b"^5", True), ERROR, named("L7STS", 503, "Not Today")),
    "a string": (text("ell"), OK, named("L7OK", 200)),
    "a string that is not there": (text("zap"), OK, named("L7RSP", 200, NOT_FOUND)),
    "a comment follows": (text("zap", comment="mine"), OK, named("L7RSP", 200, NOT_FOUND + " comment: mine")),
    "an unwanted string": (text("ell", True), OK, named("L7RSP", 200, UNWANTED)),
    "an unwanted string that is not there": (text("zap", True), OK, named("L7OK", 200)),
    "a string in no body": (text("zap"), MISSING, named("L7RSP", 404, "HTTP content check could not find a response body")),
    "a regex on the body": (regex("rstring", b"h.l+o"), OK, named("L7OK", 200)),
    "a string over two chunks": (text("lo wo"), CHUNKED, named("L7OK", 200)),
    "a body until the end": (text("the end"), OPEN_END, named("L7OK", 200)),
    "a field is there": (field("X-Foo", None), OK, named("L7OK", 200)),
    "a field has one of its values": (field("x-foo", "baz"), OK, named("L7OK", 200)),
    "a whole field is compared": (field("x-foo", "baz", kind="fhdr"), OK, named("L7STS", 200, "Fine")),
    "a whole field begins": (field("x-foo", "bar,", "beg", "fhdr"), OK, named("L7OK", 200)),
    "a field by regex": (field("x-foo", "^b.z$", "reg"), OK, named("L7OK", 200)),
    "a field that must not be": (field("x-foo", None, negated=True), OK, named("L7STS", 200, "Fine")),
    "garbage": (DEFAULT_EXPECT, b"hello there\r\n\r\n", named("L7RSP")),
    "nothing": (DEFAULT_EXPECT, b"", named("L7RSP")),
    "half a head": (DEFAULT_EXPECT, b"HTTP/1.1 200 OK\r\nfoo: b", named("L7RSP")),
    "a bad length": (DEFAULT_EXPECT, b"HTTP/1.1 200 OK\r\ncontent-length: abc\r\n\r\n", named("L7RSP")),
    "an interim reply is the reply": (DEFAULT_EXPECT, b"HTTP/1.1 100 Continue\r\n\r\n" + OK, named("L7STS", 100, "Continue")),
    "another status for success": (
        Expect("status", codes=((200, 200),), ok_status=BY_NAME["L6OK"]), OK, named("L6OK", 200)),
    "another status for failure": (
        Expect("status", codes=((500, 500),), error_status=BY_NAME["L4CON"]), OK, named("L4CON", 200, "Fine")),
}  # fmt: skip


@pytest.mark.parametrize("case", list(CASES))
def test_findings(case: str) -> None:
    expect, reply, wanted = CASES[case]
    assert judge(expect, reply) == wanted


@pytest.mark.parametrize("case", list(CASES))
def test_the_finding_does_not_depend_on_how_the_bytes_arrive(case: str) -> None:
    expect, reply, wanted = CASES[case]
    assert judge(expect, *(reply[i : i + 1] for i in range(len(reply)))) == wanted


def test_404_means_no_new_sessions_when_asked_for() -> None:
    assert judge(DEFAULT_EXPECT, MISSING, accept_404=True) == named("L7OKC", 404)
    assert judge(DEFAULT_EXPECT, OK, accept_404=True) == named("L7OK", 200)


def test_a_body_that_has_not_come_is_waited_for() -> None:
    exchange = Exchange(Round(Connect(), Send(), [], [text("later")]), b"")
    assert exchange.step(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nsoo") is None
    assert exchange.timeout() == named("L7TOUT")
    assert exchange.step(b"later") == named("L7OK", 200)


def test_several_expectations_hold_together() -> None:
    exchange = Exchange(Round(Connect(), Send(), [], [status("200"), text("hello")]), b"")
    assert exchange.step(OK) == named("L7OK", 200)
    exchange = Exchange(Round(Connect(), Send(), [], [status("200"), text("zap")]), b"")
    assert exchange.step(OK) == named("L7RSP", 200, NOT_FOUND)


def test_a_reply_to_head_has_no_body() -> None:
    exchange = Exchange(Round(Connect(), Send(method="HEAD"), [], [DEFAULT_EXPECT]), b"")
    assert exchange.step(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n") == named("L7OK", 200)


def test_no_more_than_a_buffer_is_looked_at() -> None:
    exchange = Exchange(Round(Connect(), Send(), [], [text("end")]), b"", max_bytes=1000)
    finding = exchange.step(b"HTTP/1.1 200 OK\r\ncontent-length: 5003\r\n\r\n" + b"x" * 2000)
    assert finding == named("L7RSP", 200, NOT_FOUND)


@given(st.binary(max_size=200), st.sampled_from(list(CASES)))
def test_any_bytes_give_a_finding(reply: bytes, case: str) -> None:
    """Invariant: whatever a server says, the check ends with its connection and raises nothing."""
    expect = CASES[case][0]
    assert isinstance(judge(expect, reply), Finding)
    assert isinstance(judge(expect, b"HTTP/1.1 200 OK\r\n" + reply), Finding)


REQUESTS = {
    "bare": (Send(), "", b"OPTIONS / HTTP/1.0\r\n\r\n"),
    "uri": (Send(uri="/x"), "", b"OPTIONS /x HTTP/1.0\r\n\r\n"),
    "1.1 closes": (Send("GET", "/x", "HTTP/1.1"), "", b"GET /x HTTP/1.1\r\nconnection: close\r\n\r\n"),
    "fields": (
        Send("GET", "/x", "HTTP/1.1", (("Host", "foo"), ("A", "B"))), "",
        b"GET /x HTTP/1.1\r\nhost: foo\r\na: B\r\nconnection: close\r\n\r\n"),
    "a body": (
        Send("GET", "/x", "HTTP/1.1", (("host", "foo"),), "hello"), "UP 1/3",
        b"GET /x HTTP/1.1\r\nhost: foo\r\nx-haproxy-server-state: UP 1/3\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello"),
    "no body of a POST": (Send("POST", "/"), "", b"POST / HTTP/1.0\r\ncontent-length: 0\r\n\r\n"),
    "its own connection": (
        Send("HEAD", "/x", "", (("Host", "f"), ("Connection", "keep-alive"))), "",
        b"HEAD /x HTTP/1.0\r\nhost: f\r\nconnection: keep-alive\r\n\r\n"),
    "framing is ours": (
        Send("POST", "/p", "", (("Content-Length", "77"), ("X-Y", "1")), "hello"), "",
        b"POST /p HTTP/1.0\r\nx-y: 1\r\ncontent-length: 5\r\n\r\nhello"),
    "host names the authority": (
        Send("GET", "http://foo.example/bar", "HTTP/1.1", (("host", "zap"),)), "",
        b"GET http://zap/bar HTTP/1.1\r\nhost: zap\r\nconnection: close\r\n\r\n"),
}  # fmt: skip


@pytest.mark.parametrize("case", list(REQUESTS))
def test_requests(case: str) -> None:
    send, state, wanted = REQUESTS[case]
    assert request_bytes(send, state) == wanted
