"""What a soft stop does to connections that wait for a request, beside the real haproxy: which are closed, how, and which are served on."""

from __future__ import annotations

import signal
import socket
import time

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, Running, haproxy26, haproxy28, lacking_oracle, pyhaproxy

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle() or "has an oracle")
CONFIG = """\
global
  {spread}
defaults
  mode http
  timeout client 60s
  timeout server 5s
  timeout connect 5s
frontend f
  bind 127.0.0.1:{port}
  {option}
  http-request return status 200
"""
REQUEST = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
EACH = 5
END = b"<end>"


def ask(sock: socket.socket) -> bytes:
    """The answer's first line and whether it says that the connection closes; or how the connection ended without one."""
    try:
        sock.sendall(REQUEST)
        found = sock.recv(65536).lower()
    except OSError:
        return END
    return found.partition(b"\r\n")[0] + (b" close" if b"\r\nconnection: close\r\n" in found else b"") or END


def ends(product: Product, spread: str, option: str, *, wait: bool) -> list[bytes]:
    """Connections that have had a request, then those that have not: what came until the end, or, where none is awaited, the answer
    to one more request."""
    with Reservation() as ports:
        port = ports.take()
        with product.start(CONFIG.format(spread=spread, option=option, port=port), [port]) as running:
            held = [socket.create_connection(("127.0.0.1", port), 20) for _ in range(2 * EACH)]
            try:
                for sock in held[:EACH]:
                    assert b" 200" in ask(sock)
                running.process.send_signal(signal.SIGUSR1)
                until_stopped(running)
                if not (spread or option):
                    assert [sock.recv(1) for sock in held[:EACH]] == [b""] * EACH
                return [sock.recv(65536)[:12] if wait else ask(sock) for sock in held]
            finally:
                for sock in held:
                    sock.close()


def until_stopped(running: Running) -> None:
    """It says that its frontend has stopped."""
    end = time.monotonic() + 20
    while "Proxy f stopped" not in running.stderr():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("option", ["", "option idle-close-on-response"])
@pytest.mark.parametrize("spread", ["", "close-spread-time infinite"])
def test_who_is_served_on(spread: str, option: str) -> None:
    oracle = haproxy28()
    assert not oracle.missing, oracle.missing
    theirs, ours = (ends(product, spread, option, wait=False) for product in (oracle, pyhaproxy()))
    assert ours == theirs


@pytest.mark.parametrize("option", ["", "option idle-close-on-response"])
def test_how_those_end_that_have_some_time(option: str) -> None:
    """Within close-spread-time all end: without a word behind a request, with a 408 before any."""
    theirs, ours = (ends(product, "close-spread-time 1s", option, wait=True) for product in (haproxy26(), pyhaproxy()))
    assert ours == theirs == [b""] * EACH + [b"HTTP/1.1 408"] * EACH
