"""Log aliases of sessions that end in every way, beside the real haproxy: addresses of the server side, signs of the timers, paths."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, lacking_oracle, pyhaproxy

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle() or "-")

CONFIG = """global
  nbthread 1
  log 127.0.0.1:{sink} local0
defaults
  mode http
  log global
  retries 0
  timeout client 20s
  timeout server 20s
  timeout connect 5s
frontend f
  bind 127.0.0.1:{port}
  http-request deny if {{ path /deny }}
  http-request return status 200 if {{ path /return }}
  use_backend dead if {{ path /dead }}
  use_backend none if {{ path /none }}
  log-format "%cp: %ST %ts bi=%bi bp=%bp si=%si sp=%sp bc=%[bc_src]:%[bc_dst] HPO=%HPO Th=%Th Ti=%Ti Tq=%Tq TR=%TR Tw=%Tw Tc=%Tc Tr=%Tr Td=%Td Ta=%Ta Tt=%Tt"
  default_backend b
frontend g
  bind 127.0.0.1:{second}
  option logasap
  capture request header x-a len 40
  http-request return status 200 if {{ path /return }}
  log-format "%cp: %ST B=%B %{{+E}}r %{{+Q,+E}}r %{{+E}}hr %{{+E}}hrl %{{+E,+Q}}hs Ta=%Ta Tt=%Tt Tu=%Tu"
  default_backend b
backend b
  server s1 127.0.0.1:{origin}
backend dead
  server d1 127.0.0.1:{dead}
backend none
"""
TIMER = re.compile(rb"(T\w)=([-+]?)\d+")
ODD = b"GET /%s]\\? HTTP/1.0\r\nx-a: a]b\\c{|}\xe9 \\]\r\n\r\n"  # characters that end or begin something in RFC 5424
HEAD = b" HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
ASKED = {
    "good": b"GET /x?y" + HEAD, "closes": b"GET /close" + HEAD, "refused": b"GET /dead" + HEAD, "denied": b"GET /deny" + HEAD,
    "answered": b"GET /return" + HEAD, "no server": b"GET /none" + HEAD, "not understood": b"\x01\r\n\r\n", "star": b"OPTIONS *" + HEAD,
    "authority": b"CONNECT a:443" + HEAD.replace(b": a", b": a:443"), "absolute": b"GET http://a/p?q" + HEAD,
}  # fmt: skip


class Origin(threading.Thread):
    """Answers every request but those for /close, with the end of the connection behind it."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])

    def run(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                if b"/close" not in client.recv(4000):
                    client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")


class Bench:
    """A running product, its log and its port."""

    def __init__(self, sink: socket.socket, names: dict[bytes, bytes], port: int, second: int) -> None:
        self.sink = sink
        self.names = names
        self.port = port
        self.second = second

    def line(self, client: int) -> bytes:
        """The next line of the client with this port, without header and line end; ports by name."""
        own, text = b"", b""
        while own != b"%d" % client:                  # whoever else knocks at our port is not meant
            own, _, text = self.sink.recv(65000).split(b"]: ", 1)[1].rstrip(b"\n").partition(b": ")
        text = re.sub(rb"bp=\d+", b"bp=PORT", text)
        for number, name in self.names.items():
            text = text.replace(b"=" + number + b" ", b"=" + name + b" ")
        return text

    def exchange(self, request: bytes, port: int = 0) -> bytes:
        with socket.create_connection(("127.0.0.1", port or self.port), 20) as client:
            client.sendall(request)
            own = client.getsockname()[1]
            while client.recv(4000):
                pass
        return TIMER.sub(rb"\1=\2N", self.line(own))


@contextmanager
def running(product: Product) -> Iterator[Bench]:
    origin = Origin()
    with origin.listener, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink, Reservation() as ports:
        origin.start()
        sink.bind(("127.0.0.1", 0))
        sink.settimeout(20)
        port, second, dead = ports.take(), ports.take(), ports.take()
        names = {b"%d" % origin.port: b"ORIGIN", b"%d" % dead: b"DEAD"}
        config = CONFIG.format(sink=sink.getsockname()[1], port=port, second=second, origin=origin.port, dead=dead)
        with product.start(config, [port, second]):
            yield Bench(sink, names, port, second)


def test_the_same_values() -> None:
    with running(haproxy26()) as bench:
        wanted = {name: bench.exchange(request) for name, request in ASKED.items()}
    with running(pyhaproxy()) as bench:
        found = {name: bench.exchange(request) for name, request in ASKED.items()}
    assert found == wanted


def test_escapes_of_captured_text_and_the_plus_of_logasap() -> None:
    found = []
    for product in (haproxy26(), pyhaproxy()):
        with running(product) as bench:
            requests = [ODD % b"", ODD % b"close", ASKED["answered"], ASKED["closes"], ASKED["not understood"]]
            found.append([bench.exchange(request, bench.second) for request in requests])
    assert found[1] == found[0]


@pytest.mark.parametrize("product", [haproxy26(), pyhaproxy()], ids=lambda product: product.name)
def test_the_time_of_a_later_request_begins_where_the_one_before_ended(product: Product) -> None:
    with running(product) as bench, socket.create_connection(("127.0.0.1", bench.port), 20) as client:
        time.sleep(0.5)                               # so that the connection is older than its first request
        lines = []
        for path in (b"/return", b"/deny", b"/\x01"):
            client.sendall(b"GET " + path + b" HTTP/1.1\r\nhost: a\r\n\r\n")
            client.recv(4000)
            lines.append({name: int(value) for name, value in re.findall(rb"(T\w)=(-?\d+)", bench.line(client.getsockname()[1]))})
        first, second, third = lines
        assert first[b"Tt"] >= first[b"Ti"]
        for later in (second, third):
            assert later[b"Th"] == 0 and abs(later[b"Tt"] - later[b"Ti"] - later[b"Ta"]) <= 1, later
        assert second[b"Tq"] == second[b"Ti"] + second[b"TR"]
        assert third[b"Ti"] >= 0 and third[b"Tq"] == third[b"Td"] == -1
