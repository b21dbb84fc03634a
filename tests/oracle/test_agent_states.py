"""What agents make of servers, step by step beside the real haproxy: statistics, states, sentences; through track chains too."""

from __future__ import annotations

import csv
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
from tests.oracle.test_server_life import Farm, farm, in_old_words, listening

ORACLES = [product for product in (haproxy26(), haproxy28()) if not product.missing]
pytestmark = [pytest.mark.timeout(120), pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())]
LONG_SECONDS = 30.0
AGENTS = ("a", "ac", "ad", "ab", "dis", "dc")
SERVERS = """ server a 127.0.0.1:{up} weight 10 agent-check agent-inter 24ms agent-port {a}
 server ac 127.0.0.1:{up} weight 10 check inter 60s fall 5 agent-check agent-inter 24ms agent-port {ac}
 server ad 127.0.0.1:{closed} check inter 60s fall 1 rise 3 agent-check agent-inter 24ms agent-port {ad}
 server ab 127.0.0.1:{up} backup agent-check agent-inter 24ms agent-port {ab}
 server dis 127.0.0.1:{up} disabled agent-check agent-inter 24ms agent-port {dis}
 server dc 127.0.0.1:{up} disabled check inter 60s agent-check agent-inter 24ms agent-port {dc}
 server d 127.0.0.1:{up} disabled
 server c 127.0.0.1:{up} check inter 60s
 server n 127.0.0.1:{up}
 server no 127.0.0.1:{up} agent-check agent-inter 24ms agent-port {closed}
 server si 127.0.0.1:{silent} check inter 60s agent-check agent-inter 60s agent-port {silent}
 server ta 127.0.0.1:{up} track a
 server t1 127.0.0.1:{up} track ac
 server t2 127.0.0.1:{up} track t1
 server tc 127.0.0.1:{up} track c
backend c
 server x 127.0.0.1:{up} track b/t2
 server y 127.0.0.1:{up} track b/ad
"""
FIELDS = ("status", "weight", "check_status", "check_code", "check_desc", "check_health", "agent_status", "agent_code", "agent_desc",
          "agent_rise", "agent_fall", "agent_health", "last_agt", "chkfail", "chkdown", "slim", "tracked")  # fmt: skip
STEPS = (  # what all agents say, or a command
    ("say", "up"), ("say", "down"), ("say", "up"), ("say", "drain"), ("say", "ready"), ("say", "maint"), ("say", "ready"),
    ("say", "down drain"), ("say", "up"), ("say", "ready"), ("say", "50% maxconn:5"), ("say", "0%"), ("say", "100% down"),
    ("say", "up ready"),
    ("say", "100%"), ("set", "set server b/{} state drain"), ("say", "down"), ("say", "100%"), ("set", "set server b/{} state maint"), ("say", "up"), ("say", "100%"),
    ("set", "set server b/{} state drain"), ("set", "set server b/{} state ready"),
    ("say", "stopped #no more"), ("say", "50%"), ("set", "set server b/{} state drain"), ("say", "up"), ("set", "set server b/{} state ready"),
    ("say", "#nothing"), ("set", "set server b/{} health down"), ("say", "down"), ("say", "#nothing"),
    ("set", "set server b/{} health up"), ("say", "up"), ("say", "#nothing"),
    ("set", "set server b/{} health stopping"), ("set", "set server b/{} state drain"), ("set", "set server b/{} health up"),
    ("set", "set server b/{} state ready"),
    ("set", "disable agent b/{}"), ("set", "set server b/{} state drain"), ("set", "set server b/{} agent down"),
    ("set", "set server b/{} state ready"), ("set", "enable agent b/{}"),
    ("set", "set server b/{} agent down"), ("say", "up"), ("say", "nonsense"), ("say", ""), ("say", "fail"), ("say", "up"),
    ("set", "disable health b/{}"), ("set", "set server b/{} state drain"), ("set", "enable health b/{}"), ("say", "ready"),
)  # fmt: skip
Played = tuple[list[list[list[str]]], list[str]]  # every step's states, all sentences


