"""balance ewma: the fast are preferred, the slow are tried again, the unknown get one stream at a time."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancers.ewma import Ewma
from balancers.testing import Pool

SECOND = 1_000_000


def pool(count: int, **more: object) -> tuple[Pool, Ewma]:
    made = Pool(Ewma, [1] * count, **more)  # type: ignore[arg-type]
    balancer = made.balancer
    assert isinstance(balancer, Ewma)
    balancer.seed(7)
    balancer.clock_us = SECOND
    return made, balancer


def test_the_faster_of_two_takes_all_while_it_is_idle() -> None:
    made, _ = pool(2)
    made.answered(0, 5000)
    made.answered(1, 1000)
    assert Counter(made.requests(50)) == {1: 50}


def test_load_counts() -> None:
    """Four times as fast: the fourth stream on it costs as much as the first on the other."""
    made, _ = pool(2)
    made.answered(0, 4000)
    made.answered(1, 1000)
    assert Counter(made.take() for _ in range(50)) == {1: 40, 0: 10}


def test_weight_counts() -> None:
    made, _ = pool(2)
    made.weight(0, 8)
    made.answered(0, 4000)
    made.answered(1, 1000)
    assert Counter(made.requests(20)) == {0: 20}


def test_slower_at_once_and_faster_with_time() -> None:
    made, balancer = pool(1)
    made.answered(0, 1000)
    made.answered(0, 9000)
    assert balancer.averages() == [9000]
    balancer.clock_us += SECOND
    assert balancer.averages()[0] == pytest.approx(9000 * 0.9048, rel=1e-3)
    made.answered(0, 1000)
    assert 1000 < balancer.averages()[0] < 9000 * 0.9048


def test_a_slow_server_is_tried_again() -> None:
    made, balancer = pool(2, words=["1000"])
    made.answered(0, 90_000)
    for _ in range(100):
        balancer.clock_us += SECOND // 10
        if made.take() == 0:
            break
        made.free(1)
        made.answered(1, 1000)
    else:
        pytest.fail("never tried again")


def test_an_error_is_not_fast() -> None:
    made, balancer = pool(1)
    made.answered(0, 8000)
    made.answered(0, 10, failed=True)
    assert balancer.averages() == [8000]


def test_the_unknown_get_one_stream_at_a_time() -> None:
    made, _ = pool(3)
    made.answered(0, 2000)
    found = Counter(made.take() for _ in range(30))
    assert found == {0: 28, 1: 1, 2: 1}


def test_one_that_comes_back_is_unknown() -> None:
    made, balancer = pool(2)
    made.answered(0, 5000)
    made.down(0)
    assert Counter(made.requests(5)) == {1: 5}
    made.up(0)
    made.pick()
    assert balancer.averages() == [0, 0]


def test_full_avoided_backup_none() -> None:
    made, _ = pool(4, maxconn=[1, 1, 0, 0], backups=(2, 3))
    assert sorted(made.take() or 0 for _ in range(2)) == [0, 1] and made.take() is None
    made.free(0)
    assert made.balancer.next_server(None, made.servers[0]) is made.servers[0]
    made.down(0)
    made.down(1)
    assert made.requests(3) == [2, 2, 2]
    made.down(2)
    made.down(3)
    assert made.take() is None
    made, _ = pool(3, backups=(1, 2), allbackups=True)
    made.down(0)
    assert set(made.requests(20)) == {1, 2}


@settings(max_examples=60)
@given(st.lists(st.integers(1, 100_000), min_size=2, max_size=8), st.integers(0, 7), st.lists(st.integers(0, 7), max_size=8))
def test_only_usable_servers_and_never_the_worst_of_two(times: list[int], seed: int, down: list[int]) -> None:
    made, balancer = pool(len(times))
    balancer.seed(seed)
    for i, us in enumerate(times):
        made.answered(i, us)
    for i in down:
        if i < len(times):
            made.down(i)
    up = [i for i in range(len(times)) if i not in down]
    found = Counter(made.requests(100))
    assert set(found) <= (set(up) or {None})
    slowest = max((times[i] for i in up), default=0)
    if [times[i] for i in up].count(slowest) == 1 and len(up) > 1:
        assert found[times.index(slowest, next(i for i in up if times[i] == slowest))] == 0


def test_a_worker_that_dies_at_work() -> None:
    made, balancer = pool(2)
    made.answered(0, 5000)
    made.die_at_work()
    assert set(made.requests(20)) == {0, 1} and balancer.averages() == [0, 0]
