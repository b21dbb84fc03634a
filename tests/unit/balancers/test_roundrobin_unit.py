"""balance roundrobin: HAProxy's order, proportions, changes, backups, full servers, one sequence for all workers."""

from __future__ import annotations

import os
from collections import Counter
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancers.roundrobin import RoundRobin
from balancers.testing import Pool

WEIGHTS = st.lists(st.integers(1, 256), min_size=1, max_size=6)
SETTLED_PICKS = 4000
SMALL = st.lists(st.integers(1, 12), min_size=1, max_size=6)


def pool(*weights: int, backups: tuple[int, ...] = (), allbackups: bool = False) -> Pool:
    return Pool(RoundRobin, weights, backups=backups, allbackups=allbackups)


def text(made: Pool, n: int) -> str:
    return "".join("-" if i is None else str(i) for i in made.picks(n))


@pytest.mark.parametrize(
    "weights, order",
    [
        ((1, 1, 1), "012012012"),
        ((2, 1), "001001001"),
        ((1, 2), "110110110"),
        ((1, 3), "111011101110"),
        ((3, 2, 1), "010201010201"),
        ((1, 2, 3), "212021212021"),
        ((5, 1, 1), "000100200010020001"),
        ((10, 1), "0000000000100000000001"),
        ((100, 1, 50), "002002002002"),
    ],
)
def test_recorded_order(weights: tuple[int, ...], order: str) -> None:
    """What HAProxy 2.6 picked."""
    assert text(pool(*weights), len(order)) == order


@pytest.mark.parametrize(("before", "after"), [(0, "321321"), (1, "132132"), (2, "213213"), (3, "321321"), (4, "132132")])
def test_when_all_are_full_a_new_round_begins_with_the_last(before: int, after: str) -> None:
    """What HAProxy 2.6 picked once they were free again (numbers from 1)."""
    made = pool(1, 1, 1)
    made.picks(before)
    for i in range(3):
        made.limit(i, 1, 1)
    assert made.pick() is None
    for i in range(3):
        made.limit(i, 1, 0)
    assert "".join(str(i + 1) for i in made.picks(6)) == after


@settings(max_examples=100)
@given(SMALL)
def test_a_round_gives_every_server_its_weight(weights: list[int]) -> None:
    """To within one pick: when nobody is due the earliest comes before its time (HAProxy's too: weights 3, 4, 4)."""
    made = pool(*weights)
    seen = Counter(made.picks(16 * sum(weights)))
    assert all(abs(seen[i] - 16 * weight) <= 1 for i, weight in enumerate(weights))


@settings(max_examples=100)
@given(WEIGHTS)
def test_every_prefix_is_close_to_the_proportion(weights: list[int]) -> None:
    made, total = pool(*weights), sum(weights)
    seen = [0] * len(weights)
    for n in range(1, 300):
        seen[made.pick() or 0] += 1
        for i, weight in enumerate(weights):
            assert abs(seen[i] - n * weight / total) <= len(weights)


CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("pick"), st.integers(1, 40)),
        st.tuples(st.just("weight"), st.integers(0, 5), st.integers(0, 256)),
        st.tuples(st.just("up"), st.integers(0, 5), st.booleans()),
    ),
    max_size=40,
)


@settings(max_examples=150)
@given(st.lists(st.integers(0, 256), min_size=6, max_size=6), CHANGES)
def test_any_change_leaves_only_usable_servers_and_later_the_proportion(weights: list[int], changes: list[tuple]) -> None:  # type: ignore[type-arg]
    made, weight, up = pool(*weights), list(weights), [True] * 6
    for what, *args in changes:
        if what == "weight":
            weight[args[0]] = args[1]
            made.weight(args[0], args[1])
        elif what == "up":
            up[args[0]] = args[1]
            made.up(args[0], args[1])
        else:
            usable = {i for i in range(6) if up[i] and weight[i]}
            assert set(made.picks(args[0])) <= (usable or {None})
    usable = {i for i in range(6) if up[i] and weight[i]}
    assert made.nbsrv == len(usable) and made.tot_weight == 16 * sum(weight[i] for i in usable)
    total = 16 * sum(weight[i] for i in usable)
    if 0 < total <= 2000:
        made.picks(40000)
        seen = Counter(made.picks(total))
        assert all(abs(seen[i] - 16 * weight[i]) <= 3 for i in usable)


