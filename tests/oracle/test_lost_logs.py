"""What cannot be logged, and what a sample leaves out, counted over all workers: beside the real haproxy."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.adversity.group import children, poll
from tests.harness.ports import Reservation
from tests.harness.products import Product, Running, haproxy26, lacking_oracle, pyhaproxy
from tests.harness.runtime_client import ask
from tests.harness.wire import take_turns

pytestmark = [pytest.mark.timeout(120), pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())]
PRODUCTS = [haproxy26(), pyhaproxy()]
MOST_WAITING = int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text())
CONFIG = """global
    stats socket {sock} level admin
    nbthread 2
    log {target} local0
defaults
    mode http
    log global
    log-format "seen %HU"
    timeout connect 5s
    timeout client 20s
    timeout server 5s
frontend f
    bind 127.0.0.1:{port}
    http-request return status 200
"""


@dataclass
class Stage:
    running: Running
    log: socket.socket
    sock: Path
    port: int

    def ask(self, times: int, first: int = 0) -> None:
        """So many requests over up to eight connections that take turns, so that every worker has some."""
        take_turns(self.port, [f"/{first + i}" for i in range(times)], 8)

    def dropped(self) -> int:
        """DroppedLogs of `show info`."""
        found = ask(self.sock, "show info")
        return next(int(row.partition(b":")[2]) for row in found.split(b"\n") if row.startswith(b"DroppedLogs:"))

    def read(self) -> list[bytes]:
        """The paths in the messages that wait."""
        self.log.setblocking(False)
        found = []
        while True:
            try:
                message = self.log.recv(65536)
            except BlockingIOError:
                return found
            if b"seen " in message:
                found.append(message.partition(b"seen ")[2].strip())

    def whole(self, kept: list[bytes], wanted: int) -> bool:
        """Whether what came, and what was lost, make so many. New messages are added to `kept`."""
        kept.extend(self.read())
        return len(kept) + self.dropped() == wanted


@contextmanager
def stage(product: Product, folder: Path, words: str = "") -> Iterator[Stage]:
    """A proxy with two workers that logs to a socket which nobody reads by itself."""
    with Reservation() as ports, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(folder / "log"))
        port, sock = ports.take(), folder / "sock"
        text = CONFIG.format(sock=sock, port=port, target=f"{folder / 'log'}{words}")
        with product.start(text, [port]) as running:
            poll(sock.exists, "the runtime socket")
            yield Stage(running, log, sock, port)


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_every_lost_message_is_counted(product: Product, tmp_path: Path) -> None:
    """A receiver that never reads: traffic goes on, and what it will find and what is lost make the whole."""
    wanted = MOST_WAITING + 100
    with stage(product, tmp_path) as made:
        made.ask(wanted)
        poll(lambda: made.dropped() >= wanted - MOST_WAITING - 8, "the lost messages")
        kept: list[bytes] = []
        poll(lambda: made.whole(kept, wanted), "all messages, kept or lost")
        made.ask(5, wanted)
        poll(lambda: made.whole(kept, wanted + 5), "what is logged when there is room again")
        assert kept[-1].startswith(b"/")


def test_losses_of_a_killed_worker_stay(tmp_path: Path) -> None:
    wanted = MOST_WAITING + 60
    with stage(pyhaproxy(), tmp_path) as made:
        made.ask(wanted)
        poll(lambda: made.dropped() + MOST_WAITING + 8 >= wanted, "the lost messages")
        kept: list[bytes] = []
        poll(lambda: made.whole(kept, wanted), "the count")
        lost = made.dropped()
        victim = children(made.running.pid)[0]
        os.kill(victim, signal.SIGKILL)
        poll(lambda: victim not in children(made.running.pid), "the end of a worker")
        poll(lambda: _same(made, lost), "the count from the other worker")


def _same(made: Stage, lost: int) -> bool:
    try:
        return made.dropped() == lost
    except (OSError, StopIteration):
        return False  # nobody serves the socket yet


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_samples_are_exact_over_two_workers(product: Product, tmp_path: Path) -> None:
    """Of every ten messages the first, the third and the fourth, whatever worker writes them."""
    with stage(product, tmp_path, " sample 1,3-4:10") as made:
        found: list[bytes] = []
        for turn in range(30):
            made.ask(10, 10 * turn)
            poll(lambda turn=turn: found.extend(made.read()) or len(found) >= 3 * (turn + 1), "three of ten")  # type: ignore[misc]
        assert len(found) == 90
        assert made.dropped() == 0
