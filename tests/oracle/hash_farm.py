"""Many backends in one proxy: a request names its backend, the reply names the server that was chosen for it."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.harness.ports import Reservation
from tests.harness.products import Product

HEAD = """global
  nbthread 1
  stats socket {admin} level admin
defaults
  mode http
  timeout client 20s
  timeout server 20s
  timeout connect 5s
frontend f
  bind 127.0.0.1:{front}
  http-response set-header x-s %s
  use_backend %[req.hdr(x-b)]
frontend p
  bind 127.0.0.1:{proxied} accept-proxy
  http-response set-header x-s %s
  use_backend %[req.hdr(x-b)]
frontend inner
  bind 127.0.0.1:{inner}
  http-request return status 200
"""
BATCH = 64
LENGTH = re.compile(rb"content-length: ([0-9]+)", re.IGNORECASE)
NAME = re.compile(rb"\r\nx-s: ([^\r]*)\r\n|^HTTP/1.1 ([45][0-9]{2})")


@dataclass(frozen=True)
class Servers:
    """The server lines of a backend; `{at}` stands for the address."""

    name: str
    lines: tuple[str, ...]
    option: str = ""

    def text(self, inner: int) -> str:
        rows = [self.option] if self.option else []
        rows += [f"server s{i} {line.format(at=f'127.0.0.1:{inner}')}" for i, line in enumerate(self.lines, 1)]
        return "".join(f"  {row}\n" for row in rows)


def backend(name: str, words: Sequence[str], servers: Servers) -> tuple[str, Sequence[str], Servers]:
    return name, words, servers


@dataclass(frozen=True)
class Farm:
    """A running proxy."""

    front: int
    proxied: int
    admin: str

    def picks(self, requests: Sequence[bytes]) -> list[str]:
        """The server of each request, or the status of an error page; one connection, many requests under way."""
        return list(self._picks(requests))

    def _picks(self, requests: Sequence[bytes]) -> Iterator[str]:
        client = socket.create_connection(("127.0.0.1", self.front), 10)
        for at in range(0, len(requests), BATCH):
            batch = requests[at : at + BATCH]
            client.sendall(b"".join(batch))
            held = b""
            for _ in batch:
                while b"\r\n\r\n" not in held:
                    more = client.recv(1 << 20)
                    assert more, "the proxy closed the connection"
                    held += more
                head, _, held = held.partition(b"\r\n\r\n")
                yield named(head)
                size = LENGTH.search(head)
                body = int(size[1]) if size else 0
                while len(held) < body:
                    held += client.recv(1 << 20)
                held = held[body:]
        client.close()

    def pick_from(self, address: str, request: bytes) -> str:
        """The server of a client at `address`."""
        kind, other = ("TCP6", "::1") if ":" in address else ("TCP4", "127.0.0.1")
        with socket.create_connection(("127.0.0.1", self.proxied), 10) as client:
            client.sendall(f"PROXY {kind} {address} {other} 1000 80\r\n".encode() + request)
            held = b""
            while b"\r\n\r\n" not in held:
                more = client.recv(65536)
                if not more:
                    return "closed"
                held += more
        return named(held.partition(b"\r\n\r\n")[0])

    def command(self, text: str) -> None:
        """Tell the runtime socket; it must not complain."""
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(self.admin)
            admin.sendall(text.encode() + b"\n")
            assert admin.recv(1000).strip() == b"", text


def named(head: bytes) -> str:
    found = NAME.search(head + b"\r\n")
    assert found is not None, head
    return (found[1] or found[2]).decode()


@contextmanager
def farm(product: Product, backends: Sequence[tuple[str, Sequence[str], Servers]], folder: str) -> Iterator[Farm]:
    """Run `product` with these backends: (name, lines, servers)."""
    with Reservation() as ports:
        front, proxied, inner, admin = ports.take(), ports.take(), ports.take(), f"{folder}/{product.name}.sock"
        text = HEAD.format(front=front, proxied=proxied, inner=inner, admin=admin)
        for name, lines, servers in backends:
            text += f"backend {name}\n" + "".join(f"  {line}\n" for line in lines) + servers.text(inner)
        with product.start(text, [front, proxied, inner]):
            yield Farm(front, proxied, admin)
