"""The verdicts of tests.proto.test_h1_heads.py on the real haproxy: the same heads refused, the same bytes passed on.

One haproxy and one server in this process; the server answers with the head it got, or with the raw reply it was told.
DEVIATIONS names every head on which pyhaproxy differs, with the reason; a new one is a fault of one of the two.
"""

import re
import socket
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, haproxy28
from tests.proto.test_h1_heads import CL, REQUESTS, RESPONSES, TE, WS, H, Verdict, get, lowered, ok

SECONDS = 20.0
ORACLES = [product for product in (haproxy26(), haproxy28()) if not product.missing]
OLD = "2.6; newer versions do as we do"

# head -> why; reasons that begin with OLD's text hold for haproxy 2.6 alone.
DEVIATIONS: dict[bytes, str] = {
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n": "haproxy goes on in HTTP/2, which this parser does not speak",
    get(target=b"foo"): "none of the four target forms of RFC 9112 3.2 (2.6 refuses it too)",
    get(target=b"a:80"): "none of the four target forms of RFC 9112 3.2 (2.6 refuses it too)",
    get(target=b"http:/a"): "none of the four target forms of RFC 9112 3.2 (2.6 refuses it too)",
    get(target=b"*x"): "none of the four target forms of RFC 9112 3.2",
    get(target=b"http://a"): OLD,
    **{get(b"host: a" + bad + b"b\r\n"): OLD
       for bad in (b" ", b"\t", b",", b"/", b"?", b"#", b"@", b"\\", b"[", b"]", b"\x80", b"\x01")},
    get(H + b"foo: a\x00b\r\n"): OLD,
    get(H + CL + b"0003\r\n"): OLD,
    get(H + CL + b"000\r\n"): OLD,
    get(H + TE + b"CHUNKED\r\n"): OLD,
    get(H + TE + b",chunked\r\n"): OLD,
    get(H + TE + b"chunked,\r\n"): OLD,
    get(H + b"upgrade: foo\r\n"): OLD,
    get(H + b"connection: upgrade, x\r\nupgrade: h2c, foo\r\n"): OLD,
    get(H + b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AA\r\n"): OLD,
    ok(line=b"HTTP/1.1 200"): OLD,
    ok(line=b"HTTP/1.1 200 "): OLD,
    ok(line=b"HTTP/1.1 777"): OLD,
    **{ok(line=b"HTTP/1.1 " + bad + b" OK"): "a status has three digits, the first at least 1 (RFC 9110 15)"
       for bad in (b"20", b"2000", b"099", b"000")},
    ok(line=b"HTTP/1.1 200 O\x00K"): "no NUL in a reason (RFC 9112 4)",
    ok(b"foo: \x00\r\n"): OLD,
    ok(b"connection: upgrade\r\nupgrade: h2c\r\n"): OLD,
    ok(WS + b"sec-websocket-accept: x\r\n", b"HTTP/1.1 101 Switching"): "nobody asked for it, which the stream finds, not the parser",
}
TWO_SIX_ALONE_AGREES = {get(target=b"foo"), get(target=b"a:80"), get(target=b"http:/a")}


def answer(conn: socket.socket) -> None:
    """Read one head; send the reply it asks for, or the head itself."""
    with conn:
        conn.settimeout(SECONDS)
        head = b""
        while b"\r\n\r\n" not in head:
            piece = conn.recv(65536)
            if not piece:
                return
            head += piece
        head = head[: head.index(b"\r\n\r\n") + 4]
        told = re.search(rb"\r\nx-reply: (\S+)\r\n", head)
        reply = b64decode(told[1]) if told else b"HTTP/1.1 200 Echo\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(head) + head
        conn.sendall(reply)
        conn.shutdown(socket.SHUT_WR)
        while conn.recv(65536):
            pass


def serve(listener: socket.socket) -> None:
    while True:
        try:
            conn, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=quietly, args=(conn,), daemon=True).start()


def quietly(conn: socket.socket) -> None:
    """A peer that goes away is no fault of the server."""
    try:
        answer(conn)
    except OSError:
        conn.close()


@pytest.fixture(scope="module", params=ORACLES, ids=[product.name for product in ORACLES])
def oracle(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """(name, port) of a running haproxy in front of the echo server."""
    product: Product = request.param
    with socket.create_server(("127.0.0.1", 0)) as listener, Reservation() as held:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        port = held.take()
        config = (
            "defaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\n"
            f"frontend f\n  bind 127.0.0.1:{port}\n  default_backend b\n"
            f"backend b\n  server s 127.0.0.1:{listener.getsockname()[1]}\n"
        )
        with product.start(config, [port]):
            yield product.name, port


def exchange(port: int, data: bytes) -> bytes:
    """What comes back for `data` after our end is sent, up to the other end."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as conn:
        conn.sendall(data)
        back = b""
        while True:
            try:
                piece = conn.recv(65536)
            except ConnectionResetError:
                return back
            if not piece:
                return back
            back += piece
            if len(back) > 5 and not back.startswith(b"HTTP/"):     # not HTTP/1: it would stay open
                return back
            head, blank, body = back.partition(b"\r\n\r\n")
            length = re.search(rb"\r\ncontent-length: (\d+)", head)
            if blank and length and len(body) >= int(length[1]):
                return back


def without_connection(head: bytes) -> bytes:
    """A head without its connection fields, which belong to the stream, not to the parser."""
    return re.sub(rb"connection: [^\r]*\r\n", b"", head)


def forwarded(port: int, data: bytes) -> Verdict:
    """The head that reached the server, or the status of the refusal."""
    back = exchange(port, data)
    if back.startswith(b"HTTP/1.1 200 Echo"):
        return without_connection(back.partition(b"\r\n\r\n")[2])
    return back[9:12].decode("latin-1")


def expected(data: bytes, verdict: Verdict) -> Verdict:
    if isinstance(verdict, int):
        return "422" if verdict == -5 else "400"
    return without_connection(lowered(data) if isinstance(verdict, str) else verdict)


def agree(name: str, data: bytes, mine: Verdict, theirs: Verdict) -> None:
    reason = DEVIATIONS.get(data, "")
    differs = bool(reason) and not (reason.startswith(OLD) and name != "haproxy-2.6")
    differs = differs and not (name == "haproxy-2.6" and data in TWO_SIX_ALONE_AGREES)
    assert (mine != theirs) == differs, f"{data!r}: ours {mine!r}, {name} {theirs!r} ({reason})"


@pytest.mark.parametrize(("data", "verdict"), REQUESTS, ids=lambda value: repr(value)[:60])
def test_request(oracle: tuple[str, int], data: bytes, verdict: Verdict) -> None:
    name, port = oracle
    agree(name, data, expected(data, verdict), forwarded(port, data))


@pytest.mark.parametrize(("data", "verdict"), RESPONSES, ids=lambda value: repr(value)[:60])
def test_response(oracle: tuple[str, int], data: bytes, verdict: Verdict) -> None:
    name, port = oracle
    back = exchange(port, b"GET / HTTP/1.0\r\nx-reply: " + b64encode(data) + b"\r\n\r\n")
    theirs: Verdict = "502" if back.startswith(b"HTTP/1.1 502 Bad Gateway\r\n") else without_connection(back)
    if isinstance(theirs, bytes) and theirs.startswith(b"HTTP/1.1 103"):    # a 502 follows: the server has ended
        theirs = theirs[: theirs.index(b"\r\n\r\n") + 4]
    mine = "502" if isinstance(verdict, int) else expected(data, verdict)
    agree(name, data, mine, theirs)
