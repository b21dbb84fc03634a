"""The ring of consistent hashing against a sorted list, and what it promises: few keys move, loads are bounded."""

from __future__ import annotations

import os
import random
from bisect import bisect_left
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends import state
from balancers.hashed import Hashed
from balancers.hashing import scatter
from balancers.testing import Pool

ALL = 2**32
WEIGHTS = st.lists(st.integers(0, 30), min_size=1, max_size=8)


def ring(factor: int = 0, affinity: str = "always", keys: Sequence[str] = ()) -> Hashed:
    made = Hashed()
    made.hash_type("consistent", "none", "", factor=factor, affinity=affinity)
    made.hash_keys(keys)
    return made


def owner(pool: Pool, number: int) -> int:
    assert isinstance(pool.balancer, Hashed)
    slot = pool.balancer.server_of(number)
    assert slot is not None
    return slot.place


def points(weights: Sequence[int]) -> list[tuple[int, int]]:
    """(number, server) of every point; servers have the ids 1, 2, ..."""
    return sorted((scatter((i + 1) * 4096 + n), i) for i, w in enumerate(weights) for n in range(16 * w))


def closest(of: list[tuple[int, int]], number: int) -> int:
    at = bisect_left(of, (number, 0))
    above, below = of[at % len(of)], of[at - 1]
    return below[1] if (number - below[0]) % ALL <= (above[0] - number) % ALL else above[1]


def numbers(of: list[tuple[int, int]], dice: random.Random) -> list[int]:
    """Some at random, some on points, between them, and at both ends."""
    found = [dice.randrange(ALL) for _ in range(40)] + [0, 1, ALL - 1]
    for _ in range(20):
        at = dice.randrange(len(of))
        middle = (of[at - 1][0] + of[at][0]) // 2
        found += [of[at][0], (of[at][0] + 1) % ALL, (of[at][0] - 1) % ALL, middle, middle + 1]
    return found


@settings(max_examples=80)
@given(WEIGHTS, st.integers(0, 99), st.data())
def test_closest_point(weights: list[int], seed: int, data: st.DataObject) -> None:
    """Before and after each of some changes of weight."""
    pool, dice = Pool(ring, weights), random.Random(seed)
    changes = data.draw(st.lists(st.tuples(st.integers(0, len(weights) - 1), st.integers(0, 256)), max_size=5))
    for change in (None, *changes):
        if change:
            pool.weight(*change)
            weights[change[0]] = change[1]
        of = points(weights)
        if not of:
            assert pool.pick() is None
            continue
        for number in numbers(of, dice):
            assert owner(pool, number) == closest(of, number)


def test_many_servers_and_more_buckets() -> None:
    """Weights that grow a hundredfold make the buckets too few."""
    dice, weights = random.Random(1), [1] * 150
    pool = Pool(ring, weights)
    for i in range(150):
        weights[i] = dice.randrange(200, 257)
        pool.weight(i, weights[i])
        pool.pick()
    of = points(weights)
    assert all(owner(pool, n) == closest(of, n) for n in numbers(of, dice))


@settings(max_examples=60)
@given(st.lists(st.integers(1, 20), min_size=2, max_size=7), st.data())
def test_only_the_keys_of_who_left_move(weights: list[int], data: st.DataObject) -> None:
    pool, gone = Pool(ring, weights), data.draw(st.integers(0, len(weights) - 1))
    keys = [scatter(n) for n in range(500)]
    before = [owner(pool, key) for key in keys]
    pool.down(gone)
    after = [owner(pool, key) for key in keys]
    assert all(a == b or b == gone for a, b in zip(after, before, strict=True))
    assert gone not in after
    pool.up(gone)
    assert [owner(pool, key) for key in keys] == before


@settings(max_examples=40)
@given(st.lists(st.integers(1, 20), min_size=2, max_size=7), st.data())
def test_more_weight_only_draws_keys(weights: list[int], data: st.DataObject) -> None:
    pool, grows = Pool(ring, weights), data.draw(st.integers(0, len(weights) - 1))
    keys = [scatter(n) for n in range(500)]
    before = [owner(pool, key) for key in keys]
    pool.weight(grows, weights[grows] + data.draw(st.integers(1, 50)))
    assert all(a in (b, grows) for a, b in zip([owner(pool, key) for key in keys], before, strict=True))


