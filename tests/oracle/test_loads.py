"""leastconn, first, static-rr and random beside the real haproxy: the same picks while requests are held, weights and states change."""

from __future__ import annotations

import random

import pytest

from balancers.first import First
from balancers.leastconn import LeastConn
from balancers.randomly import Randomly
from balancers.staticrr import StaticRoundRobin
from balancers.testing import Pool
from tests.harness.products import haproxy26, lacking_oracle, pyhaproxy
from tests.oracle.picks import Holding, holding, quick

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())
KINDS = {"leastconn": LeastConn, "first": First, "static-rr": StaticRoundRobin}


def words(weights: list[int], limits: list[int], ids: list[int], backups: tuple[int, ...]) -> list[str]:
    return [
        f"weight {w} id {ids[i]}{f' maxconn {limits[i]}' if limits[i] else ''}{' backup' if i in backups else ''}"
        for i, w in enumerate(weights)
    ]


class Both:
    """One script on both; `history` tells what led to a difference."""

    def __init__(self, dice: random.Random, real: Holding, ours: Pool, fixed: list[int] | None = None) -> None:
        self.fixed = fixed or []  # weights that can only be taken away and given back
        self.dice, self.real, self.ours = dice, real, ours
        self.down: set[int] = set()
        self.history: list[str] = []

    def step(self) -> None:
        what = self.dice.random()
        if what < 0.5:
            self.take()
        elif what < 0.85:
            self.free()
        elif what < 0.92:
            self.weigh()
        else:
            self.toggle()

    def take(self) -> None:
        if not self.room():
            return
        found = self.ours.take()
        self.history.append(f"take {found}")
        try:
            assert self.real.take() == found, self.history
        except TimeoutError:
            pytest.fail(f"the real one queues: {self.history}")

    def room(self) -> bool:
        """Whether a request would find a free slot; else it would wait."""
        usable = [slot.gauges() for slot in self.ours.servers if slot.usable]
        backups = usable if self.ours.balancer.allbackups else usable[:1]
        serving = [one for one in usable if not one["backup"]] or backups
        return any(not one["maxconn"] or one["scur"] < one["maxconn"] for one in serving)

    def free(self) -> None:
        if self.real.pairs:
            i = self.real.free(self.dice.randrange(len(self.real.pairs)))
            self.history.append(f"free {i}")
            self.ours.free(i)

    def weigh(self) -> None:
        i, weight = self.dice.randrange(len(self.ours.servers)), self.dice.choice([0, 1, 2, 7, 100, 256])
        if self.fixed:
            weight = self.dice.choice([0, self.fixed[i]])
        self.history.append(f"weight {i} {weight}")
        percent = "100%" if weight else "0%"
        self.real.command(f"set server b/s{i} weight {percent if self.fixed else weight}")
        self.ours.weight(i, weight)
        self.ours.balancer.server_changed(self.ours.servers[i])

    def toggle(self) -> None:
        i = self.dice.randrange(len(self.ours.servers))
        self.history.append(f"{'up' if i in self.down else 'down'} {i}")
        self.real.command(f"{'enable' if i in self.down else 'disable'} server b/s{i}")
        self.ours.up(i, i in self.down)
        self.down ^= {i}
        self.ours.balancer.server_changed(self.ours.servers[i])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(6))
def test_held_requests(kind: str, seed: int) -> None:
    dice = random.Random(seed)
    count = dice.randint(2, 6)
    weights = [dice.choice([1, 1, 2, 3, dice.randint(1, 256)]) for _ in range(count)]
    limits = [dice.choice([0, 0, 1, 2, 5]) if kind != "first" else dice.randint(1, 4) for _ in range(count)]
    ids = dice.sample(range(1, 50), count)
    backups = tuple(i for i in range(1, count) if dice.random() < 0.3)
    allbackups = dice.random() < 0.5
    ours = Pool(KINDS[kind], weights, backups=backups, allbackups=allbackups, maxconn=limits, ids=ids)
    options = f"  balance {kind}\n" + ("  option allbackups" if allbackups else "")
    with holding(haproxy26(), words(weights, limits, ids, backups), options) as real:
        both = Both(dice, real, ours, weights if kind == "static-rr" else None)
        both.history.append(f"{weights} {limits} {ids} {backups} {allbackups}")
        for _ in range(90):
            both.step()


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_proxy(kind: str) -> None:
    """pyhaproxy itself takes the servers that its picker, compared above, says."""
    dice = random.Random(7)
    weights, limits, ids = [3, 1, 2, 1], [2, 1, 3, 2], [9, 4, 6, 30]
    ours = Pool(KINDS[kind], weights, maxconn=limits, ids=ids)
    with holding(pyhaproxy(), words(weights, limits, ids, ()), f"  balance {kind}", talks=False) as real:
        both = Both(dice, real, ours)
        for _ in range(40):
            both.take()
            if dice.random() < 0.6:
                both.free()


@pytest.mark.parametrize("kind", KINDS)
def test_the_oracle_with_requests_in_a_row(kind: str) -> None:
    weights = [1, 3, 2]
    with quick(haproxy26(), words(weights, [0, 0, 0], [7, 2, 5], ()), f"  balance {kind}") as real:
        assert real.picks(30) == Pool(KINDS[kind], weights, ids=[7, 2, 5]).requests(30)


def shares(found: list[int | None]) -> list[float]:
    return [found.count(i) / len(found) for i in range(4)]


@pytest.mark.parametrize("draws", ["", "(1)", "(3)"])
def test_random_in_a_row(draws: str) -> None:
    """The shares of many picks; the bound is five standard deviations of the difference of two samples."""
    weights, n = [1, 1, 3, 40], 3000
    ours = Pool(Randomly, weights, words=[draws[1:-1]] if draws else [])
    with quick(haproxy26(), words(weights, [0] * 4, [1, 2, 3, 4], ()), f"  balance random{draws}") as real:
        theirs = shares(real.picks(n))
    for a, b in zip(shares(ours.requests(n)), theirs, strict=True):
        p = (a + b) / 2
        assert abs(a - b) <= 5 * (2 * p * (1 - p) / n) ** 0.5 + 0.002, (a, b)


@pytest.mark.parametrize("draws", ["1", "2", "8"])
def test_random_with_held_requests(draws: str) -> None:
    """How even the load is: the busiest of four equal servers, of 80 requests."""
    weights = [10] * 4
    with holding(haproxy26(), words(weights, [0] * 4, [1, 2, 3, 4], ()), f"  balance random({draws})") as real:
        theirs = shares([real.take() for _ in range(80)])
    ours = Pool(Randomly, weights, words=[draws])
    mine = shares([ours.take() for _ in range(80)])
    assert max(mine) < {"1": 0.6, "2": 0.33, "8": 0.28}[draws] > max(theirs), (mine, theirs)