@settings(max_examples=60)
@given(st.lists(st.integers(1, 12), min_size=6, max_size=6), st.lists(st.tuples(st.integers(0, 5), st.integers(0, 12), st.integers(1, 30)), max_size=20))
def test_order_is_smooth_again_after_changed_weights(weights: list[int], changes: list[tuple[int, int, int]]) -> None:
    """Right behind a change HAProxy's arithmetic may give one server many turns in a row (tests/oracle/test_roundrobin.py has some)."""
    made, weight = pool(*weights), list(weights)
    for which, new, turns in changes:
        weight[which] = new
        made.weight(which, new)
        made.picks(turns)
    made.picks(SETTLED_PICKS)
    longest = max(len(run) for run in _runs(made.picks(300)))
    others = sum(weight) - max(weight)
    assert others == 0 or longest <= 2 * (max(weight) // others + 2), "about its share in a row"


def _runs(picks: list[int | None]) -> list[list[int | None]]:
    """Neighbouring picks of one server."""
    return [list(run) for _, run in groupby(picks)]


def test_a_server_that_comes_back_is_not_flooded() -> None:
    made = pool(1, 1)
    made.down(0)
    assert text(made, 6) == "111111"
    made.up(0)
    assert Counter(made.picks(8)) == {0: 4, 1: 4}


def test_weight_0_drains_and_none_is_left() -> None:
    made = pool(1, 1)
    made.weight(0, 0)
    assert text(made, 4) == "1111"
    made.weight(1, 0)
    assert text(made, 2) == "--" and made.nbsrv == 0
    made.weight(0, 7)
    assert text(made, 3) == "000"


def test_the_first_usable_backup_serves_alone() -> None:
    made = pool(1, 5, 9, backups=(1, 2))
    assert text(made, 3) == "000" and made.nbsrv == 1
    made.down(0)
    assert text(made, 4) == "1111" and made.nbsrv == 1
    made.down(1)
    assert text(made, 4) == "2222"
    made.up(0)
    assert text(made, 3) == "000"


def test_allbackups_balances_the_backups() -> None:
    made = pool(1, 2, 1, backups=(1, 2), allbackups=True)
    made.down(0)
    assert text(made, 6) == "112112" and made.nbsrv == 2 and made.tot_weight == 48
    made.down(1)
    made.down(2)
    assert text(made, 2) == "--"


@pytest.mark.parametrize(
    "weights, while_full, after",
    [
        ((5, 1, 1), "1212", "0000000100200"),
        ((5, 4, 3), "1211212", "01021010201"),
        ((7, 3), "111", "00000100100010"),
        ((20, 3, 9), "21222", "000010200200"),
    ],
)
def test_full_servers_use_their_turn_up(weights: tuple[int, ...], while_full: str, after: str) -> None:
    """HAProxy 2.6, server 0 with maxconn 1 and one request held on it from the first pick on."""
    made = pool(*weights)
    made.limit(0, 1, 0)
    assert made.pick() == 0
    made.limit(0, 1, 1)
    assert text(made, len(while_full)) == while_full
    made.limit(0, 1, 0)
    assert text(made, len(after)) == after


def test_nobody_is_chosen_while_all_are_full() -> None:
    made = pool(1, 1)
    made.limit(0, 2, 2)
    assert text(made, 4) == "1111"
    made.limit(1, 3, 3)
    assert text(made, 2) == "--" and made.nbsrv == 2
    made.limit(0, 2, 1)
    assert text(made, 2) == "00"


def test_the_server_to_avoid_comes_only_when_it_must() -> None:
    made = pool(1, 1, 1)
    for _ in range(5):
        found = made.balancer.next_server(None, made.servers[1])
        assert found is not None and found is not made.servers[1]
    made.down(0)
    made.limit(2, 1, 1)
    assert made.balancer.next_server(None, made.servers[1]) is made.servers[1]
    made.limit(1, 1, 1)
    assert made.balancer.next_server(None, made.servers[1]) is None
    made.down(2)
    made.limit(1, 1, 0)
    assert made.balancer.next_server(None, made.servers[1]) is made.servers[1]


def test_two_workers_share_one_sequence() -> None:
    made = pool(3, 2, 1)
    alone = pool(3, 2, 1).picks(60)
    found: list[int | None] = []
    for _ in range(10):
        found += made.picks(3)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writer, bytes(i or 0 for i in made.picks(3)))
            os._exit(0)
        os.close(writer)
        os.waitpid(child, 0)
        found += os.read(reader, 3)
        os.close(reader)
    assert found == alone


def test_a_thousand_servers() -> None:
    made = pool(*[1 + i % 7 for i in range(1000)])
    total = sum(1 + i % 7 for i in range(1000))
    seen = Counter(made.picks(16 * total))
    assert all(abs(seen[i] - 16 * (1 + i % 7)) <= 1 for i in range(1000))
