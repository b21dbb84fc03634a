"""Dynamic persistence cookies beside the real haproxy: the same server and key give the same cookie, and it is followed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, lacking_oracle, pyhaproxy

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())

CONFIG = """defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
listen l
    bind 127.0.0.1:{port}
    cookie SID insert dynamic
    dynamic-cookie-key {key}
    server s1 127.0.0.1:{server}
    server s2 [::1]:{server} cookie own backup
    server s3 127.0.0.2:{server} weight 0
"""


@pytest.fixture
def server() -> Iterator[int]:
    """A port of any address of this machine where every request is answered with its local address."""
    with socket.create_server(("", 0)) as sock:
        threading.Thread(target=_serve, args=(sock,), daemon=True).start()
        yield int(sock.getsockname()[1])


def _serve(sock: socket.socket) -> None:
    while True:
        try:
            conn, _ = sock.accept()
        except OSError:
            return
        with conn:
            conn.recv(65536)
            body = conn.getsockname()[0].encode()
            conn.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))


def _ask(port: int, cookie: bytes = b"") -> bytes:
    with socket.create_connection(("127.0.0.1", port), 20) as conn:
        conn.sendall(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncookie: SID=" + cookie + b"\r\n\r\n")
        got = b""
        while piece := conn.recv(65536):
            got += piece
        return got


def _answers(product: Product, server: int, key: str, cookies: list[bytes]) -> list[bytes]:
    with Reservation() as ports:
        port = ports.take()
        with product.start(CONFIG.format(port=port, server=server, key=key), [port]):
            return [_ask(port, cookie) for cookie in cookies]


@pytest.mark.parametrize("key", ["secret", "k", "a-key-that-is-longer-than-thirty-two-bytes-all-in-all"])
def test_same_cookies(server: int, key: str) -> None:
    """The cookie of a server differs from HAProxy's, so clients lose their server when one takes over from the other."""
    from backends.dynamic_cookie import dynamic_cookie

    cookies = [b"", dynamic_cookie(key.encode(), "127.0.0.2", server), dynamic_cookie(key.encode(), "127.0.0.1", server), b"0123456789abcdef"]
    theirs = _answers(haproxy26(), server, key, cookies)
    assert theirs[1].endswith(b"127.0.0.2")
    assert _answers(pyhaproxy(), server, key, cookies) == theirs
