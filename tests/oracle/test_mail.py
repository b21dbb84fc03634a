"""Mails about servers beside the real haproxy: the same dialogue and the same message at a scripted SMTP server."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, haproxy28, lacking_oracle, pyhaproxy
from tests.oracle.test_server_life import Farm, farm

ORACLES = [product for product in (haproxy26(), haproxy28()) if not product.missing]
pytestmark = [pytest.mark.timeout(60), pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())]
ANSWERS = {b"HELO": b"250 ok\r\n", b"MAIL": b"250 ok\r\n", b"RCPT": b"250 ok\r\n", b"QUIT": b"221 bye\r\n"}
MANNERS: dict[str, dict[bytes, bytes]] = {
    "polite": {},
    "closes": {b"": b""},
    "busy": {b"": b"554 no\r\n"},
    "refuses": {b"RCPT": b"550 no\r\n"},
    "loses": {b".": b"451 later\r\n"},
    "talks": {b"": b"220-one\r\n220 two\r\n", b"HELO": b"250-a\r\n250 b\r\n"},
}
COMMANDS = """set server b/s1 health down
set server b/s1 health up
set server b/s1 health stopping
set server b/s1 health down
set server b/s1 health up
set server b/s1 state drain
set server b/s1 state ready
set server b/s1 state maint
set server b/s1 state ready
set server b/s1 state drain
set server b/s1 state maint
set server b/s1 state drain
set server b/s1 state ready
set server b/s1 health down
set server b/s1 state maint
set server b/s1 state ready""".split("\n")
MAILS = {"debug": (3, 15), "": (2, 4), "notice": (2, 14), "info": (3, 5)}  # by level: behind the first check, in the end
QUIET_S = 0.3
PATIENCE_S = 20


class Mailer:
    """An SMTP server that answers by the first word of a line. dialogues: what each connection sent."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self.answers = {b"": b"220 here\r\n", b".": b"250 queued\r\n", b"DATA": b"354 go\r\n"} | ANSWERS | answers
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.dialogues: list[list[str]] = []
        self.served = 0
        self.last = time.monotonic()
        self.thread = threading.Thread(target=self._accept)
        self.thread.start()

    def _accept(self) -> None:
        while True:
            try:
                peer = self.sock.accept()[0]
            except OSError:
                return
            heard: list[str] = []
            self.dialogues.append(heard)
            self.last = time.monotonic()
            with peer:
                peer.settimeout(PATIENCE_S)
                with contextlib.suppress(OSError):
                    self._serve(peer, heard)
            self.served += 1

    def _serve(self, peer: socket.socket, heard: list[str]) -> None:
        peer.sendall(self.answers[b""])
        inside = not self.answers[b""]
        for line in () if inside else peer.makefile("rb"):
            self.last = time.monotonic()
            heard.append(re.sub(r"^Date: \w{3}, \d\d \w{3} \d{4} [\d:]{8} [+-]\d{4} \(\w+\)", "Date: D", line.decode()))
            if inside and line != b".\r\n":
                continue
            word = b"." if inside else line[:4]
            inside = word == b"DATA"
            peer.sendall(self.answers[word])
            if word == b"QUIT":
                return

    def quiet(self, awaited: int) -> list[list[str]]:
        """The dialogues, once `awaited` have ended and nothing more has come for a while."""
        limit = time.monotonic() + PATIENCE_S
        while self.served < awaited and time.monotonic() < limit:
            time.sleep(0.01)
        self.last = time.monotonic()
        while time.monotonic() < self.last + QUIET_S:
            time.sleep(0.02)
        return self.dialogues

    def close(self) -> None:
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        self.thread.join()


@contextmanager
def mailer(answers: dict[bytes, bytes]) -> Iterator[Mailer]:
    made = Mailer(answers)
    try:
        yield made
    finally:
        made.close()


def wait_for(path: Path) -> None:
    """A runtime socket may come after the listeners."""
    limit = time.monotonic() + PATIENCE_S
    while not path.exists() and time.monotonic() < limit:
        time.sleep(0.01)


def dialogues(product: Product, folder: Path, level: str, manner: str) -> list[list[str]]:
    """What a mailer hears while COMMANDS are given to a server that is checked once, and found dead."""
    with mailer(MANNERS[manner]) as post, Reservation() as ports:
        front, dead = ports.take(), ports.take()
        alerts = (
            " email-alert mailers m\n email-alert from a@b.c\n email-alert to d@e.f\n email-alert myhostname here\n"
        )
        alerts += f" email-alert level {level}\n" if level else ""
        section = f"\nmailers m\n timeout mail 2s\n mailer x 127.0.0.1:{post.port}\n"
        servers = f" option log-health-checks\n server s1 127.0.0.1:{dead} check inter 60s fall 1\n server t 127.0.0.1:{dead} track s1\n"
        with farm(product, folder, alerts + servers + section, {"front": front}, more_global=" nbthread 1") as running:
            wait_for(folder / "sock")
            first, last = MAILS[level]
            post.quiet(first)
            for command in COMMANDS if manner == "polite" else COMMANDS[:3]:
                running.ask(command)
            found = [[re.sub(r"duration: \d+ms", "duration: 0ms", line) for line in each] for each in post.quiet(last)]
    return found


@pytest.mark.parametrize(
    ("level", "manner"),
    [("debug", "polite"), ("", "polite"), ("notice", "polite"), *(("info", m) for m in MANNERS if m != "polite")],
)
def test_same_mails(level: str, manner: str, tmp_path: Path) -> None:
    """A mail, its level, its order, or what becomes of it when the mailer is rude."""
    ours = dialogues(pyhaproxy(), tmp_path / "ours", level, manner)
    assert ours
    for oracle in ORACLES if level == "debug" else ORACLES[:1]:
        assert dialogues(oracle, tmp_path / oracle.name, level, manner) == ours, oracle.name


def test_a_silent_mailer_holds_up_nobody(tmp_path: Path) -> None:
    """Commands wait for a mailer that never answers."""
    with silent_mailer(tmp_path, "10m") as (silent, running):
        tell_of_changes(running)  # answered at all: none has waited
        with silent.accept()[0] as peer:
            peer.setblocking(False)
            with pytest.raises(BlockingIOError):
                peer.recv(100)


def test_mails_to_a_silent_mailer_are_given_up(tmp_path: Path) -> None:
    """They wait for ever, or the first is the last."""
    with silent_mailer(tmp_path, "300ms") as (silent, running):
        tell_of_changes(running)
        for _ in range(3):
            with silent.accept()[0] as peer:
                peer.settimeout(PATIENCE_S)
                assert peer.recv(100) == b""


def tell_of_changes(running: Farm) -> None:
    """Three mails are due."""
    for state in ("down", "up", "down"):
        running.ask(f"set server b/s1 health {state}")


@contextmanager
def silent_mailer(folder: Path, timeout: str) -> Iterator[tuple[socket.socket, Farm]]:
    """We with a mailer that never answers, and one that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as silent, Reservation() as ports:
        front, dead = ports.take(), ports.take()
        port = silent.getsockname()[1]
        silent.settimeout(PATIENCE_S)
        alerts = " email-alert mailers m\n email-alert from a\n email-alert to b\n email-alert level info\n"
        tail = f" server s1 127.0.0.1:{dead}\nmailers m\n timeout mail {timeout}\n mailer x 127.0.0.1:{port}\n mailer gone 127.0.0.1:{dead}\n"
        with farm(pyhaproxy(), folder, alerts + tail, {"front": front}) as running:
            wait_for(folder / "sock")
            yield silent, running
