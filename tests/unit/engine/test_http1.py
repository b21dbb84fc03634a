"""engine.http1 beside h11: the same bytes, accepted or refused alike and framed alike; and the flags of a head."""

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from haproxy_py.engine import message as m
from haproxy_py.engine.http1_reader import (
    BODY_CHUNKED,
    BODY_LENGTH,
    BodyReader,
    HeadReader,
    Refused,
    parse_request,
    parse_response,
)
from haproxy_py.engine.message import Head

# Where the two differ on purpose: (bytes, accepted here, reason). h11 must do the opposite.
DIFFERENCES: list[tuple[bytes, bool, str]] = [
    (b"GET / HTTP/1.1\r\n\r\n", True, "HAProxy passes a 1.1 request without Host"),
    (b"GET  / HTTP/1.1\r\nhost: a\r\n\r\n", True, "several blanks in a start line (RFC 9112 3 allows it)"),
    (b"GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", True, "equal Host fields are merged"),
    (b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 03\r\n\r\n", True, "equal numbers, written differently"),
    (b"GET foo HTTP/1.1\r\nhost: a\r\n\r\n", False, "none of the four target forms"),
    (b"GET /a#b HTTP/1.1\r\nhost: a\r\n\r\n", False, "a fragment is no part of a target"),
    (b"GET http://b/ HTTP/1.1\r\nhost: a\r\n\r\n", False, "target and Host disagree"),
    (b"GET / HTTP/1.1\r\nhost: a/b\r\n\r\n", False, "a path in Host"),
    (b"CONNECT a HTTP/1.1\r\nhost: a\r\n\r\n", False, "CONNECT without a port"),
    (b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", False, "WebSocket without a key"),
]


def ours(data: bytes) -> Head | None:
    """The head, None if it is incomplete; "refused" is an exception."""
    return parse_request(data)


def theirs(data: bytes) -> h11.Request | None:
    """h11's request event, None if it wants more. Raises: h11.RemoteProtocolError."""
    conn = h11.Connection(h11.SERVER)
    conn.receive_data(data)
    event = conn.next_event()
    return event if isinstance(event, h11.Request) else None


def verdict_of_h11(data: bytes) -> bool:
    try:
        return theirs(data) is not None
    except h11.RemoteProtocolError:
        return False


def verdict_of_ours(data: bytes) -> bool:
    try:
        return ours(data) is not None
    except Refused:
        return False


@pytest.mark.parametrize(("data", "accepted", "reason"), DIFFERENCES, ids=[reason for _, _, reason in DIFFERENCES])
def test_differences_from_h11(data: bytes, accepted: bool, reason: str) -> None:
    assert (verdict_of_ours(data), verdict_of_h11(data)) == (accepted, not accepted)


NAMES = st.sampled_from([b"content-length", b"transfer-encoding", b"Content-Length", b"foo", b"X-Bar", b"f!#$o", b"a b", b"", b"caf\xc3\xa9"])
VALUES = st.sampled_from([b"3", b"3, 3", b"3,4", b"-1", b"", b"chunked", b"Chunked", b"gzip", b"chunked, chunked", b"a\tb", b"\xff",
                          b" padded\t", b"a\x00b", b"a\rb"])
METHODS = st.sampled_from([b"GET", b"POST", b"get", b"F-O", b"G@T", b""])
TARGETS = st.sampled_from([b"/", b"/a?b", b"/\xc3", b"/\x01", b"*", b"/a b", b"http://a/x"])
VERSIONS = st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"http/1.1", b"HTTP/1", b"HTTP/1.1 ", b"HTTQ/1.1"])
ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n"])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    lines = [draw(METHODS) + b" " + draw(TARGETS) + b" " + draw(VERSIONS), b"host: a"]
    lines += [draw(NAMES) + b":" + draw(st.sampled_from([b"", b" ", b"  "])) + draw(VALUES) for _ in range(draw(st.integers(0, 3)))]
    end = draw(ENDS)
    return end.join(lines) + end * 2


def lengths_of(head: Head) -> tuple[bool, int]:
    """(chunked, length) as h11 would frame it."""
    flags = head.flag_bits
    return bool(flags & m.HF_CHUNKED), head.length_value if flags & m.HF_LENGTH else 0


def h11_framing(request: h11.Request) -> tuple[bool, int]:
    fields = dict(request.headers)
    if b"transfer-encoding" in fields:
        return True, 0
    return False, int(fields.get(b"content-length", b"0"))