class Mouth:
    """An agent that says `line` to whoever connects, and counts them."""

    def __init__(self) -> None:
        self.line = b"up\n"
        self.asked = 0
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self.door.accept()
            except OSError:
                return
            self.asked += 1
            with sock:
                try:
                    sock.sendall(self.line)
                except OSError:
                    pass

    def heard(self) -> None:
        """Wait until what it says now was heard: whoever asks again has done with the answer before."""
        end, want = time.monotonic() + LONG_SECONDS, self.asked + 2
        while self.asked < want:
            assert time.monotonic() < end, "nobody asks"
            time.sleep(0.005)

    def close(self) -> None:
        self.door.shutdown(socket.SHUT_RDWR)
        self.door.close()
        self.thread.join()


@contextmanager
def mouths() -> Iterator[dict[str, Mouth]]:
    made = {name: Mouth() for name in AGENTS}
    try:
        yield made
    finally:
        for mouth in made.values():
            mouth.close()


def rows(made: Farm) -> list[dict[str, str]]:
    """Each server's statistics at a moment when its agent is not being asked (the silent one is asked all the time)."""
    end = time.monotonic() + LONG_SECONDS
    found: dict[str, dict[str, str]] = {}
    while True:
        told = csv.DictReader(made.ask("show stat").removeprefix("# ").splitlines())
        servers = [row for row in told if row["type"] == "2"]
        for row in servers:
            if row["svname"] in ("si", "no") or not row["agent_status"].startswith("*"):
                found.setdefault(f"{row['pxname']}/{row['svname']}", row)
        missing = [name for row in servers if (name := f"{row['pxname']}/{row['svname']}") not in found]
        if not missing:
            return [found[f"{row['pxname']}/{row['svname']}"] for row in servers]
        assert time.monotonic() < end, ("asked all the time", missing)


def snapshot(made: Farm) -> list[list[str]]:
    """Statistics and states of all servers."""
    states, told = made.states(0, 9), []
    for row, line in zip(rows(made), states, strict=True):
        if row["svname"] not in ("si", "c"):  # one that is asked often is under way or not
            line[12] = str(int(line[12]) & ~1)
        if row["svname"] == "no":
            row |= {"last_agt": "", "agent_status": row["agent_status"].removeprefix("* ")}
        told.append([row["pxname"], row["svname"], *(row[name] for name in FIELDS), *line[3:7], *line[8:13]])
    return told


def play(product: Product, folder: Path, ports: Reservation, up: int, closed: int, silent: int) -> Played:
    """Every step's states, and all sentences."""
    with mouths() as agents:
        numbers = {name: mouth.port for name, mouth in agents.items()}
        places = {"front": ports.take(), "up": up, "closed": closed, "silent": silent, **numbers}
        with farm(
            product, folder, SERVERS, places, more_global=" max-spread-checks 20", more_defaults=" timeout check 50s"
        ) as made:
            for mouth in agents.values():
                mouth.heard()
            found = [step(made, agents, kind, text) for kind, text in STEPS]
            return found, [re.sub(r"check duration: \d+ms", "check duration: 0ms", line) for line in made.said()]


def step(made: Farm, agents: dict[str, Mouth], kind: str, text: str) -> list[list[str]]:
    names = (*AGENTS, "c", "n", "d")
    for name in names if kind == "set" else ():
        made.ask(text.format(name))
    for mouth in agents.values() if kind == "say" else ():
        mouth.line = text.encode() + b"\n" if text else b""
        mouth.heard()
    return snapshot(made)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return played(pyhaproxy(), tmp_path_factory.mktemp("ours"))


def played(product: Product, folder: Path) -> Played:
    with (
        Reservation() as ports,
        listening(up := ports.take()),
        socket.create_server(("127.0.0.1", 0), backlog=64) as silent,
    ):
        return play(product, folder, ports, up, ports.take(), silent.getsockname()[1])


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda product: product.name)
def test_every_step(oracle: Product, ours: Played, tmp_path: Path) -> None:
    """The same states after every step, and the same sentences in the same order."""
    theirs, their_words = played(oracle, tmp_path)
    mine, my_words = ours
    for (kind, text), found, wanted in zip(STEPS, mine, theirs, strict=True):
        assert found == wanted, (kind, text)
    if "2.6" in oracle.name:
        my_words, their_words = in_old_words(my_words), in_old_words(their_words)
    assert my_words == their_words
