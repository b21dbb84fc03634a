"""A server without an address of its own (0.0.0.0, *, ::) is where the client was going (manual 5.2, server)."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, lacking_oracle, pyhaproxy

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle() or "has an oracle")
CONFIG = """\
defaults
  mode {mode}
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend f
  bind *:{port}
  default_backend b
backend b
  http-reuse always
  server s {server}
"""
HOSTS = ("127.0.0.2", "127.0.0.3", "127.0.0.2")


@contextlib.contextmanager
def somewhere(port: int) -> Iterator[None]:
    """Servers at two addresses, which say where they are."""
    doors = [socket.create_server((host, port)) for host in sorted(set(HOSTS))]

    def serve(door: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=door.accept()[:1], daemon=True).start()

    def answer(sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            while sock.recv(65536):
                text = sock.getsockname()[0].encode()
                sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(text), text))

    for door in doors:
        threading.Thread(target=serve, args=(door,), daemon=True).start()
    yield
    for door in doors:
        door.shutdown(socket.SHUT_RDWR)
        door.close()


def found(product: Product, mode: str, server: str) -> list[bytes]:
    """Which address answered a client of each host."""
    with Reservation() as ports:
        port, back = ports.take(), ports.take()
        with somewhere(back):
            text = CONFIG.format(mode=mode, port=port, server=server.format(back=back))
            with product.start(text, [port]):
                return [asked(host, port) for host in HOSTS]


def asked(host: str, port: int) -> bytes:
    with socket.create_connection((host, port), 10) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        return sock.recv(65536).partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("server", ["0.0.0.0:{back}", "*:{back}"])
@pytest.mark.parametrize("mode", ["tcp", "http"])
def test_where_the_client_was_going(mode: str, server: str) -> None:
    theirs, ours = (found(product, mode, server) for product in (haproxy26(), pyhaproxy()))
    assert ours == theirs == [host.encode() for host in HOSTS]
