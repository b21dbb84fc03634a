"""A server that takes TLS and plain connections at one port and answers which it was: `T` or `P`, and the connection's number."""

from __future__ import annotations

import contextlib
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.harness.certs import Authority

HANDSHAKE = b"\x16"


@dataclass
class EitherWay:
    """asked: (kind, path) of every request so far."""

    listener: socket.socket
    context: ssl.SSLContext
    asked: list[tuple[str, str]] = field(default_factory=list)
    connections: int = 0

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def serve(self) -> None:
        """Until the listener is closed."""
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._one, args=(sock, self.connections), daemon=True).start()

    def _one(self, sock: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(sock.close)
            tls = sock.recv(1, socket.MSG_PEEK) == HANDSHAKE
            if tls:
                sock = self.context.wrap_socket(sock, server_side=True)
                stack.callback(sock.close)
            self._requests(sock, "T" if tls else "P", number)

    def _requests(self, sock: socket.socket, kind: str, number: int) -> None:
        kept = b""
        while data := sock.recv(65536):
            kept += data
            while b"\r\n\r\n" in kept:
                head, _, kept = kept.partition(b"\r\n\r\n")
                self.asked.append((kind, head.split()[1].decode()))
                body = f"{kind}{number}".encode()
                sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)


@contextlib.contextmanager
def either_way() -> Iterator[EitherWay]:
    """One at a port of the kernel's choice."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile(suffix=".pem") as pem:
        pem.write(Authority.new().issue("localhost").bundle)
        pem.flush()
        context.load_cert_chain(pem.name)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        made = EitherWay(listener, context)
        threading.Thread(target=made.serve, daemon=True).start()
        yield made
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
