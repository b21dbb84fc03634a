"""The table of map-based hashing: HAProxy's rule read literally, place by place, gives the same table."""

from __future__ import annotations

from heapq import heappop, heappush
from math import gcd

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancers.hashed import Hashed
from balancers.testing import Pool

WEIGHTS = st.lists(st.integers(0, 40), min_size=1, max_size=9)


def mapped() -> Hashed:
    made = Hashed()
    made.hash_type("map-based", "none", "")
    return made


def literal(weights: list[int]) -> list[int]:
    """Each place goes to the first server with the highest whole number of places owed."""
    total = sum(weights)
    score = [0] * len(weights)
    table = []
    for _ in range(total):
        best, most = -1, 0
        for i, weight in enumerate(weights):
            if weight:
                score[i] += weight
                owed = (score[i] + total) // total
                if best < 0 or owed > most:
                    best, most = i, owed
        score[best] -= total
        table.append(best)
    return table


def queued(weights: list[int]) -> list[int]:
    """literal() for large tables: what a server is owed grows at ceil(j * total / weight) only, and a heap knows who is owed most."""
    total, owed = sum(weights), [1] * len(weights)
    grows: list[list[int]] = [[] for _ in range(total + 1)]
    for i, weight in enumerate(weights):
        for j in range(1, weight + 1):
            grows[-(-j * total // weight)].append(i)
    heap = [(-1, i) for i, weight in enumerate(weights) if weight]
    found = []
    for place in range(1, total + 1):
        for i in grows[place]:
            owed[i] += 1
            heappush(heap, (-owed[i], i))
        while -heap[0][0] != owed[heap[0][1]]:
            heappop(heap)
        i = heappop(heap)[1]
        owed[i] -= 1
        heappush(heap, (-owed[i], i))
        found.append(i)
    return found


def table(pool: Pool, length: int) -> list[int]:
    assert isinstance(pool.balancer, Hashed)
    return [slot.place for n in range(length) if (slot := pool.balancer.server_of(n)) is not None]


def reduced(weights: list[int]) -> list[int]:
    divisor = gcd(*weights)
    return [w // divisor for w in weights] if divisor else weights


@settings(max_examples=150)
@given(WEIGHTS)
def test_table(weights: list[int]) -> None:
    expected = literal(reduced(weights))
    pool = Pool(mapped, weights)
    assert table(pool, len(expected)) == expected
    assert pool.picks(len(expected)) == expected


@settings(max_examples=60)
@given(st.lists(st.integers(0, 256), min_size=1, max_size=30))
def test_weights_of_all_sizes(weights: list[int]) -> None:
    expected = queued(reduced(weights))
    assert Pool(mapped, weights).picks(len(expected)) == expected


@given(WEIGHTS)
def test_both_readings_of_the_rule(weights: list[int]) -> None:
    assert queued(weights) == literal(weights)


@pytest.mark.parametrize(
    "weights",
    [
        pytest.param([1 + i * 37 % 11 for i in range(4500)], id="more than one block of the index"),
        pytest.param([1 + i * 37 % 256 for i in range(256)], id="every weight"),
        pytest.param(
            [1, 3, 3, 1, 1, 1, 3, 2, 3, 3, 1, 3, 2, 3, 2, 1, 227, 1, 3, 227, 3, 3, 3, 2, 1, 3, 227, 1, 3],
            id="somebody is owed three",
        ),
        pytest.param([256], id="one server"),
        pytest.param([3] * 64 + [0] * 64 + [5] * 65, id="whole words"),
    ],
)
def test_large_tables(weights: list[int]) -> None:
    expected = queued(reduced(weights))
    assert Pool(mapped, weights).picks(len(expected)) == expected


@settings(max_examples=60)
@given(WEIGHTS, st.data())
def test_servers_that_go_and_come(weights: list[int], data: st.DataObject) -> None:
    """The divisor stays that of the configured weights."""
    pool, divisor, up = Pool(mapped, weights), gcd(*weights), [True] * len(weights)
    for i in data.draw(st.lists(st.integers(0, len(weights) - 1), max_size=6)):
        up[i] = not up[i]
        pool.up(i, up[i])
        expected = literal([w // divisor if u and w else 0 for w, u in zip(weights, up, strict=True)])
        assert table(pool, len(expected)) == expected


def test_many_servers() -> None:
    weights = [1 + i % 3 for i in range(300)]
    pool = Pool(mapped, weights)
    assert table(pool, sum(weights)) == literal(weights)


@settings(max_examples=60)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=8))
def test_shares_follow_weights(weights: list[int]) -> None:
    """Over a whole table exactly; over any beginning of it a server is at most two places ahead and behind."""
    weights = reduced(weights)
    pool, total, got = Pool(mapped, weights), sum(weights), [0] * len(weights)
    for place, i in enumerate(pool.picks(total), 1):
        got[i or 0] += 1
        assert all(abs(got[k] - place * w / total) <= 2 + len(weights) for k, w in enumerate(weights))
    assert got == weights


@pytest.mark.parametrize(("allbackups", "expected"), [(False, [1, 1, 1, 1, 1]), (True, literal([0, 2, 3]))])
def test_backups(allbackups: bool, expected: list[int]) -> None:
    pool = Pool(mapped, [4, 2, 3], backups=(1, 2), allbackups=allbackups)
    assert set(table(pool, 30)) == {0}
    pool.down(0)
    assert table(pool, 5) == expected
    assert pool.balancer.server_of(5) is not None  # type: ignore[attr-defined]


def test_nobody() -> None:
    pool = Pool(mapped, [1, 1])
    pool.down(0)
    pool.down(1)
    assert pool.pick() is None
    assert pool.balancer.server_of(7) is None  # type: ignore[attr-defined]


def test_turns_pass_over_full_servers() -> None:
    pool = Pool(mapped, [1, 1, 1])
    pool.limit(1, 2, 2)
    assert pool.picks(4) == [0, 2, 0, 2]
    pool.limit(0, 1, 1)
    pool.limit(2, 1, 1)
    assert pool.pick() is None


def test_avoided_server() -> None:
    pool = Pool(mapped, [1, 1])
    first = pool.servers[0]
    assert [pool.balancer.next_server(None, first) for _ in range(3)] == [pool.servers[1]] * 3
    pool.down(1)
    assert pool.balancer.next_server(None, first) == first


def test_weights_do_not_move_a_map() -> None:
    pool = Pool(mapped, [2, 1])
    assert isinstance(pool.balancer, Hashed)
    assert not pool.balancer.dynamic
    before = table(pool, 3)
    pool.balancer.server_changed(pool.servers[0])
    assert table(pool, 3) == before == [0, 0, 1]


def test_mends_itself() -> None:
    pool = Pool(mapped, [3, 1, 2])
    expected = table(pool, 6)
    pool.die_at_work()
    assert table(pool, 6) == expected
    assert sorted(pool.picks(6)) == sorted(expected)  # type: ignore[type-var]