@settings(max_examples=200, deadline=None)
@given(requests())
@example(b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\n")
@example(b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n")
def test_agrees_with_h11(data: bytes) -> None:
    accepted = verdict_of_ours(data)
    assert accepted == verdict_of_h11(data)
    if not accepted:
        return
    head, request = ours(data), theirs(data)
    assert head is not None and request is not None
    assert head.method_name == request.method and head.target_text == request.target
    assert lengths_of(head) == h11_framing(request)
    special = (b"content-length", b"transfer-encoding")
    assert [f for f in head.items() if f[0] not in special] == [f for f in request.headers if f[0] not in special]


@settings(max_examples=60, deadline=None)
@given(requests(), st.data())
def test_any_split_gives_the_same(data: bytes, pick: st.DataObject) -> None:
    cuts = sorted(pick.draw(st.lists(st.integers(0, len(data)), max_size=4)))
    reader = HeadReader()
    result: bytes | None | int = None
    try:
        for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
            if reader.feed(data[start:end]):
                result = reader.head.request_bytes()
    except Refused as fault:
        result = fault.code
    try:
        whole = ours(data)
        assert whole is not None and result == whole.request_bytes()
    except Refused as fault:
        assert result == fault.code


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5), st.data())
def test_chunked_payload_agrees_with_h11(parts: list[bytes], pick: st.DataObject) -> None:
    wire = b"".join(b"%x%b\r\n%b\r\n" % (len(p), pick.draw(st.sampled_from([b"", b";a=b", b" "])), p) for p in parts) + b"0\r\nt: v\r\n\r\n"
    body = BodyReader(BODY_CHUNKED, strip=True)
    step = pick.draw(st.integers(1, len(wire)))
    assert b"".join(body.feed(wire[i:i + step])[0] for i in range(0, len(wire), step)) == b"".join(parts)
    conn = h11.Connection(h11.SERVER)
    conn.receive_data(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n" + wire)
    events = [conn.next_event() for _ in range(len(parts) + 2)]
    assert b"".join(bytes(e.data) for e in events if isinstance(e, h11.Data)) == b"".join(parts)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=50), st.integers(0, 60))
def test_length_takes_no_byte_too_many(data: bytes, length: int) -> None:
    body = BodyReader(BODY_LENGTH, length)
    assert b"".join(body.feed(data)) == data
    assert body.done == (len(data) >= length)


@pytest.mark.parametrize(
    ("fields", "on", "off"),
    [
        (b"connection: close", m.HF_CONN_CLOSE, m.HF_CONN_KEEPALIVE),
        (b"connection: Keep-Alive", m.HF_CONN_KEEPALIVE, m.HF_CONN_CLOSE),
        (b"connection: keep-alive, close", m.HF_CONN_CLOSE, m.HF_CONN_KEEPALIVE),
        (b"connection: foo\r\nconnection: close", m.HF_CONN_CLOSE, m.HF_CONN_UPGRADE),
        (b"expect: 100-Continue", m.HF_EXPECT_100, 0),
        (b"expect: something", 0, m.HF_EXPECT_100),
        (b"connection: upgrade\r\nupgrade: foo", m.HF_CONN_UPGRADE, m.HF_UPGRADE_WEBSOCKET),
        (b"connection: upgrade\r\nupgrade: WebSocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==", m.HF_UPGRADE_WEBSOCKET, 0),
        (b"upgrade: foo", 0, m.HF_CONN_UPGRADE),
        (b"transfer-encoding: chunked", m.HF_CHUNKED, m.HF_MUST_CLOSE),
        (b"transfer-encoding: chunked\r\ncontent-length: 1", m.HF_CHUNKED | m.HF_MUST_CLOSE | m.HF_CONN_CLOSE, m.HF_LENGTH),
        (b"content-length: 0", m.HF_LENGTH, m.HF_CHUNKED),
    ],
)
def test_flags_of_a_request(fields: bytes, on: int, off: int) -> None:
    head = parse_request(b"POST / HTTP/1.1\r\nhost: a\r\n" + fields + b"\r\n\r\n")
    assert head is not None
    assert head.flag_bits & (on | off) == on


