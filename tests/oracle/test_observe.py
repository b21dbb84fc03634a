"""observe, on-error, on-marked-down and on-marked-up beside the real haproxy: the same requests, the same sentences."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, lacking_oracle, pyhaproxy
from tests.oracle.test_server_life import Farm

pytestmark = [pytest.mark.timeout(60), pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())]
HEAD = """global
 nbthread 1
 stats socket {folder}/sock level admin
defaults
 mode http
 timeout client 60s
 timeout server 20s
 timeout connect 20s
 retries 0
"""
MODES = {
    "mark-down": ("observe layer7 error-limit 3 on-error mark-down", ["500", "500", "404", "500", "503", "500", "500"]),
    "fail-check": ("observe layer7 error-limit 3", ["500"] * 5),
    "sudden-death": ("observe layer7 error-limit 2 on-error sudden-death", ["501", "505", "500", "502", "500"]),
    "fastinter": ("observe layer7 error-limit 2 on-error fastinter", ["500"] * 3),
    "bad head": ("observe layer7 error-limit 1 on-error mark-down", ["bad"]),
    "silence": ("observe layer7 error-limit 1 on-error mark-down", ["slow"]),
    "closed": ("observe layer7 error-limit 1 on-error mark-down", ["close"]),
    "refused": ("observe layer7 error-limit 1 on-error mark-down", ["200"]),
    "layer4 sees no status": ("observe layer4 error-limit 1 on-error mark-down", ["500", "bad"]),
    "layer4 refused": ("observe layer4 error-limit 1 on-error mark-down", ["200"]),
    "ends with its server": ("on-marked-down shutdown-sessions", ["held"]),
}


@contextmanager
def origin(port: int) -> Iterator[threading.Semaphore]:
    """Answers `/CODE` with that status; bad, slow, held, close as they say. Yields what counts those that are held."""
    held = threading.Semaphore(0)
    sock = socket.create_server(("127.0.0.1", port), reuse_port=True)

    def one(conn: socket.socket) -> None:
        with conn, contextlib.suppress(ConnectionError):  # a check leaves with a reset
            asked = re.search(rb"GET /(\w+)", conn.recv(4096))
            word = asked[1] if asked else b""
            if re.fullmatch(rb"[0-9]+", word):
                conn.sendall(b"HTTP/1.1 " + word + b" X\r\ncontent-length: 0\r\n\r\n")
            elif word == b"bad":
                conn.sendall(b"garbage\r\n\r\n")
            elif word in (b"slow", b"held"):
                if word == b"held":
                    held.release()
                conn.recv(1)  # until the proxy has had enough

    def serve() -> None:
        while True:
            try:
                conn = sock.accept()[0]
            except OSError:
                return
            threading.Thread(target=one, args=(conn,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield held
    finally:
        sock.shutdown(socket.SHUT_RDWR)
        sock.close()


def status_of(port: int, word: str) -> bytes:
    """The status line that a request gets."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.settimeout(30)
        sock.sendall(f"GET /{word} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: sock.recv(4096), b""))[:12]


def ended(port: int, farm: Farm, server: str, held: threading.Semaphore) -> bytes:
    """What a request gets whose server is said to be down while it works."""
    with ThreadPoolExecutor(1) as pool:
        status = pool.submit(status_of, port, "held")
        assert held.acquire(timeout=20)
        farm.ask(f"set server {server} health down")
        return status.result()


def until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def play(
    product: Product, folder: Path, fronts: dict[str, int], up: int, dead: int, held: threading.Semaphore, paces: list[int]
) -> tuple[list[bytes], list[str]]:
    """Every mode's requests. paces: after each, how many sentences to wait for; an empty list is filled with how many there were.

    Returns: the statuses; the sentences, sessions masked.
    """
    awaited = iter(paces[:])
    folder.mkdir()
    text = HEAD.format(folder=folder)
    for at, (name, (words, _)) in enumerate(MODES.items()):
        where = dead if "refused" in name else up
        text += f"listen l{at}\n bind 127.0.0.1:{fronts[name]}\n server s 127.0.0.1:{where} check port {up} inter 600s {words}\n"
        text += " timeout server 300ms\n" if "slow" in MODES[name][1] else ""
    found: list[bytes] = []
    with product.start(text, list(fronts.values())) as running:
        farm = Farm(running, folder)
        until(lambda: "L4OK" in farm.ask("show stat"), "the first server's check; that of the next is due in a minute")
        for at, (name, (_, requests)) in enumerate(MODES.items()):
            for word in requests:
                if word == "held":
                    found.append(ended(fronts[name], farm, f"l{at}/s", held))
                else:
                    found.append(status_of(fronts[name], word))
                if (least := next(awaited, None)) is None:
                    paces.append(len(farm.said()))
                else:
                    until(lambda least=least: len(farm.said()) >= least, f"sentence {least}")  # type: ignore[misc]
        said = [re.sub(r"\d+ sessions active", "N sessions active", line) for line in farm.said()]
        return found, [line.replace("Close from server (http)", "Read error (http)") for line in said]  # 2.6's word for it


def test_observe(tmp_path: Path) -> None:
    paces: list[int] = []  # HAProxy says it before the request ends, we may be a moment late
    with Reservation() as ports, origin(up := ports.take()) as held:
        dead = ports.take()
        theirs = play(haproxy26(), tmp_path / "theirs", {name: ports.take() for name in MODES}, up, dead, held, paces)
        ours = play(pyhaproxy(), tmp_path / "ours", {name: ports.take() for name in MODES}, up, dead, held, paces)
    assert ours == theirs
    assert len(theirs[1]) > 12
