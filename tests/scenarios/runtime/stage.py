"""A stage for the runtime socket: an origin, a proxy of two workers before it, its sockets."""

from __future__ import annotations

import contextlib
import os
import socket
import socketserver
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.harness.ports import Reservation
from tests.harness.products import Running, pyhaproxy
from tests.harness.runtime_client import ask

CONFIG = """\
global
  nbthread {workers}
  stats socket {folder}/admin level admin
  stats socket {folder}/user level user
  stats timeout {timeout}
  stats maxconn {maxconn}
defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 5s
frontend f
  bind 127.0.0.1:{port}
  default_backend b
backend b
  server s1 127.0.0.1:{origin}
  server s2 127.0.0.1:{origin} disabled
"""
DEADLINE_S = 15.0
HELD_S = 60.0


class Handler(socketserver.StreamRequestHandler):
    """Answers every request; /held once the stage says `let_go`."""

    server: Origin

    def handle(self) -> None:
        while line := self.rfile.readline():
            while self.rfile.readline() not in (b"\r\n", b""):
                pass
            if line.startswith(b"GET /held"):
                self.server.let_go.wait(HELD_S)
            with contextlib.suppress(OSError):
                self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")


class Origin(socketserver.ThreadingTCPServer):
    """A server behind the proxy."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        self.let_go = threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


def fetch(port: int, path: str = "/") -> tuple[int, bytes]:
    """Status and body of one request on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        reply = b""
        while data := sock.recv(65536):
            reply += data
    head, _, body = reply.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@dataclass
class Stage:
    """A running proxy. Times in seconds."""

    running: Running
    folder: Path
    port: int
    origin: Origin
    admin: Path = field(init=False)

    def __post_init__(self) -> None:
        self.admin = self.folder / "admin"

    def ask(self, command: str) -> str:
        """The whole answer to one line, without its last empty line."""
        return ask(self.admin, command).decode().removesuffix("\n")

    def get(self, path: str = "/") -> int:
        """Status of one request on a connection of its own."""
        return fetch(self.port, path)[0]

    def stat(self, name: str, proxy: str, part: str) -> str:
        """One field of `show stat`."""
        lines = self.ask("show stat").lstrip("# ").split("\n")
        head = lines[0].split(",")
        row = next(line.split(",") for line in lines[1:] if line.startswith(f"{proxy},{part},"))
        return row[head.index(name)]

    def workers(self) -> list[int]:
        """Process ids."""
        return [int(pid) for pid in Path(f"/proc/{self.running.pid}/task/{self.running.pid}/children").read_text().split()]

    def server(self) -> int:
        """The worker that serves the runtime socket."""
        line = next(line for line in self.ask("show threads").split("\n") if line.startswith("*"))
        return int(line.split("id=")[1].split()[0])


def until(true: Callable[[], object], what: str) -> None:
    """Wait for a condition."""
    end = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < end, f"timed out waiting for: {what}"
        time.sleep(0.02)


def answers(socket: Path) -> bool:
    """Somebody serves the socket."""
    with contextlib.suppress(OSError):
        return bool(ask(socket, "show version"))
    return False


@contextlib.contextmanager
def stage(
    workers: int = 2, timeout: str = "20s", maxconn: int = 10, flags: tuple[str, ...] = ("-db",), more: str = ""
) -> Iterator[Stage]:
    """Start origin and proxy; the proxy serves with all its workers."""
    origin = Origin()
    threading.Thread(target=origin.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="rt-") as folder, Reservation() as ports:
        port = ports.take()
        text = CONFIG.format(
            workers=workers, folder=folder, timeout=timeout, maxconn=maxconn, port=port, origin=origin.port
        )
        given = tuple(flag.replace("{folder}", folder) for flag in flags)
        with pyhaproxy().start(text + more, [port], given) as running:
            made = Stage(running, Path(folder), port, origin)
            until(lambda: answers(made.admin), "the runtime socket")
            until(lambda: made.ask("show threads").count("Thread") == workers, "all workers")
            try:
                yield made
            finally:
                origin.let_go.set()
                origin.shutdown()
                origin.server_close()


def kill(pid: int) -> None:
    """SIGKILL."""
    os.kill(pid, 9)
