"""Checks over TLS of good and bad servers, and where checks come from, beside the real haproxy: states, findings, words, and what each server was asked for.

Every case is a server of its own in one backend; a case ends when its first check has been judged.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness.certs import Authority
from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, lacking_oracle, pyhaproxy
from tests.harness.runtime_client import ask

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle() or "has an oracle")

TEN_S = 10.0
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
Seen = list[tuple[object, ...]]
Serve = Callable[["Peer", socket.socket], None]


@dataclass
class Peer:
    """A scripted server. seen: what was asked of it, per connection."""

    serve: Serve
    folder: Path

    def __post_init__(self) -> None:
        self.seen: Seen = []
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.sock.getsockname()[1])
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                client, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(client,), daemon=True).start()

    def _one(self, client: socket.socket) -> None:
        client.settimeout(TEN_S)
        with client, contextlib.suppress(OSError):
            self.serve(self, client)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


def tls(bundle: str = "good", *alpn: str, ahead: int = 0) -> Serve:
    """Certificate and protocols of a server that answers; ahead: bytes that come before TLS."""

    def serve(peer: Peer, client: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(peer.folder / f"{bundle}.pem")
        names: list[str | None] = []
        context.sni_callback = lambda _s, name, _c: names.append(name)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        first = client.recv(ahead, socket.MSG_WAITALL) if ahead else b""
        with context.wrap_socket(client, server_side=True) as wrapped:
            asked = wrapped.recv(4096)
            peer.seen.append((first, names, wrapped.selected_alpn_protocol(), asked))
            wrapped.sendall(OK)
            wrapped.unwrap()

    return serve


def plain(peer: Peer, client: socket.socket) -> None:
    client.recv(4096)
    client.sendall(OK)


def begins(peer: Peer, client: socket.socket) -> None:
    """Tells how what it gets begins."""
    peer.seen.append((client.recv(4096)[:5],))
    client.sendall(OK)


def closes(peer: Peer, client: socket.socket) -> None:
    client.recv(65536)


def stalls(peer: Peer, client: socket.socket) -> None:
    while client.recv(65536):
        pass


R = "check-ssl verify required ca-file ca.pem"
CASES: list[tuple[Serve, str]] = [
    (tls(), R), (tls("other"), R), (tls("other"), "check-ssl verify none"), (tls("expired"), R),
    (tls(), f"{R} verifyhost a.test"), (tls(), f"{R} verifyhost b.test"), (tls(), f"{R} verifyhost x.w.test"),
    (tls(), f"{R} verifyhost x.y.w.test"), (tls(), f"{R} check-sni a.test"), (tls(), f"{R} check-sni b.test"),
    (tls(), f"{R} check-sni b.test verifyhost a.test"), (tls(), f"{R} check-sni a.test verifyhost b.test"),
    (tls(), "check-ssl verify none check-sni other.test"), (tls(), f"{R} ssl sni str(a.test)"),
    (tls("good", "http/1.1"), f"{R} check-alpn http/1.1"), (tls("good", "spdy"), f"{R} check-alpn http/1.1"),
    (tls("good", "http/1.1"), f"{R} check-alpn http/1.0,http/1.1"), (tls("good", "http/1.1"), f"{R} ssl alpn http/1.1"),
    (tls("good", "http/1.1"), f"{R} alpn http/1.1"), (tls(), "ssl verify none"),
    (tls("good", ahead=16), f"{R} check-send-proxy send-proxy-v2"), (plain, R), (closes, R), (stalls, R),
    (closes, "source 192.0.2.1 verify none"), (begins, "send-proxy verify none"), (begins, "send-proxy no-check-send-proxy verify none"),
]  # fmt: skip
KINDS = {
    "http": ("mode http", "option httpchk"),
    "script": ("mode tcp", "option tcp-check\n tcp-check connect ssl\n tcp-check send GET\n tcp-check expect string HTTP"),
    "default": ("mode tcp", "option tcp-check\n tcp-check connect default\n tcp-check send GET\n tcp-check expect string HTTP"),
}


def config(folder: str, port: int, kind: str, peers: list[Peer]) -> str:
    mode, script = KINDS[kind]
    lines = [
        f"global\n stats socket {folder}/s level admin\n ca-base {folder}\n crt-base {folder}\n max-spread-checks 200ms",
        f"defaults\n {mode}\n timeout client 5s\n timeout server 5s\n timeout connect 2s\n timeout check 2s",
        f"frontend f\n bind 127.0.0.1:{port}\n default_backend b\nbackend b\n {script}",
    ]
    for i, (peer, (_, words)) in enumerate(zip(peers, CASES, strict=True)):
        lines.append(f" server s{i} 127.0.0.1:{peer.port} check inter 1m fastinter 1m downinter 1m fall 1 {words}")
    return "\n".join(lines) + "\n"


def run(product: Product, kind: str) -> list[tuple[object, ...]]:
    """Words of the case, what was found, what the server saw."""
    with tempfile.TemporaryDirectory(prefix="tls-") as name, Reservation() as ports:
        folder, port = Path(name), ports.take()
        ours, others = Authority.new(), Authority.new("Other CA")
        (folder / "ca.pem").write_bytes(ours.pem)
        (folder / "good.pem").write_bytes(ours.issue("a.test", "*.w.test").bundle)
        (folder / "other.pem").write_bytes(others.issue("a.test").bundle)
        (folder / "expired.pem").write_bytes(ours.issue("a.test", expired=True).bundle)
        peers = [Peer(serve, folder) for serve, _ in CASES]
        try:
            with product.start(config(name, port, kind, peers), [port]):
                rows = _judged(f"{name}/s")
        finally:
            for peer in peers:
                peer.close()
        return [
            (words, *(row[each] for each in ("status", "check_status", "check_code")), _words_of(row), peer.seen[:1])
            for row, peer, (_, words) in zip(rows, peers, CASES, strict=True)
        ]


def _words_of(row: dict[str, str]) -> str:
    """last_chk, without the error of whatever system call HAProxy made before a handshake failed, which it sometimes adds."""
    return re.sub(r" \([A-Z][a-z ]+\)", "", row["last_chk"]) if row["check_status"] == "L6RSP" else row["last_chk"]


def _judged(path: str) -> list[dict[str, str]]:
    end = time.monotonic() + 30.0
    while True:
        table = csv.DictReader(io.StringIO(ask(path, "show stat").decode()))
        rows = [row for row in table if row["# pxname"] == "b" and row["svname"] != "BACKEND"]
        if all(row["check_status"] not in ("INI", "") and row["check_status"][0] != "*" for row in rows):
            return rows
        assert time.monotonic() < end, [(row["svname"], row["check_status"]) for row in rows]
        time.sleep(0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_as_haproxy(kind: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        theirs, ours = pool.map(lambda product: run(product, kind), (haproxy26(), pyhaproxy()))
    assert [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]] == []
