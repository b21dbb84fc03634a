"""static-rr: a fixed table of turns. random: the least loaded of some that are drawn."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancers.randomly import Randomly
from balancers.staticrr import StaticRoundRobin
from balancers.testing import Pool


def text(found: list[int | None]) -> str:
    return "".join("-" if i is None else str(i) for i in found)


def test_static_rr_goes_through_its_table() -> None:
    made = Pool(StaticRoundRobin, [1, 2, 4])
    assert not made.balancer.holds and Counter(made.requests(70)) == {0: 10, 1: 20, 2: 40}
    made.limit(2, 1, 1)
    assert set(made.requests(9)) == {0, 1}


@settings(max_examples=60)
@given(st.lists(st.integers(0, 256), min_size=1, max_size=8))
def test_static_rr_gives_each_its_weight(weights: list[int]) -> None:
    made = Pool(StaticRoundRobin, weights)
    total = sum(weights)
    found = Counter(made.picks(total))
    assert found == {i: w for i, w in enumerate(weights) if w}


def test_static_rr_backups() -> None:
    made = Pool(StaticRoundRobin, [1, 3, 3], backups=(1, 2), allbackups=True)
    made.down(0)
    assert text(made.requests(6)) == "121212"
    made = Pool(StaticRoundRobin, [1, 3, 6], backups=(1, 2))
    made.down(0)
    assert text(made.requests(3)) == "111"


def seeded(weights: list[int], **more: object) -> Pool:
    made = Pool(Randomly, weights, **more)  # type: ignore[arg-type]
    assert isinstance(made.balancer, Randomly)
    made.balancer.seed(1)
    return made


def test_random_draws_by_weight() -> None:
    found = Counter(seeded([10, 30, 60], words=["1"]).requests(20000))
    for i, share in enumerate((0.1, 0.3, 0.6)):
        assert abs(found[i] / 20000 - share) < 0.05


@pytest.mark.parametrize("draws, spread", [("1", 40), ("2", 6), ("30", 1)])
def test_more_draws_more_even(draws: str, spread: int) -> None:
    made = seeded([10] * 5, words=[draws])
    found = Counter(made.take() for _ in range(200))
    assert max(found.values()) - min(found.values()) <= spread


def test_random_takes_only_the_usable() -> None:
    made = seeded([1, 1, 1, 1], backups=(3,))
    made.down(1)
    made.weight(2, 0)
    assert set(made.requests(50)) == {0}
    made.down(0)
    assert set(made.requests(5)) == {3}
    made.limit(3, 1, 1)
    assert made.pick() in (3, None)
    made.down(3)
    assert made.pick() is None


def test_a_full_one_that_is_drawn_is_waited_for() -> None:
    made = seeded([1, 1], maxconn=[1, 1], words=["1"])
    made.limit(0, 1, 1)
    assert set(made.picks(50)) == {1, None}


@pytest.mark.parametrize("kind", [StaticRoundRobin, Randomly])
def test_a_worker_that_dies_while_it_changes_the_state(kind: type) -> None:
    made = Pool(kind, [1, 1, 1], workers=2)
    made.down(2)
    made.die_at_work()
    assert set(made.requests(60)) == {0, 1}


def test_two_thousand_servers_one_by_one_down() -> None:
    made = Pool(StaticRoundRobin, [1] * 2000)
    for i in range(1990):
        made.down(i)
    assert set(made.requests(40)) == set(range(1990, 2000))
