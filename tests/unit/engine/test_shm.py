"""The shared segment: counters, gauges, locks and the retirement of dead workers, with real forks."""

from __future__ import annotations

import os
import select
import signal

import pytest

from haproxy_py.engine.counters import TOTALS
from haproxy_py.engine.shm import ProxySlot, Segment, ServerSlot
from tests.harness.fork import in_child


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def segment() -> Segment:
    return Segment(3, proxies=2, servers=3)


def test_limits_of_the_constructor() -> None:
    for workers in (0, 65, -1):
        with pytest.raises(ValueError, match="shared by 1 to 64 workers"):
            Segment(workers)
    with pytest.raises(ValueError):
        Segment(1, proxies=-1)
    with pytest.raises(TypeError):
        Segment("1")  # type: ignore[arg-type]
    assert Segment(64).workers == 64
    os.fstat(0)  # what was never opened is not closed either


def test_slots_belong_to_the_segment() -> None:
    for cls in (ProxySlot, ServerSlot):
        with pytest.raises(TypeError):
            cls()


def test_slots_run_out(segment: Segment) -> None:
    segment.proxy("a")
    proxy = segment.proxy("b")
    for number in range(3):
        segment.server(proxy, f"s{number}", number + 1)
    assert [s.name for s in proxy.servers] == ["s0", "s1", "s2"]
    with pytest.raises(MemoryError, match="all 3 are taken"):
        segment.server(proxy, "s3", 4)
    with pytest.raises(MemoryError, match="shared segment is full"):
        for _ in range(100):
            segment.proxy("c")


def test_a_fresh_slot_is_zero(segment: Segment) -> None:
    proxy = segment.proxy("www")
    assert proxy.bname == b"www"
    assert set(proxy.totals()) == {*TOTALS, "last_session"}
    assert not any(proxy.totals().values())
    assert not any(proxy.gauges().values())
    server = segment.server(proxy, "s\udcff", 7)
    assert (server.bname, server.puid, server.usable) == (b"s\xff", 7, False)
    assert server.gauges()["last_chk"] == "" and server.gauges()["addr"] == bytes(20)


def test_totals_are_sums_over_workers(segment: Segment) -> None:
    proxy = segment.proxy("www")
    for slot in (1, 2, 3):

        def work(slot: int = slot) -> None:
            segment.attach(slot)
            proxy.add("stot", slot)
            proxy.add("hrsp_2xx")

        assert in_child(work) == 0
    assert proxy.totals()["stot"] == 6
    assert proxy.totals()["hrsp_2xx"] == 3
    with pytest.raises(KeyError):
        proxy.add("nonsense")


def test_a_peak_is_seen_by_all(segment: Segment) -> None:
    server = segment.server(segment.proxy("www"), "s1", 1)
    assert [server.enter() for _ in range(3)] == [1, 2, 3]

    def work() -> None:
        segment.attach(2)
        server.enter()
        server.leave()

    assert in_child(work) == 0
    server.leave()
    assert (server.gauges()["scur"], server.gauges()["smax"]) == (2, 4)


def test_retire_gives_a_dead_workers_part_back(segment: Segment) -> None:
    proxy = segment.proxy("www")
    server = segment.server(proxy, "s1", 1)
    proxy.enter()

    def work() -> None:
        segment.attach(2)
        for _ in range(5):
            proxy.enter()
            server.enter()
        proxy.add("bin", 1000)
        assert segment.claim_checker()
        die()

    assert in_child(work) == -signal.SIGKILL
    assert list(segment.alive) == [2]
    assert proxy.gauges()["scur"] == 6 and segment.gauges()["checker"] == 3
    segment.retire(2)
    assert segment.alive == {}
    assert (proxy.gauges()["scur"], proxy.gauges()["smax"], server.gauges()["scur"]) == (1, 6, 0)
    assert proxy.totals()["bin"] == 1000, "a dead worker's totals are kept"
    assert segment.gauges()["checker"] == 0
    segment.retire(2)
    assert proxy.gauges()["scur"] == 1 and proxy.totals()["bin"] == 1000, "retiring twice changes nothing"
    with pytest.raises(ValueError):
        segment.retire(4)


