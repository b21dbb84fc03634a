"""Chunked coding: bytes in, payload and forwarded bytes out, or a refusal; whole, byte by byte, with bytes behind."""

import pytest

from haproxy_py.engine.http1_reader import (
    BODY_CHUNKED,
    BODY_LENGTH,
    BODY_NONE,
    BODY_TUNNEL,
    BODY_UNTIL_CLOSE,
    BodyReader,
    Refused,
)

LONG = b"x-" + b"n" * 60

GOOD: list[tuple[bytes, bytes]] = [  # received, forwarded
    (b"0\r\n\r\n", b"0\r\n\r\n"),
    (b"3\r\nabc\r\n0\r\n\r\n", b"3\r\nabc\r\n0\r\n\r\n"),
    (b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"),
    (b"003\r\nabc\r\n000\r\n\r\n", b"003\r\nabc\r\n000\r\n\r\n"),
    (b"3 \t\r\nabc\r\n0\r\n\r\n", b"3\r\nabc\r\n0\r\n\r\n"),
    (b"3;name=val\r\nabc\r\n0 ;last\r\n\r\n", b"3\r\nabc\r\n0\r\n\r\n"),
    (b'3;a="q;x"\r\nabc\r\n0\r\n\r\n', b"3\r\nabc\r\n0\r\n\r\n"),
    (b"3\r\n\r\n0\r\n0\r\n\r\n", b"3\r\n\r\n0\r\n0\r\n\r\n"),
    (b"0\r\nX-Trail:yes\r\nB: c d\r\n\r\n", b"0\r\nx-trail:yes\r\nb: c d\r\n\r\n"),
    (b"0\r\n" + LONG.upper() + b": 1\r\n\r\n", b"0\r\n" + LONG + b": 1\r\n\r\n"),
    (b"0\r\nContent-Length: 4\r\nFoo: a\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"0\r\nfoo: a\r\n\r\n"),
    (b"0\r\nProxy-Authorization: x\r\nCookies: y\r\n\r\n", b"0\r\ncookies: y\r\n\r\n"),
]

BAD: list[bytes] = [
    b"\r\n", b" 3\r\n", b"g\r\n", b"-1\r\n", b"+1\r\n", b"0x3\r\n", b"3\nabc", b"3;a\n", b"3;a\rb", b"3 x\r\n", b"3\rabc",
    b"3\r\nabcX", b"3\r\nabc\n", b"3\r\nabc\rX", b"10000000000000\r\n", b"fffffffffffffffff\r\n", b"0" * 17 + b"\r\n",
    b"0\r\nfoo\r\n", b"0\r\nfoo : a\r\n", b"0\r\n: a\r\n", b"0\r\nfoo: a\n", b"0\r\nfoo: a\r\n b\r\n", b"0\r\nfoo: \x00",
    b"0\r\n\n", b"0\r\n\rx", b"0\r\n" + LONG + b"\r\n", b"3;" + b"x" * 20000,
    b"0\r\n" + b"a: b\r\n" * 101, b"0\r\na: " + b"b" * 20000,
]


def feed(body: BodyReader, pieces: list[bytes]) -> tuple[bytes, bytes]:
    """Forwarded bytes, and those behind the end."""
    out = rest = b""
    for piece in pieces:
        kept, behind = body.feed(piece)
        out += kept
        rest += behind if body.done and not rest else b""
    return out, rest


@pytest.mark.parametrize(("data", "forwarded"), GOOD, ids=lambda value: repr(value)[:60])
def test_good(data: bytes, forwarded: bytes) -> None:
    for pieces in ([data], [data[i:i + 1] for i in range(len(data))], *([data[:i], data[i:]] for i in range(len(data)))):
        body = BodyReader(BODY_CHUNKED)
        assert feed(body, pieces) == (forwarded, b"") and body.done


@pytest.mark.parametrize(("data", "forwarded"), GOOD, ids=lambda value: repr(value)[:60])
def test_bytes_behind_belong_to_the_next_message(data: bytes, forwarded: bytes) -> None:
    body = BodyReader(BODY_CHUNKED)
    assert body.feed(data + b"GET / HT") == (forwarded, b"GET / HT")
    assert body.done and body.feed(b"more") == (b"", b"more")


@pytest.mark.parametrize("data", BAD, ids=lambda value: repr(value)[:60])
def test_bad(data: bytes) -> None:
    with pytest.raises(Refused):
        BodyReader(BODY_CHUNKED).feed(data)
    with pytest.raises(Refused):
        feed(BodyReader(BODY_CHUNKED), [data[i:i + 1] for i in range(len(data))])


def test_stripped_of_its_framing() -> None:
    data = b"3;x\r\nabc\r\n2\r\nde\r\n0\r\nfoo: bar\r\n\r\nnext"
    assert BodyReader(BODY_CHUNKED, strip=True).feed(data) == (b"abcde", b"next")
    body = BodyReader(BODY_CHUNKED, strip=True)
    assert feed(body, [data[i:i + 1] for i in range(len(data) - 4)]) == (b"abcde", b"")
    assert body.payload == 5


def test_length() -> None:
    body = BodyReader(BODY_LENGTH, 5)
    assert body.feed(b"abc") == (b"abc", b"") and not body.done
    assert body.feed(b"defgh") == (b"de", b"fgh") and body.done and body.payload == 5
    assert BodyReader(BODY_LENGTH, 0).done


def test_until_close_and_tunnel_never_end_by_themselves() -> None:
    for mode in (BODY_UNTIL_CLOSE, BODY_TUNNEL):
        body = BodyReader(mode)
        assert body.feed(b"0\r\n\r\n") == (b"0\r\n\r\n", b"") and not body.done
    assert BodyReader(BODY_NONE).done
