"""`show errors` beside the real haproxy: which messages are kept, for whom, and how they are dumped."""

from __future__ import annotations

import contextlib
import re
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adversity.group import poll
from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, lacking_oracle, pyhaproxy
from tests.harness.runtime_client import ask

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle() or "-")

CONFIG = """
global
    nbthread 1
    stats socket {folder}/admin level admin
defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
frontend fe
    bind 127.0.0.1:{one}
    default_backend be
frontend fq
    bind 127.0.0.1:{two}
    default_backend be
backend be
    server s1 127.0.0.1:{server}
"""
# (which frontend, bytes): every one is refused
REQUESTS = (
    (0, b"GET / HTTP/1.1\r\nhost: a\r\nfoo bar: x\r\nlong: " + b"y" * 150 + b"\r\nesc: \t\\\x7f\xe9\r\n\r\n"),
    (1, b"GET / HTTP/1.1\r\nhost: a\r\n\x01: x\r\n\r\nbody"),
    (0, b"G@T / HTTP/1.1\r\nhost: a\r\n\r\n"),
)
REPLY = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nbad header\x01: x\r\n\r\n"
ASKED = (
    "", " be", " fe", " fe request", " fe response", " be response", " be request", " request", " foo", " fe foo", " -1", " 999",
    " fq request",
)  # fmt: skip
HIDDEN = (
    (rb"\[\d\d/\w{3}/\d{4}:[\d:.]+\]", b"[DATE]"), (rb"src 127.0.0.1:\d+", b"src SRC"), (rb"\(#\d+\): invalid", b"(#ID): invalid"),
    (rb"frontend fe \(#\d+\), server", b"frontend fe (#ID), server"), (rb"0x[0-9a-f]{8}", b"FLAGS"), (rb"MSG_\w+\(\d+\)", b"STATE"),
)  # fmt: skip


@contextlib.contextmanager
def silly_server() -> Iterator[int]:
    """Answers every request with a head that is none."""
    with socket.create_server(("127.0.0.1", 0)) as sock:

        def run() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with sock.accept()[0] as client:
                        client.recv(4096)
                        client.sendall(REPLY)
                        client.recv(4096)

        threading.Thread(target=run, daemon=True).start()
        yield sock.getsockname()[1]
        sock.shutdown(socket.SHUT_RDWR)


def refused(port: int, data: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), 20) as sock:
        sock.sendall(data)
        assert sock.recv(4096).startswith(b"HTTP/1.1 " + status)


def told(product: Product) -> dict[str, bytes]:
    """What each question is answered, without what differs from run to run."""
    found: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory(prefix="err-") as folder, Reservation() as ports, silly_server() as server:
        doors = ports.take(), ports.take()
        text = CONFIG.format(folder=folder, one=doors[0], two=doors[1], server=server)
        with product.start(text, doors):
            path = Path(folder, "admin")
            poll(path.exists, "the runtime socket")
            found["none"] = ask(path, "show errors")
            for which, data in REQUESTS:
                refused(doors[which], data, b"400")
            found["requests"] = ask(path, "show errors")
            refused(doors[0], b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"502")
            for words in ASKED:
                found["show errors" + words] = ask(path, "show errors" + words)
    for name, said in found.items():
        for pattern, word in HIDDEN:
            said = re.sub(pattern, word, said)
        found[name] = said.rstrip(b"\n")
    return found


def test_faults_are_dumped_as_by_haproxy() -> None:
    ours, theirs = told(pyhaproxy()), told(haproxy26())
    for name, said in theirs.items():
        assert ours[name] == said, name
    assert b"event #3" in ours["show errors"] and b"yyyyy" not in ours["show errors"]
    assert ours["show errors"].count(b"invalid ") == 3
