"""Which server a proxy picks: one backend of a running program, a request at a time, or requests that are held."""

from __future__ import annotations

import re
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.harness.ports import Reservation
from tests.harness.products import Product

CONFIG = """global
  nbthread 1
{admin}
defaults
  mode http
  timeout client 20s
  timeout server 20s
  timeout connect 5s
  timeout queue 20s
frontend f
  bind 127.0.0.1:{front}
  default_backend b
backend b
{options}
  http-send-name-header x-name
  http-response set-header x-s %s
{servers}
"""
QUICK = """frontend inner
  bind 127.0.0.1:{inner}
  http-request return status 200
"""
HOLDING = "  option httpclose\n  http-reuse never"
NAME = re.compile(rb"x-s: s([0-9]+)\r\n|HTTP/1.1 (503)")
ASKED = re.compile(rb"x-name: s([0-9]+)\r\n", re.IGNORECASE)
REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
LAST_REQUEST = REQUEST[:-2] + b"connection: close\r\n\r\n"
WAIT_S = 10.0


class Quick:
    """picks() is a row of keep-alive requests, each answered at once."""

    def __init__(self, front: int, admin: Path) -> None:
        self.client = socket.create_connection(("127.0.0.1", front), 10)
        self.front, self.admin, self.held = front, admin, b""

    def picks(self, n: int) -> list[int | None]:
        found: list[int | None] = []
        while len(found) < n:
            self.client.sendall(REQUEST)
            found.append(self._reply())
        return found

    def _reply(self) -> int | None:
        while b"\r\n\r\n" not in self.held:
            self.held += self.client.recv(65536) or b"\r\n\r\n"
        head, _, self.held = self.held.partition(b"\r\n\r\n")
        name = NAME.search(head + b"\r\n")
        assert name is not None, head
        if name[1]:
            return int(name[1])
        self.client.close()
        self.client, self.held = socket.create_connection(("127.0.0.1", self.front), 10), b""
        return None

    def command(self, text: str) -> None:
        command(self.admin, text)


class Holding:
    """take() sends a request that stays with its server until free()."""

    def __init__(self, front: int, admin: Path, origin: socket.socket, talks: bool) -> None:
        self.front, self.admin, self.origin, self.talks = front, admin, origin, talks
        self.pairs: list[tuple[int, socket.socket, socket.socket]] = []

    def send(self) -> socket.socket:
        """A request, whoever will get it."""
        client = socket.create_connection(("127.0.0.1", self.front), WAIT_S)
        client.sendall(LAST_REQUEST)
        return client

    def arrived(self, client: socket.socket) -> int:
        """The server that a request has reached by now."""
        self.origin.settimeout(WAIT_S)
        server, _ = self.origin.accept()
        head = b""
        while b"\r\n\r\n" not in head:
            head += server.recv(65536)
        name = ASKED.search(head)
        assert name is not None, head
        self.pairs.append((int(name[1]), client, server))
        return int(name[1])

    def take(self) -> int:
        return self.arrived(self.send())

    def free(self, at: int) -> int:
        """End the held request number `at`, in the order of take(). Returns: its server."""
        i, client, server = self.pairs.pop(at)
        server.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        server.close()
        while client.recv(65536):
            pass
        client.close()
        self._settled()
        return i

    def _settled(self) -> None:
        """Until the program has counted the end of the request."""
        end = time.monotonic() + WAIT_S
        while self.talks and self.sessions() > len(self.pairs):
            assert time.monotonic() < end

    def sessions(self) -> int:
        rows = [row.split(",") for row in ask(self.admin, "show stat b 2 -1").split("\n")]
        return int(rows[1][4])

    def command(self, text: str) -> None:
        command(self.admin, text)

    def close(self) -> None:
        for _, client, server in self.pairs:
            client.close()
            server.close()


def ask(admin: Path, text: str) -> str:
    """The answer to a runtime command."""
    end = time.monotonic() + WAIT_S
    while not admin.exists() and time.monotonic() < end:
        time.sleep(0.002)  # it appears a moment after the ports
    with socket.socket(socket.AF_UNIX) as talk:
        talk.connect(str(admin))
        talk.sendall(text.encode() + b"\n")
        answer = b""
        while got := talk.recv(65536):
            answer += got
    return answer.decode()


def command(admin: Path, text: str) -> None:
    """A runtime command that has nothing to say."""
    assert ask(admin, text).strip() == "", text


def server_lines(port: int, words: Sequence[str]) -> str:
    return "\n".join(f"  server s{i} 127.0.0.1:{port} {word}" for i, word in enumerate(words))


@contextmanager
def quick(product: Product, words: Sequence[str], options: str, talks: bool = True) -> Iterator[Quick]:
    """A backend of servers s0, s1, ... that answer at once. words: what stands behind the address of each."""
    with tempfile.TemporaryDirectory(prefix="pick-") as folder, Reservation() as ports:
        front, inner, admin = ports.take(), ports.take(), Path(folder, "admin")
        socket_line = f"  stats socket {admin} level admin" if talks else ""
        text = CONFIG.format(admin=socket_line, front=front, options=options, servers=server_lines(inner, words))
        with product.start(text + QUICK.format(inner=inner), [front, inner]):
            made = Quick(front, admin)
            yield made
            made.client.close()


@contextmanager
def holding(product: Product, words: Sequence[str], options: str, talks: bool = True) -> Iterator[Holding]:
    """The same with servers that hold their requests. talks: the program has a runtime socket."""
    with tempfile.TemporaryDirectory(prefix="pick-") as folder, Reservation() as ports, socket.socket() as origin:
        front, admin = ports.take(), Path(folder, "admin")
        origin.bind(("127.0.0.1", 0))
        origin.listen(200)
        servers = server_lines(origin.getsockname()[1], words)
        socket_line = f"  stats socket {admin} level admin" if talks else ""
        text = CONFIG.format(admin=socket_line, front=front, options=f"{options}\n{HOLDING}", servers=servers)
        with product.start(text, [front]):
            made = Holding(front, admin, origin, talks)
            yield made
            made.close()