def test_the_checker_is_one_and_another_takes_over(segment: Segment) -> None:
    def second() -> None:
        segment.attach(2)
        assert not segment.claim_checker()
        segment.retire(1)
        assert segment.claim_checker()

    segment.attach(1)
    assert segment.claim_checker() and segment.claim_checker()
    assert in_child(second) == 0


def test_a_checker_that_is_gone_without_notice_is_followed(segment: Segment) -> None:
    def first() -> None:
        segment.attach(1)
        assert segment.claim_checker()

    assert in_child(first) == 0
    segment.attach(2)
    assert segment.claim_checker(), "its supervisor has become another program and retires nobody"


def test_a_dead_owner_does_not_keep_the_lock(segment: Segment) -> None:
    proxy = segment.proxy("www")

    def work() -> None:
        segment.attach(1)
        proxy.lock()
        die()

    assert in_child(work) == -signal.SIGKILL
    proxy.lock()
    proxy.unlock()


def test_retire_breaks_the_lock(segment: Segment) -> None:
    proxy = segment.proxy("www")
    pid = os.fork()
    if pid == 0:
        segment.attach(1)
        proxy.lock()
        die()
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # a zombie still counts as alive for kill(2)
    segment.retire(1)
    proxy.lock()
    proxy.unlock()
    os.waitpid(pid, 0)


def test_the_lock_excludes(segment: Segment) -> None:
    """Workers that increment one shared number under the lock lose none."""
    proxy = segment.proxy("www")
    pids = []
    for slot in (1, 2, 3):
        pid = os.fork()
        if pid == 0:
            segment.attach(slot)
            for _ in range(2000):
                proxy.lock()
                segment.maxconn += 1
                proxy.unlock()
            os._exit(0)
        pids.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0, 0, 0]
    assert segment.maxconn == 6000


def test_no_growth_after_the_fork(segment: Segment) -> None:
    def work() -> None:
        segment.attach(1)
        with pytest.raises(RuntimeError, match="after the workers were forked"):
            segment.proxy("late")

    assert in_child(work) == 0
    alone = Segment(1, proxies=1)
    alone.attach(1)
    assert alone.proxy("late").name == "late"


def test_rooms_for_servers_added_at_run_time(segment: Segment) -> None:
    proxy = segment.proxy("www")
    segment.server(proxy, "s1", 1)

    def adds() -> None:
        segment.attach(1)
        assert segment.claim_room() == 1
        late = segment.server(proxy, "late", 2, room=1)
        late.add("stot", 4)

    def sees() -> None:
        segment.attach(2)
        late = segment.server(proxy, "late", 2, room=1)
        assert late.totals()["stot"] == 4
        segment.forget_server(late)
        assert [s.name for s in proxy.servers] == ["s1"]

    assert in_child(adds) == 0
    assert in_child(sees) == 0
    segment.free_room(1)
    assert segment.claim_room() == 1
    assert segment.server(proxy, "new", 3, room=1).totals()["stot"] == 0
    with pytest.raises(ValueError):
        segment.free_room(2)
    with pytest.raises(IndexError):
        segment.server(proxy, "x", 9, room=3)


def test_wake_reaches_every_watcher(segment: Segment) -> None:
    polls = [select.epoll() for _ in range(2)]
    for poll in polls:
        poll.register(segment.wake_fd, select.EPOLLIN | select.EPOLLET)
    for _ in range(2):
        segment.wake()
        assert [len(poll.poll(0)) for poll in polls] == [1, 1]
        assert [len(poll.poll(0)) for poll in polls] == [0, 0], "edge triggered: once per wake, nobody reads"
    for poll in polls:
        poll.close()


def test_rates_of_a_quiet_proxy(segment: Segment) -> None:
    assert segment.proxy("www").rates(1_000_500) == (0, 0, 0)
