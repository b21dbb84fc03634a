"""What a reply that goes wrong counts for its server, and for observe, beside the real haproxy: the same rows of show stat."""

from __future__ import annotations

import contextlib
import csv
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, haproxy28, lacking_oracle, pyhaproxy
from tests.harness.runtime_client import ask

pytestmark = [pytest.mark.timeout(90), pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())]
HEAD = """global
 stats socket {folder}/sock level admin
defaults
 timeout client 20s
 timeout server 300ms
 timeout connect 5s
 retries 0
backend first
 server s 127.0.0.1:{up} check inter 3600s
"""
LENGTH = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc"
CHUNKS = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
REPLIES = {
    "empty": b"",
    "half": b"HTTP/1.1 200 OK\r\nconte",
    "badchunk": CHUNKS + b"zz\r\n",
    "interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n",
    "short": LENGTH,
    "shortslow": LENGTH,
    "shortreset": LENGTH,
    "500": b"HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n",
    "200": b"HTTP/1.1 200 X\r\ncontent-length: 0\r\n\r\n",
    "leave": b"some",
    "slow": b"",
    "reset": b"",
}
COUNTS = ("eresp", "srv_abrt", "cli_abrt")
STATE = ("status", "hanafail", "check_status")


@dataclass(frozen=True)
class Cell:
    """One proxy and its requests. haproxy counts the empty and half replies of 2.8 twice: `counts` leaves those out."""

    mode: str
    words: tuple[str, ...]
    counts: bool = True


CELLS = [
    Cell("http", ("half", "half"), counts=False),
    Cell("http", ("badchunk", "badchunk")),
    Cell("http", ("interim", "interim", "interim")),
    Cell("http", ("500", "200", "500", "interim", "500")),
    Cell("http", ("500", "500")),
    Cell("http", ("short", "short")),
    Cell("http", ("shortreset", "shortreset")),
    Cell("http", ("shortslow", "shortslow")),
    Cell("http", ("empty", "empty"), counts=False),
    Cell("tcp", ("slow", "slow")),
    Cell("tcp", ("reset", "reset")),
    Cell("tcp", ("shortreset", "shortslow")),
    Cell("tcp", ("leave", "leave")),
    Cell("tcp", ("500", "empty", "half")),
]


def answer(conn: socket.socket) -> None:
    """The reply that the request's path names, and the end that goes with it."""
    with conn, contextlib.suppress(OSError):
        asked = re.search(rb"GET /(\w+)", conn.recv(4096))
        word = asked[1].decode() if asked else ""
        conn.sendall(REPLIES.get(word, b""))
        if word in ("slow", "shortslow", "leave"):
            conn.settimeout(20)
            conn.recv(1)  # until the proxy leaves
        elif word == "shortreset":
            time.sleep(0.1)  # the data first: a reset throws away what nobody has read
        if word in ("reset", "shortreset"):
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextmanager
def origin(port: int) -> Iterator[None]:
    """A server of REPLIES."""
    sock = socket.create_server(("127.0.0.1", port), reuse_port=True)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(sock.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield
    finally:
        sock.shutdown(socket.SHUT_RDWR)
        sock.close()


def request(port: int, word: str) -> None:
    """Ask, and read to the end; `leave` goes with a reset after the first bytes."""
    with socket.create_connection(("127.0.0.1", port)) as sock, contextlib.suppress(ConnectionError):
        sock.settimeout(20)
        sock.sendall(f"GET /{word} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".encode())
        if word == "leave":
            sock.recv(100)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        while sock.recv(4096):
            pass


def rows(folder: Path, name: str) -> dict[str, dict[str, str]]:
    """The rows of one proxy, by svname."""
    text = ask(folder / "sock", f"show stat {name} -1 -1").decode()
    return {row["svname"]: row for row in csv.DictReader(text.splitlines())}


def idle(folder: Path, name: str, requests: int) -> dict[str, dict[str, str]]:
    """The rows when so many requests have come, none is there any more, and the verdict of observe is out."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = rows(folder, name)
        judged = found["s"]["hanafail"] == "0" or found["s"]["check_status"] == "HANA"
        if (
            judged
            and found["FRONTEND"]["stot"] == str(requests)
            and found["FRONTEND"]["scur"] == found["s"]["scur"] == "0"
        ):
            return found
        time.sleep(0.02)
    raise AssertionError(f"{name}: {found['FRONTEND']}")


def seen(cell: Cell, found: dict[str, dict[str, str]]) -> list[str]:
    """What is compared of a cell's rows."""
    server, back = found["s"], found["BACKEND"]
    return [server[key] for key in STATE] + [row[key] for row in (server, back) for key in COUNTS if cell.counts]


def play(product: Product, folder: Path, up: int, ports: list[int]) -> tuple[list[list[str]], list[str]]:
    """All cells. Returns: states and counters of each; the last_chk of each."""
    folder.mkdir()
    text = HEAD.format(folder=folder, up=up)
    for at, (cell, port) in enumerate(zip(CELLS, ports, strict=True)):
        watch = (
            f"check inter 3600s observe {'layer4' if cell.mode == 'tcp' else 'layer7'} error-limit 2 on-error mark-down"
        )
        text += f"listen c{at}\n mode {cell.mode}\n bind 127.0.0.1:{port}\n server s 127.0.0.1:{up} {watch}\n"
    facts, words = [], []
    with product.start(text, ports):
        for at, (cell, port) in enumerate(zip(CELLS, ports, strict=True)):
            for count, word in enumerate(cell.words, 1):
                request(port, word)
                found = idle(folder, f"c{at}", count)
            facts.append(seen(cell, found))
            words.append(found["s"]["last_chk"])
    return facts, words


def test_observed_replies(tmp_path: Path) -> None:
    newer = haproxy28()
    with Reservation() as ports, origin(up := ports.take()):
        theirs, _ = play(haproxy26(), tmp_path / "theirs", up, [ports.take() for _ in CELLS])
        ours, words = play(pyhaproxy(), tmp_path / "ours", up, [ports.take() for _ in CELLS])
        assert dict(zip(CELLS, ours, strict=True)) == dict(zip(CELLS, theirs, strict=True))
        assert [row[0] for row in ours[:5]] == ["DOWN", "DOWN", "UP 1/3", "DOWN", "DOWN"]
        assert words[0] == "Detected 2 consecutive errors, last one was: Invalid http response (headers)"
        if not newer.missing:
            assert play(newer, tmp_path / "newer", up, [ports.take() for _ in CELLS])[1] == words
