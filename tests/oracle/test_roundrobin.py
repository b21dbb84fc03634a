"""balance roundrobin beside the real haproxy: the same picks for the same weights and the same changes."""

from __future__ import annotations

import random
import re
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from balancers.roundrobin import RoundRobin
from balancers.testing import Pool
from tests.harness.ports import Reservation
from tests.harness.products import haproxy26, lacking_oracle

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())

CONFIG = """global
  nbthread 1
  stats socket {admin} level admin
defaults
  mode http
  timeout client 20s
  timeout server 20s
  timeout connect 5s
frontend f
  bind 127.0.0.1:{front}
  default_backend b
backend b
{options}
  http-response set-header x-s %s
{servers}
frontend inner
  bind 127.0.0.1:{inner}
  http-request return status 200
"""
NAME = re.compile(rb"x-s: s([0-9]+)\r\n|HTTP/1.1 (503)")


class Oracle:
    """One backend of a running haproxy; pick() is one request."""

    def __init__(self, front: int, admin: Path) -> None:
        self.client = socket.create_connection(("127.0.0.1", front), 10)
        self.front, self.admin, self.held = front, admin, b""

    def picks(self, n: int) -> list[int | None]:
        found: list[int | None] = []
        while len(found) < n:
            self.client.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            found.append(self._reply())
        return found

    def _reply(self) -> int | None:
        while b"\r\n\r\n" not in self.held:
            self.held += self.client.recv(65536) or b"\r\n\r\n"
        head, _, self.held = self.held.partition(b"\r\n\r\n")
        name = NAME.search(head + b"\r\n")
        assert name is not None, head
        if name[1]:
            return int(name[1])
        self.client.close()
        self.client, self.held = socket.create_connection(("127.0.0.1", self.front), 10), b""
        return None

    def command(self, text: str) -> None:
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(str(self.admin))
            admin.sendall(text.encode() + b"\n")
            assert admin.recv(1000).strip() == b"", text


@contextmanager
def oracle(weights: list[int], backups: tuple[int, ...] = (), options: str = "") -> Iterator[Oracle]:
    with tempfile.TemporaryDirectory(prefix="rr-") as folder, Reservation() as ports:
        front, inner, admin = ports.take(), ports.take(), Path(folder, "admin")
        servers = "\n".join(
            f"  server s{i} 127.0.0.1:{inner} weight {w}{' backup' if i in backups else ''}" for i, w in enumerate(weights)
        )
        config = CONFIG.format(admin=admin, front=front, inner=inner, options=options, servers=servers)
        with haproxy26().start(config, [front, inner]):
            made = Oracle(front, admin)
            yield made
            made.client.close()


@pytest.mark.parametrize("seed", range(8))
def test_static_weights(seed: int) -> None:
    dice = random.Random(seed)
    weights = [dice.choice([dice.randint(1, 5), dice.randint(1, 256)]) for _ in range(dice.randint(2, 7))]
    with oracle(weights) as real:
        assert Pool(RoundRobin, weights).picks(600) == real.picks(600), weights


@pytest.mark.parametrize("seed", range(12))
def test_weights_and_states_that_change(seed: int) -> None:
    dice = random.Random(1000 + seed)
    count = dice.randint(2, 5)
    weights = [dice.choice([dice.randint(1, 5), dice.randint(1, 256)]) for _ in range(count)]
    ours, history, down = Pool(RoundRobin, weights), [], set()
    with oracle(weights) as real:
        for _ in range(8):
            n = dice.choice([1, 3, dice.randint(1, 200)])
            history.append(f"{n} picks")
            assert ours.picks(n) == real.picks(n), (weights, history)
            i = dice.randrange(count)
            if dice.random() < 0.5:
                weight = dice.choice([0, dice.randint(1, 5), dice.randint(1, 256)])
                real.command(f"set server b/s{i} weight {weight}")
                ours.weight(i, weight)
                history.append(f"s{i} weight {weight}")
            else:
                real.command(f"{'enable' if i in down else 'disable'} server b/s{i}")
                ours.up(i, i in down)
                down ^= {i}
                history.append(f"s{i} {'down' if i in down else 'up'}")
            ours.balancer.server_changed(ours.servers[i])


@pytest.mark.parametrize("allbackups", [False, True])
def test_backups(allbackups: bool) -> None:
    weights = [1, 2, 3, 1]
    ours = Pool(RoundRobin, weights, backups=(1, 2, 3), allbackups=allbackups)
    with oracle(weights, (1, 2, 3), "  option allbackups" if allbackups else "") as real:
        for i, up in ((None, True), (0, False), (1, False), (2, False), (2, True), (1, True), (0, True)):
            if i is not None:
                real.command(f"{'enable' if up else 'disable'} server b/s{i}")
                ours.up(i, up)
                ours.balancer.server_changed(ours.servers[i])
            assert ours.picks(25) == real.picks(25), (i, up)
