"""How a soft stop treats connections: grace, close-spread-time; and what `setcap` leaves of root's rights."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.adversity.group import GET, children, poll
from tests.harness.ports import Reservation
from tests.harness.products import Running, pyhaproxy

CONFIG = """
global
    nbthread 1
{extra}
defaults
    mode http
    timeout connect 1s
    timeout client 20s
    timeout server 20s
frontend f
    bind 127.0.0.1:{port}
    http-request return status 200 content-type text/plain string ok
"""


def start(ports: Reservation, extra: str, *flags: str) -> tuple[Running, int]:
    port = ports.take()
    return pyhaproxy().start(CONFIG.format(extra=extra, port=port), [port], ("-db", *flags)), port


def kept(port: int) -> socket.socket:
    """A connection that has had a reply."""
    sock = socket.create_connection(("127.0.0.1", port), 10)
    assert ask(sock).startswith(b"HTTP/1.1 200")
    return sock


def ask(sock: socket.socket) -> bytes:
    """One more request; empty: the connection had ended."""
    sock.sendall(GET)
    found = b""
    while not found.endswith(b"ok"):
        part = sock.recv(4096)
        if not part:
            return found
        found += part
    return found


def is_open(sock: socket.socket) -> bool:
    return not select.select([sock], [], [], 0)[0]


def test_grace_keeps_listening() -> None:
    with Reservation() as ports:
        running, port = start(ports, "    grace 10m")
        with running:
            running.process.send_signal(signal.SIGUSR1)
            for _ in range(50):  # by then it has long noticed
                kept(port).close()


def test_grace_ends() -> None:
    with Reservation() as ports:
        running, _ = start(ports, "    grace 400ms")
        with running:
            began = time.monotonic()
            running.process.send_signal(signal.SIGUSR1)
            assert running.process.wait(20) == 0
            assert time.monotonic() - began >= 0.4


def test_idle_connections_are_closed_one_after_the_other() -> None:
    with Reservation() as ports:
        running, port = start(ports, "    close-spread-time 3s")  # a machine may stand still for a while
        with running:
            held = [kept(port) for _ in range(20)]
            running.process.send_signal(signal.SIGUSR1)
            seen = set()
            end = time.monotonic() + 30
            while running.process.poll() is None and time.monotonic() < end:
                seen.add(sum(map(is_open, held)))
                time.sleep(0.01)
            assert running.process.poll() == 0
            assert len(seen) >= 5, f"closed in {len(seen)} steps: {sorted(seen)}"


def test_an_infinite_spread_closes_nothing() -> None:
    with Reservation() as ports:
        running, port = start(ports, "    close-spread-time infinite")
        with running, kept(port) as sock:
            running.process.send_signal(signal.SIGUSR1)
            poll(lambda: "Proxy f stopped" in running.stderr(), "the soft stop")
            for _ in range(20):
                assert b"connection: close" not in ask(sock)
            sock.close()
            assert running.process.wait(10) == 0


def capabilities(pid: int) -> int:
    found = re.search(r"CapEff:\s+(\w+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1], 16)


@pytest.mark.skipif(os.geteuid() != 0 and os.environ.get("CI") != "true", reason="only root has rights to give up")
@pytest.mark.parametrize(("words", "left"), [("", 0), ("    setcap cap_net_bind_service,cap_net_raw", 1 << 10 | 1 << 13)])
def test_setcap_keeps_what_it_names(words: str, left: int) -> None:
    with Reservation() as ports:
        running, _ = start(ports, f"    uid 65534\n    gid 65534\n{words}", "-W")
        with running:
            poll(lambda: len(children(running.process.pid)) == 1, "a worker")
            (worker,) = children(running.process.pid)
            poll(lambda: f"Uid:\t{65534}" in Path(f"/proc/{worker}/status").read_text(), "another user")
            poll(lambda: capabilities(worker) == left, "the capabilities named")
