"""leastconn, first, sticky: who is lowest, who is passed over, what a change moves."""

from __future__ import annotations

import os
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancers.first import First
from balancers.leastconn import LeastConn
from balancers.roundrobin import RoundRobin
from balancers.sticky import Sticky
from balancers.testing import Pool


def text(found: list[int | None]) -> str:
    return "".join("-" if i is None else str(i) for i in found)


def test_leastconn_goes_round_among_equals() -> None:
    assert text(Pool(LeastConn, [1, 1, 1]).requests(7)) == "0120120"
    assert text(Pool(LeastConn, [1, 200]).requests(4)) == "0101"


def test_leastconn_counts_streams_for_their_weight() -> None:
    made = Pool(LeastConn, [1, 2, 3])
    assert Counter(made.take() for _ in range(60)) == {0: 10, 1: 20, 2: 30}
    for _ in range(5):
        made.free(1)
    assert text([made.take() for _ in range(5)]) == "11111"


def test_leastconn_passes_over_the_full() -> None:
    made = Pool(LeastConn, [1, 1, 1], maxconn=[1, 2, 0])
    assert text([made.take() for _ in range(7)]) == "0121222"
    made.free(0)
    assert text([made.take(), made.take()]) == "02"
    made = Pool(LeastConn, [1, 1], maxconn=[1, 1])
    assert text([made.take() for _ in range(3)]) == "01-"
    made.free(1)
    assert made.take() == 1


def test_first_fills_one_server_after_the_other() -> None:
    made = Pool(First, [1, 200, 1], ids=[30, 20, 10], maxconn=[2, 2, 2])
    assert text([made.take() for _ in range(7)]) == "221100-"
    made.free(1)
    made.free(2)
    assert text([made.take() for _ in range(3)]) == "21-"
    made.free(0)
    made.down(0)
    assert made.take() is None


def test_sticky_stays_until_its_server_goes_down() -> None:
    made = Pool(Sticky, [1, 5, 1], maxconn=[1, 0, 0])
    assert made.balancer.holds and text([made.take() for _ in range(3)]) == "000"
    made.down(0)
    assert text(made.picks(2)) == "11"
    made.up(0)
    made.weight(1, 7)
    assert text(made.picks(2)) == "11"
    made.down(1)
    assert text(made.picks(2)) == "22"
    made.down(2)
    assert text(made.picks(2)) == "00"


@pytest.mark.parametrize("kind", [LeastConn, First, Sticky])
def test_backups_stand_in(kind: type) -> None:
    made = Pool(kind, [1, 1, 1], backups=(1, 2))
    assert text(made.requests(2)) == "00"
    made.down(0)
    assert text(made.requests(3)) == "111"
    made.down(1)
    assert text(made.requests(2)) == "22"
    made.down(2)
    assert text(made.requests(2)) == "--"


def test_all_backups_with_allbackups() -> None:
    made = Pool(LeastConn, [1, 1, 1], backups=(1, 2), allbackups=True)
    made.down(0)
    assert text(made.requests(4)) == "1212"


@pytest.mark.parametrize("kind", [LeastConn, First])
def test_the_server_to_avoid_comes_only_when_it_must(kind: type) -> None:
    made = Pool(kind, [1, 1, 1], maxconn=[1, 1, 1])
    found = made.balancer.next_server(None, made.servers[0])
    assert found is made.servers[1]
    made.down(1)
    made.down(2)
    assert made.balancer.next_server(None, made.servers[0]) is made.servers[0]
    made.take()
    assert made.balancer.next_server(None, made.servers[0]) is None


STEPS = st.lists(st.tuples(st.sampled_from("tttfwud"), st.integers(0, 63), st.integers(0, 256)), max_size=120)


@settings(max_examples=150)
@given(st.lists(st.integers(0, 3), min_size=8, max_size=8), STEPS)
def test_leastconn_takes_one_of_the_least_loaded(limits: list[int], steps: list[tuple[str, int, int]]) -> None:
    """Whatever happened before, by the definition of the rank."""
    made = Pool(LeastConn, [1 + i for i in range(8)], maxconn=limits)
    weight, up, held = [1 + i for i in range(8)], [True] * 8, [0] * 8
    for what, n, value in steps:
        i = n % 8
        if what == "f" and held[i]:
            held[i] -= 1
            made.free(i)
        elif what == "w":
            weight[i] = value
            made.weight(i, value)
        elif what in "ud":
            up[i] = what == "u"
            made.up(i, up[i])
        elif what == "t":
            rank = {
                k: (held[k] + 1) * 4096 // (weight[k] * 16) if held[k] else 0
                for k in range(8)
                if up[k] and weight[k] and not (limits[k] and held[k] >= limits[k])
            }
            found = made.take()
            assert (found is None) == (not rank)
            if found is not None:
                assert rank[found] == min(rank.values())
                held[found] += 1


def test_a_server_added_and_one_deleted_at_run_time() -> None:
    made = Pool(LeastConn, [1, 1], room=3)
    slot = made.add(1)
    assert text(made.requests(6)) == "012012" and slot == 2
    made.down(0)
    made.remove(0)
    assert text(made.requests(4)) == "1212"
    assert made.add(1) == 0
    assert Counter(made.requests(6)) == {0: 2, 1: 2, 2: 2}


def test_workers_share_the_load() -> None:
    made = Pool(LeastConn, [1, 1, 1, 1], workers=2)
    child = os.fork()
    if child == 0:
        made.take(), made.take()
        os._exit(0)
    os.waitpid(child, 0)
    assert text([made.take() for _ in range(3)]) == "230"


@pytest.mark.parametrize("kind", [LeastConn, First, Sticky, RoundRobin])
def test_a_worker_that_dies_while_it_changes_the_state(kind: type) -> None:
    """The next one that comes builds the state anew."""
    made = Pool(kind, [1, 1, 1], workers=2)
    made.take()
    made.down(2)
    made.die_at_work()
    found = made.requests(6)
    assert set(found) <= {0, 1} and (kind in (First, Sticky) or Counter(found) == {0: 3, 1: 3} or kind is LeastConn)


def test_four_thousand_servers() -> None:
    made = Pool(LeastConn, [1 + i % 7 for i in range(4000)], maxconn=[3] * 4000)
    assert Counter(made.take() for _ in range(12000)) == dict.fromkeys(range(4000), 3)
    assert made.take() is None


def test_leastconn_fills_the_queue_of_a_server_with_a_maxqueue() -> None:
    """By rank, until streams and queue reach both limits together; joining the queue alone does not change a rank."""
    made = Pool(LeastConn, (1, 1))
    made.limit(0, 2, 2)
    made.limit(1, 1, 1)
    assert made.pick() is None
    made.queue(1, 0, 2)
    assert made.pick() == 1
    made.queue(1, 1, 2)
    assert made.pick() == 1
    made.queue(1, 2, 2)
    assert made.pick() is None
    made.limit(0, 2, 1)
    assert made.pick() == 0
