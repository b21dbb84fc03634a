"""What signals do to a proxy without a master, with one process and with several: from outside both are one HAProxy."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from tests.scenarios.process.fakeproxy import FakeProxy, alive, children, comm, until

Start = Callable[..., FakeProxy]
one_and_two = pytest.mark.parametrize("workers", [1, 2])


@one_and_two
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_hard_stop_ends_by_the_signal(fake: Start, workers: int, signum: int) -> None:
    proxy = fake(workers=workers).serving()
    held = proxy.connect(b"hold")
    held.recv(100)
    mine = children(proxy.pid)
    assert len(mine) == (0 if workers == 1 else workers)
    proxy.kill(signum)
    assert proxy.ended() == -signum
    until(lambda: not any(alive(pid) for pid in mine), "workers end with it")
    assert held.recv(1) == b""


@one_and_two
def test_soft_stop_finishes_what_runs(fake: Start, workers: int) -> None:
    proxy = fake(workers=workers).serving()
    held = proxy.connect(b"hold")
    held.recv(100)
    proxy.kill(signal.SIGUSR1)
    until(lambda: not proxy.answers(), "the port is closed")
    until(lambda: "Proxy f stopped (cumulated conns: FE: " in proxy.said(), "the farewell")
    with pytest.raises(ConnectionRefusedError):
        proxy.connect()
    assert proxy.process.poll() is None, "a connection is still open"
    held.close()
    assert proxy.ended() == 0
    assert proxy.said().count("Proxy f stopped") == 1, "one worker speaks for all"


@one_and_two
def test_hard_stop_after(fake: Start, workers: int) -> None:
    proxy = fake(workers=workers, extra="  hard-stop-after 200ms").serving()
    held = proxy.connect(b"hold")
    held.recv(100)
    proxy.kill(signal.SIGUSR1)
    assert proxy.ended() == 0
    assert "soft-stop running for too long, performing a hard-stop." in proxy.said()


@one_and_two
def test_a_hard_stop_overrides_a_soft_one(fake: Start, workers: int) -> None:
    proxy = fake(workers=workers).serving()
    held = proxy.connect(b"hold")
    held.recv(100)
    proxy.kill(signal.SIGUSR1)
    until(lambda: not proxy.answers(), "the port is closed")
    proxy.kill(signal.SIGTERM)
    assert proxy.ended() == -signal.SIGTERM


@one_and_two
def test_dump_and_ignored_signals(fake: Start, workers: int) -> None:
    proxy = fake(workers=workers).serving()
    for signum in (signal.SIGUSR2, signal.SIGQUIT, signal.SIGHUP):
        proxy.kill(signum)
    until(lambda: "SIGHUP: Proxy f has no servers." in proxy.said(), "the dump")
    assert proxy.said().count("SIGHUP received, dumping servers states.") == 1
    assert proxy.answers()


@one_and_two
def test_pause_and_resume(fake: Start, workers: int) -> None:
    proxy = fake(workers=workers).serving()
    proxy.kill(signal.SIGTTOU)
    until(lambda: "Paused frontend f." in proxy.said(), "the pause")
    proxy.kill(signal.SIGTTIN)
    until(proxy.answers, "it answers again")
    until(lambda: "Resumed frontend f." in proxy.said(), "the end of the pause")
    assert proxy.said().count("Paused frontend f.") == 1
    assert proxy.said().count("Resumed frontend f.") == 1


def test_every_process_is_named_haproxy(fake: Start) -> None:
    proxy = fake().serving()
    assert {comm(pid) for pid in (proxy.pid, *children(proxy.pid))} == {"haproxy"}


def all_serve(proxy: FakeProxy, workers: int) -> None:
    """Wait until each worker has answered: one that dies before it serves ends the start."""
    seen: set[int] = set()
    until(lambda: seen.add(proxy.ask()[0]) or len(seen) == workers, "an answer of every worker")


def test_a_killed_worker_is_replaced(fake: Start) -> None:
    proxy = fake().serving()
    all_serve(proxy, 2)
    held = [proxy.connect(b"hold") for _ in range(6)]
    owners = [int(sock.recv(100).split()[0]) for sock in held]
    victim = owners[0]
    before = children(proxy.pid)
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(set(children(proxy.pid)) - set(before)) == 1, "a new worker")
    assert f"Current worker ({victim}) exited with code 137 (Killed)" in proxy.said()
    lost = owners.count(victim)
    _, _, scur, stot = proxy.serving().ask()
    assert scur == 6 - lost + 1, "the dead worker's connections are no longer counted"
    assert stot >= 8, "but its totals are"
    for sock, owner in zip(held, owners, strict=True):
        sock.close()
        assert owner in before


def test_nobody_outlives_the_supervisor(fake: Start) -> None:
    proxy = fake(workers=3).serving()
    until(lambda: len(children(proxy.pid)) == 3, "three workers")
    mine = children(proxy.pid)
    proxy.kill(signal.SIGKILL)
    until(lambda: not any(alive(pid) for pid in mine), "workers end too")


def test_workers_that_die_again_and_again_are_replaced_each_time(fake: Start) -> None:
    proxy = fake(workers=2).serving()
    all_serve(proxy, 2)
    for number in range(1, 5):
        until(lambda: len(children(proxy.pid)) == 2, "both workers")
        os.kill(children(proxy.pid)[-1], signal.SIGKILL)
        until(lambda number=number: proxy.said().count("exited with code 137 (Killed)") == number, "it is told")  # type: ignore[misc]
    until(lambda: len(children(proxy.pid)) == 2, "both workers")
    assert proxy.answers()