def test_coding_in_http_10_is_not_trusted_further() -> None:
    head = parse_request(b"POST / HTTP/1.0\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n")
    assert head is not None and head.http_version == 10
    assert head.flag_bits & (m.HF_MUST_CLOSE | m.HF_CONN_CLOSE | m.HF_CONN_KEEPALIVE) == m.HF_MUST_CLOSE | m.HF_CONN_CLOSE


def test_parts_of_a_response() -> None:
    head = parse_response(b"HTTP/1.1 404 Not Found\r\nContent-Length: 12\r\n\r\n")
    assert head is not None
    assert (head.status_code, head.reason_text, head.length_value, head.http_version) == (404, b"Not Found", 12, 11)


LENIENT: list[tuple[bytes, bytes]] = [  # what `option accept-unsafe-violations-in-http-request` lets through
    (b"GET /\r\n", b"GET / HTTP/1.0\r\n\r\n"),
    (b"GET /a#b\xc3\xa9 HTTP/1.1\r\nhost: a\r\n\r\n", b"GET /a#b\xc3\xa9 HTTP/1.1\r\nhost: a\r\n\r\n"),
    (b"GET foo RTSP/1.1\r\nhost: a\r\n\r\n", b"GET foo HTTP/1.1\r\nhost: a\r\n\r\n"),
    (b"GET http://b/ HTTP/1.1\r\nhost: a\r\n\r\n", b"GET http://b/ HTTP/1.1\r\nhost: a\r\n\r\n"),
    (b"CONNECT a HTTP/1.1\r\nhost: b\r\n\r\n", b"CONNECT a HTTP/1.1\r\nhost: b\r\n\r\n"),
    (b"GET / HTTP/1.1\r\nf\x00o : a\x00b\r\n\r\n", b"GET / HTTP/1.1\r\nf\x00o : a\x00b\r\n\r\n"),
    (b"GET / HTTP/1.1\r\n host: a\r\n\r\n", b"GET / HTTP/1.1\r\n host: a\r\n\r\n"),
]


@pytest.mark.parametrize(("data", "out"), LENIENT, ids=lambda value: repr(value)[:50])
def test_lenient(data: bytes, out: bytes) -> None:
    with pytest.raises(Refused):
        parse_request(data)
    head = parse_request(data, lenient=True)
    assert head is not None and head.request_bytes() == out


@pytest.mark.parametrize("data", [b"GET /\x00 HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nfoo\r\n\r\n", b"GET / HTTP/1.1\r\n: b\r\n\r\n",
                                  b"GET / HTTP/1.1\r\na: b\rc\r\n\r\n", b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
                                  b"GET / HTTP/1.1\r\ncontent-length: x\r\n\r\n"], ids=repr)
def test_lenient_has_limits(data: bytes) -> None:
    with pytest.raises(Refused):
        parse_request(data, lenient=True)


def test_refusal_says_where() -> None:
    with pytest.raises(Refused) as caught:
        parse_request(b"GET / HTTP/1.1\r\na b: c\r\n\r\n")
    assert str(caught.value) == "malformed HTTP/1 message at byte 17 (error -1)"


def test_head_beyond_its_room_is_too_large() -> None:
    reader = HeadReader(size=40)
    assert reader.feed(b"GET / HTTP/1.1\r\n") == 0
    with pytest.raises(Refused) as caught:
        reader.feed(b"a: " + b"b" * 100)
    assert (caught.value.code, caught.value.position) == (-2, 40)


@pytest.mark.parametrize("field", [b"content-length: 2\r\n", b"transfer-encoding: chunked\r\n"])
def test_connect_has_no_body_and_its_connection_is_not_used_again(field: bytes) -> None:
    head = parse_request(b"CONNECT a:443 HTTP/1.1\r\nhost: a\r\n" + field + b"\r\n")
    assert head is not None and head.request_bytes() == b"CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n"
    assert not head.flag_bits & (m.HF_LENGTH | m.HF_CHUNKED)
    assert head.flag_bits & m.HF_MUST_CLOSE


@pytest.mark.parametrize("version", [b"HTTP/0.9", b"HTTP/1.0"])
def test_a_version_below_1_1_leaves_as_it_came(version: bytes) -> None:
    head = parse_response(version + b" 200\r\nfoo: a\r\n\r\n")
    assert head is not None and head.http_version == 10
    assert head.response_bytes() == version + b" 200 OK\r\nfoo: a\r\n\r\n"
    assert head.reason_text == b""