def test_shares_follow_weights() -> None:
    weights = [50, 100, 200, 150]
    pool, got = Pool(ring, weights), [0] * 4
    for n in range(20000):
        got[owner(pool, scatter(n))] += 1
    assert all(abs(got[i] / 20000 - w / 500) < 0.05 for i, w in enumerate(weights)), got


def slots(weights: list[int], served: int, factor: int, i: int) -> int:
    """How many streams a server may have when one more comes, by the manual's percentage, rounded up."""
    return max(1, -(-(served + 1) * factor * weights[i] // (100 * sum(weights))) + 1)


@settings(max_examples=40)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(101, 300), st.integers(0, 99))
def test_bounded_load(weights: list[int], factor: int, seed: int) -> None:
    """Half of all streams ask for one key, streams come and go: nobody is above the share that the factor allows."""
    pool, dice, streams = Pool(lambda: ring(factor), weights), random.Random(seed), list[int]()
    for _ in range(150):
        if streams and dice.random() < 0.4:
            i = streams.pop(dice.randrange(len(streams)))
            pool.limit(i, 0, streams.count(i))
            continue
        i = owner(pool, 7 if dice.random() < 0.5 else dice.randrange(ALL))
        assert streams.count(i) < slots(weights, len(streams), factor, i)
        streams.append(i)
        pool.limit(i, 0, streams.count(i))


def test_factor_without_load_changes_nothing() -> None:
    plain, bounded = Pool(ring, [1, 2, 3]), Pool(lambda: ring(150), [1, 2, 3])
    keys = [scatter(n) for n in range(300)]
    assert [owner(plain, key) for key in keys] == [owner(bounded, key) for key in keys]


def test_affinity() -> None:
    """maxconn passes over servers without a slot, maxqueue over those with a full queue too, always over nobody."""
    for affinity, full, queued, passed in (
        ("always", True, True, False), ("maxconn", True, False, True), ("maxconn", False, False, False),
        ("maxqueue", True, False, False), ("maxqueue", True, True, True),
    ):  # fmt: skip
        pool = Pool(lambda affinity=affinity: ring(0, affinity), [5, 5, 5])  # type: ignore[misc]
        key = scatter(12345)
        home = owner(pool, key)
        pool.limit(home, 2, 2 if full else 1)
        pool.queue(home, 3 if queued else 2, 3)
        assert (owner(pool, key) != home) == passed, (affinity, full, queued)


def test_affinity_when_all_are_full() -> None:
    """The last one on the way round takes the stream into its queue."""
    pool = Pool(lambda: ring(0, "maxconn"), [1, 1])
    for i in range(2):
        pool.limit(i, 1, 1)
    assert {owner(pool, scatter(n)) for n in range(50)} <= {0, 1}


def test_redispatch_goes_on_along_the_ring() -> None:
    pool = Pool(ring, [1, 1, 1])
    source = pool.balancer.next_server()
    assert source is not None
    other = pool.balancer.next_server(None, source)
    assert other not in (None, source)


def test_turns_pass_over_full_servers() -> None:
    pool = Pool(ring, [2, 2, 2])
    pool.limit(1, 2, 2)
    assert set(pool.picks(40)) == {0, 2}
    for i in (0, 2):
        pool.limit(i, 1, 1)
    assert pool.pick() is None


def test_mends_itself() -> None:
    pool, keys = Pool(lambda: ring(150), [3, 1, 20]), [scatter(n) for n in range(200)]
    before = [owner(pool, key) for key in keys]
    pool.die_at_work()
    assert [owner(pool, key) for key in keys] == before


def test_all_workers_have_one_ring() -> None:
    """Another process changes a weight and takes turns; this one finds the ring and the turn where it left them."""
    pool, alone, keys = Pool(lambda: ring(), [2, 3], workers=2), Pool(ring, [2, 3]), [scatter(n) for n in range(200)]
    child = os.fork()
    if child == 0:
        pool.weight(0, 9)
        pool.picks(7)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    alone.weight(0, 9)
    alone.picks(7)
    assert [owner(pool, key) for key in keys] == [owner(alone, key) for key in keys]
    assert pool.picks(20) == alone.picks(20)


def test_servers_added_and_deleted() -> None:
    pool, keys = Pool(ring, [2, 2], room=3), [scatter(n) for n in range(300)]
    before = [owner(pool, key) for key in keys]
    assert pool.add(2) == 2
    assert {owner(pool, key) for key in keys} == {0, 1, 2}
    pool.down(2)
    pool.remove(2)
    assert [owner(pool, key) for key in keys] == before


def addressed(keys: Sequence[str], hosts: Sequence[str], ids: Sequence[int]) -> list[str]:
    """The host that each of some numbers belongs to."""
    pool = Pool(lambda: ring(keys=keys), [3] * len(hosts), ids=ids)
    for slot, host in zip(pool.servers, hosts, strict=True):
        name, _, port = host.rpartition(":")
        state.set_address(slot, name.strip("[]"), int(port))
    return [hosts[owner(pool, scatter(n))] for n in range(300)]


HOSTS = ["10.0.0.1:80", "10.0.0.2:80", "[2001:db8::1]:80", "10.0.0.1:81"]


def test_hash_key_addr_port_does_not_know_ids() -> None:
    keys = ["addr-port"] * 4
    assert addressed(keys, HOSTS, [1, 2, 3, 4]) == addressed(keys, HOSTS[::-1], [9, 7, 8, 1])
    assert set(addressed(keys, HOSTS, [1, 2, 3, 4])) == set(HOSTS)


def test_hash_key_addr_does_not_know_ports() -> None:
    hosts, others = ["10.0.0.1:80", "10.0.0.2:80"], ["10.0.0.1:90", "10.0.0.2:91"]
    moved = dict(zip(hosts, others, strict=True))
    assert [moved[h] for h in addressed(["addr"] * 2, hosts, [1, 2])] == addressed(["addr"] * 2, others, [5, 6])


def test_hash_key_of_a_server_added_at_run_time() -> None:
    pool, keys = Pool(lambda: ring(keys=["addr"]), [3], room=2), [scatter(n) for n in range(300)]
    assert isinstance(pool.balancer, Hashed)
    state.set_address(pool.servers[0], "10.0.0.1", 80)
    place = pool.add(3)
    state.set_address(pool.servers[place], "10.0.0.2", 80)
    by_id = [owner(pool, key) for key in keys]
    pool.balancer.hash_key(pool.servers[place], "addr")
    pool.balancer.server_changed(pool.servers[place])
    assert by_id != [owner(pool, key) for key in keys]
    expected = addressed(["addr"] * 2, ["10.0.0.1:80", "10.0.0.2:80"], [1, 2])
    assert [("10.0.0.1:80", "10.0.0.2:80")[owner(pool, key)] for key in keys] == expected


def test_hash_key_follows_the_address() -> None:
    """Without an address the id counts; a new address moves the points at once."""
    pool, keys = Pool(lambda: ring(keys=["addr", "id"]), [3, 3]), [scatter(n) for n in range(300)]
    plain = Pool(ring, [3, 3])
    assert [owner(pool, key) for key in keys] == [owner(plain, key) for key in keys]
    state.set_address(pool.servers[0], "10.0.0.1", 80)
    first = [owner(pool, key) for key in keys]
    state.set_address(pool.servers[0], "10.0.0.2", 80)
    assert first != [owner(pool, key) for key in keys]
    assert first != [owner(plain, key) for key in keys]


@pytest.mark.parametrize(("word", "value"), [("affinity", "never"), ("method", "random")])
def test_unknown_words(word: str, value: str) -> None:
    if word == "affinity":
        with pytest.raises(KeyError, match="never"):
            ring(0, value)
    else:
        with pytest.raises(KeyError, match="name"):
            ring(keys=["name"])
