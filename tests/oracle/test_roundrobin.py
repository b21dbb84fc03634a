"""balance roundrobin beside the real haproxy: the same picks for the same weights and the same changes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from balancers.roundrobin import RoundRobin
from balancers.testing import Pool
from tests.harness.products import haproxy26, lacking_oracle
from tests.oracle.picks import Quick, quick

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())


@contextmanager
def oracle(weights: list[int], backups: tuple[int, ...] = (), options: str = "") -> Iterator[Quick]:
    words = [f"weight {w}{' backup' if i in backups else ''}" for i, w in enumerate(weights)]
    with quick(haproxy26(), words, options) as real:
        yield real


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


RARE = [
    ([10] * 4, "down 2, up 2, weight 2 5, picks 60"),
    ([10] * 4, "picks 2, down 2, up 2, weight 2 5, picks 1, weight 2 3, picks 60"),
    ([10] * 4, "down 2, picks 5, up 2, weight 2 5, picks 60"),
    ([2, 6, 5, 4], "down 2, up 2, weight 2 3, picks 60"),
    ([2, 2], "down 0, picks 1, weight 1 3, picks 31, weight 1 233, up 0, picks 2, weight 0 5, picks 5, weight 0 4, picks 60"),
]
BURSTS = [  # one server gets many requests in a row, in HAProxy too
    ([3, 1, 6], "weight 2 0, picks 3, weight 0 1, picks 29, weight 2 8, picks 300"),
    ([1, 8, 5], "weight 1 0, picks 5, weight 2 0, picks 11, weight 2 2, picks 100"),
    ([12, 1, 2, 1, 1, 10], "picks 29, weight 2 2, picks 5, weight 5 10, picks 10, weight 5 11, picks 300"),
]


@pytest.mark.parametrize("weights, script", RARE + BURSTS)
def test_weights_that_change_before_the_first_turn(weights: list[int], script: str) -> None:
    """A server that comes up without having had a turn, and gets another weight, waits for a whole distance."""
    ours = Pool(RoundRobin, weights)
    with oracle(weights) as real:
        for step in script.split(", "):
            what, *rest = step.split()
            i = int(rest[0])
            if what == "picks":
                assert ours.picks(i) == real.picks(i), step
            elif what == "weight":
                real.command(f"set server b/s{i} weight {rest[1]}")
                ours.weight(i, int(rest[1]))
            else:
                real.command(f"{'enable' if what == 'up' else 'disable'} server b/s{i}")
                ours.up(i, what == "up")
            if what != "picks":
                ours.balancer.server_changed(ours.servers[i])
