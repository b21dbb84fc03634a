"""A check is under way when its server is put into maintenance or drain, or its checks are switched off: what the finding still does,
beside the real haproxy."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, haproxy28, lacking_oracle, pyhaproxy
from tests.oracle.test_server_life import Farm, farm, in_old_words

ORACLES = [product for product in (haproxy26(), haproxy28()) if not product.missing]
pytestmark = [pytest.mark.timeout(90), pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())]
CHANGES = {  # to every server of that name, and back
    "m": ("set server b/{} state maint", "set server b/{} state ready"),
    "d": ("set server b/{} state drain", "set server b/{} state ready"),
    "h": ("disable health b/{}", "enable health b/{}"),
}
LIMITS = ("rise 2 fall 3", "rise 1 fall 3", "rise 1 fall 1")
SERVERS = {f"{change}{status}{at}": limits for change in CHANGES for status in (200, 500) for at, limits in enumerate(LIMITS)}
OPTIONS = " option httpchk\n option log-health-checks\n timeout check 60s\n"
Seen = tuple[list[list[list[str]]], dict[str, list[str]]]


class Door:
    """Reads requests of checks, and answers none before answer()."""

    def __init__(self, status: int) -> None:
        self.reply = b"HTTP/1.1 %d Told\r\ncontent-length: 0\r\n\r\n" % status
        self.held: list[socket.socket] = []
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self.sock.getsockname()[1]
        self.thread = threading.Thread(target=self._accept)
        self.thread.start()

    def _accept(self) -> None:
        while True:
            try:
                link = self.sock.accept()[0]
                link.settimeout(30)
                link.recv(4096)
                self.held.append(link)
            except OSError:
                return

    def answer(self) -> None:
        for link in self.held:
            link.sendall(self.reply)
            link.close()
        self.held.clear()

    def close(self) -> None:
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        self.thread.join()
        for link in self.held:
            link.close()


def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.01)


def told(made: Farm, which: int) -> None:
    for name in SERVERS:
        made.ask(CHANGES[name[0]][which].format(name))


def sentences(lines: list[str]) -> dict[str, list[str]]:
    """Those about each server, without durations and the servers that are left."""
    plain = [re.sub(r"\d+ms|\d+ active.*", "", line) for line in lines]
    return {name: [line for line in plain if f"b/{name} " in line] for name in SERVERS}


def seen(product: Product, folder: Path, front: int) -> Seen:
    """The states before, while, behind the findings and in the end; the sentences."""
    doors = {status: Door(status) for status in (200, 500)}
    try:
        rows = "".join(
            f" server {name} 127.0.0.1:{doors[int(name[1:4])].port} check inter 1h {limits}\n" for name, limits in SERVERS.items()
        )
        with farm(product, folder, OPTIONS + rows, {"front": front}, more_global=" max-spread-checks 20") as made:
            until(lambda: sum(len(door.held) for door in doors.values()) == len(SERVERS), "the checks")
            found = [states(made)]
            told(made, 0)
            found.append(states(made))
            for door in doors.values():
                door.answer()
            until(lambda: not any(int(words[-1]) & 1 for words in states(made)), "their end")
            found.append(states(made))
            told(made, 1)
            found.append([words[:-1] for words in states(made)])  # some are checked again
            return found, sentences(made.said())
    finally:
        for door in doors.values():
            door.close()


def states(made: Farm) -> list[list[str]]:
    """Name, states, what was found, counter, state of the check."""
    return [[words[3], *words[5:7], *words[10:14]] for words in made.states()]


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda product: product.name)
def test_a_check_under_way(oracle: Product, tmp_path: Path) -> None:
    """In maintenance it is told and counted, and changes nothing else."""
    with Reservation() as held:
        (their_states, their_words), (our_states, our_words) = (
            seen(each, tmp_path / each.name, held.take()) for each in (oracle, pyhaproxy())
        )
    assert our_states == their_states
    if "2.6" in oracle.name:
        our_words, their_words = ({name: in_old_words(lines) for name, lines in words.items()} for words in (our_words, their_words))
    assert our_words == their_words
