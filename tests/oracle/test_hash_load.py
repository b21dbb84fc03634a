"""Hashing in TCP mode with connections that stay: bounded loads, full servers, Remote Desktop cookies, beside the real haproxy."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, lacking_oracle, pyhaproxy

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())

CONFIG = """global
  nbthread 1
defaults
  mode tcp
  timeout client 20s
  timeout server 20s
  timeout connect 5s
  timeout queue 10s
listen l
  bind 127.0.0.1:{front} accept-proxy
  {lines}
"""
PATIENCE = 0.3  # seconds without an answer that mean "it waits"


@dataclass
class Origin:
    """A server that says its name at once and holds the connection as long as the client does."""

    name: str
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0), backlog=200))
    held: list[socket.socket] = field(default_factory=list)

    def start(self) -> int:
        threading.Thread(target=self._serve, daemon=True).start()
        return int(self.listener.getsockname()[1])

    def _serve(self) -> None:
        try:
            while True:
                taken, _ = self.listener.accept()
                self.held.append(taken)
                taken.sendall(self.name.encode() + b"\n")
                threading.Thread(target=self._end, args=(taken,), daemon=True).start()
        except OSError:
            return

    def _end(self, taken: socket.socket) -> None:
        """When the client is gone, so are we."""
        try:
            while taken.recv(1000):
                pass
            taken.close()
        except OSError:
            return

    def stop(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        for each in (self.listener, *self.held):
            each.close()


@contextmanager
def running(product: Product, lines: list[str], servers: list[str]) -> Iterator[int]:
    """The port of a proxy in front of as many origins as there are server options."""
    with ExitStack() as stack, Reservation() as ports:
        front, rows = ports.take(), list(lines)
        for i, words in enumerate(servers, 1):
            origin = Origin(f"s{i}")
            rows.append(f"server s{i} 127.0.0.1:{origin.start()} {words}")
            stack.callback(origin.stop)
        stack.enter_context(product.start(CONFIG.format(front=front, lines="\n  ".join(rows)), [front]))
        yield front


def connect(front: int, address: str, payload: bytes = b"") -> socket.socket:
    client = socket.create_connection(("127.0.0.1", front), 20)
    client.sendall(f"PROXY TCP4 {address} 127.0.0.1 1000 80\r\n".encode() + payload)
    return client


def answer(client: socket.socket, patience: float = 20) -> str:
    """The server's name, or "waits"."""
    client.settimeout(patience)
    try:
        return client.recv(10).decode().strip()
    except TimeoutError:
        return "waits"


def loads(product: Product, lines: list[str], servers: list[str], addresses: list[str]) -> list[str]:
    """Where connections go that all stay open."""
    with ExitStack() as stack, running(product, lines, servers) as front:
        found = []
        for address in addresses:
            client = stack.enter_context(connect(front, address))
            found.append(answer(client))
        return found


@pytest.mark.parametrize("factor", [101, 125, 160, 1000])
@pytest.mark.parametrize("weights", [(1, 1, 1), (1, 3, 2, 50)])
def test_bounded_load(factor: int, weights: tuple[int, ...]) -> None:
    dice = random.Random(factor)
    addresses = [dice.choice(["10.1.2.3", f"10.0.{dice.randrange(256)}.{dice.randrange(256)}"]) for _ in range(50)]
    lines = ["balance source", "hash-type consistent", f"hash-balance-factor {factor}"]
    servers = [f"weight {w}" for w in weights]
    real = loads(haproxy26(), lines, servers, addresses)
    assert loads(pyhaproxy(), lines, servers, addresses) == real
    assert len(set(real)) > 1


def queued(product: Product, method: str) -> list[str]:
    """Servers take one connection each: what becomes of those whose server is full."""
    found = []
    with ExitStack() as stack, running(product, ["balance source", f"hash-type {method}"], ["maxconn 1"] * 3) as front:
        first = stack.enter_context(connect(front, "10.0.0.1"))
        found.append(answer(first))
        second = stack.enter_context(connect(front, "10.0.0.1"))
        found.append(answer(second, PATIENCE))
        others = [stack.enter_context(connect(front, f"10.0.0.{i}")) for i in range(2, 8)]
        found += [answer(each, PATIENCE) for each in others]
        first.close()
        found.append(answer(second))
    return found


@pytest.mark.parametrize("method", ["map-based", "consistent"])
def test_who_is_hashed_to_a_full_server_waits_for_it(method: str) -> None:
    real = queued(haproxy26(), method)
    assert queued(pyhaproxy(), method) == real
    assert real[0] == real[-1] and real[1] == "waits"


def rdp(text: bytes) -> bytes:
    body = b"\xe0\0\0\0\0\0" + text
    return b"\3\0" + (len(body) + 5).to_bytes(2, "big") + bytes([len(body)]) + body


PACKETS = [
    rdp(b"Cookie: mstshash=alice\r\n"), rdp(b"Cookie: mstshash=bob\r\n"), rdp(b"cookie: MSTSHASH=bob\r\n"),
    rdp(b"Cookie: msts=3640205228.15629.0000\r\n"), rdp(b"Cookie: mstshash=\r\n"), rdp(b"Cookie:mstshash=x y\r\n\1\0\10\0"),
    rdp(b"Cookie: mstshash=nolf\r"), rdp(b"Cookie: mstshash\r\n"), rdp(b"\1\0\10\0\3\0\0\0"), b"short", b"",
    rdp(b"Cookie:   mstshash=spaced\r\n"), rdp(b"Cookie: mstshashx=1\r\n"), rdp(b"Cookie: other=1; mstshash=2\r\n"),
]  # fmt: skip


def desktops(product: Product, word: str, method: str) -> list[str]:
    """Each packet twice, and how the turns stand in between."""
    lines = [
        f"balance {word}", f"hash-type {method}", "tcp-request inspect-delay 30ms",
        "tcp-request content accept if { req.rdp_cookie_cnt gt 0 }",
    ]  # fmt: skip
    found = []
    with running(product, lines, ["", "weight 2", "", "weight 3"]) as front:
        for packet in (*PACKETS, *PACKETS):
            with connect(front, "10.0.0.1", packet) as client:
                found.append(answer(client))
    return found


@pytest.mark.parametrize("method", ["map-based", "consistent"])
@pytest.mark.parametrize("word", ["rdp-cookie", "rdp-cookie(msts)"])
def test_rdp_cookie(word: str, method: str) -> None:
    assert desktops(pyhaproxy(), word, method) == desktops(haproxy26(), word, method)
