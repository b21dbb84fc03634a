"""The master's socket (-S) beside the real haproxy: the same lines, the same answers but for pids, versions and times."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.adversity.group import children, poll
from tests.harness.ports import Reservation
from tests.harness.products import Product, Running, haproxy26, haproxy28, pyhaproxy
from tests.harness.runtime_client import ask_master, connect

ORACLES = [product for product in (haproxy26(), haproxy28()) if not product.missing] or [haproxy26()]
CONFIG = """\
global
  nbthread 1
  stats socket {folder}/stats level admin
defaults
  mode http
  timeout client 30s
  timeout server 5s
  timeout connect 5s
frontend f
  bind 127.0.0.1:{port}
backend b
  server s 127.0.0.1:{port}
"""
CASES = [
    "@1", "@1 show version", "@0 show version", "@master show version", "@ show version", "@01 show version", "  @1   show   version",
    "@!WORKER show version", "@2 show version", "@!0 show version", "@!1 show version", "@foo show version",
    "@!foo show version", "@1show version", "@-1 show version", "show proc", "show proc foo", "show proc debug", "@1;show version",
    "@1 show version;show version", "@1 show version;@master show version", "show version;show version", "show cli level",
    "@1 show cli level", "@1 user;@1 show cli level", "user;@1 show cli level;show cli level", "user;reload", "user;@1 disable server b/s",
    "operator;show cli level;@1 show cli level", "operator;@1 disable server b/s", "expert-mode on;show proc", "@1 enable server b/s", "quit",
    "@1 set weight b/s 5;@1 get weight b/s", "@1 show cli sockets;show version",
]  # fmt: skip


def whole_answer(path: Path, line: str) -> str:
    """Up to the end of the connection, which haproxy 2.8 now and then forgets, above all behind the sentence."""
    with connect(path) as sock:
        sock.sendall(line.encode() + b"\n")
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(20)
        told = b""
        with contextlib.suppress(TimeoutError):
            while data := sock.recv(65536):
                told += data
                if re.search(rb"Can't find the target PID .*\n\Z", told):
                    break
    return told.decode()


@dataclass
class Master:
    """A running one."""

    running: Running
    folder: Path
    port: int

    def say(self, line: str) -> str:
        """Its answer, without what differs from run to run."""
        pids = {str(self.running.pid): "MASTER"} | {str(pid): "WORKER" for pid in children(self.running.pid)}
        for pid, name in pids.items():
            line = line.replace(name, pid)
        told = whole_answer(self.folder / "master", line)
        for pid, name in pids.items():
            told = re.sub(rf"\b{pid} *\b", f"{name} ", told)
        told = re.sub(r"sockpair@\d+ .*\n", "", told.replace(str(self.folder), "FOLDER"))
        return re.sub(r"\b\d+\.\d+\.\d+[-+~\w]* *", "VERSION", re.sub(r"\d+d\d+h\d+m\d+s", "UPTIME", told))

    def told(self, line: str, word: str) -> bool:
        """Whether the answer has the word; a master that is just starting anew refuses connections."""
        with contextlib.suppress(OSError):
            return word in ask_master(self.folder / "master", line)
        return False

    def reload(self) -> None:
        """Until the new worker serves and the old one is known as such; a signal that haproxy's master has lost is sent again."""
        for _ in range(5):
            self.running.process.send_signal(signal.SIGUSR2)
            with contextlib.suppress(AssertionError):
                poll(lambda: self.told("show proc", "# old workers"), "the reload", 10)
                break
        poll(lambda: self.told("@1 show version", "."), "the new worker")


@contextlib.contextmanager
def master(product: Product) -> Iterator[Master]:
    with tempfile.TemporaryDirectory(prefix="ms-") as folder, Reservation() as ports:
        port = ports.take()
        text = CONFIG.format(folder=folder, port=port)
        with product.start(text, [port], ("-W", "-db", "-S", f"{folder}/master")) as running:
            made = Master(running, Path(folder), port)
            poll(lambda: made.told("show proc", "# workers") and made.told("@1 show version", "."), "its socket")
            yield made


@pytest.fixture(scope="module")
def ours() -> Iterator[Master]:
    with master(pyhaproxy()) as made:
        yield made


@pytest.fixture(scope="module", params=ORACLES, ids=lambda product: str(product.name))
def oracle(request: pytest.FixtureRequest) -> Iterator[Master]:
    with master(request.param) as made:
        yield made


@pytest.mark.parametrize("line", CASES)
def test_answers(ours: Master, oracle: Master, line: str) -> None:
    assert ours.say(line) == oracle.say(line)


def held_over_a_reload(product: Product) -> tuple[str, str]:
    """`show proc` while a worker of the former configuration holds a connection, and the answer of `@!PID` to it."""
    with master(product) as made, socket.create_connection(("127.0.0.1", made.port), 20) as held:
        held.sendall(b"GET / HT")
        (old,) = children(made.running.pid)
        poll(lambda: made.told("@1 show stat", "\nf,FRONTEND,,,1,"), "the connection")
        made.reload()
        return made.say("show proc"), made.say(f"@!{old} show cli level")


def test_a_worker_that_finishes_is_listed_and_can_be_spoken_to() -> None:
    told = held_over_a_reload(pyhaproxy())
    for product in ORACLES:
        assert told == held_over_a_reload(product)
