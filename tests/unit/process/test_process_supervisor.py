"""The supervisor's plan for workers that die: at once the first time, then ever slower; old age forgives."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from haproxy_py.process.output import Console
from haproxy_py.process.supervisor import CRASH_WITHIN_S, DELAYS_S, Child, Hooks, Slot, Supervisor
from haproxy_py.process.systemd import Notifier


def supervisor(said: list[str]) -> Supervisor:
    console = Console(preface=False, write=said.append)
    made = Supervisor(None, Hooks(work=lambda slot, ready: 0), console, Notifier(None), workers=1, master=True)
    made.slots = {1: Slot()}
    return made


def planned(parent: Supervisor, age_s: float) -> float:
    """Seconds until the replacement of a worker that died at this age."""
    now = 1000.0
    with mock.patch.object(time, "monotonic", return_value=now):
        parent._plan_replacement(Child(pid=1, slot=1, born=now - age_s))
    due = parent.slots[1].due
    assert due is not None
    return due - now


def test_delays_grow_with_crashes() -> None:
    parent = supervisor([])
    delays = [planned(parent, 0.1) for _ in range(len(DELAYS_S) + 3)]
    rounded = [round(delay, 2) for delay in delays]
    assert rounded == [*DELAYS_S, *[DELAYS_S[-1]] * 3]


def test_a_worker_that_lived_long_is_replaced_at_once() -> None:
    parent = supervisor([])
    for _ in range(5):
        planned(parent, 0.1)
    assert planned(parent, CRASH_WITHIN_S + 1) < 0.01
    assert parent.slots[1].crashes == 0


def test_a_death_is_told_and_planned_for() -> None:
    said: list[str] = []
    parent = supervisor(said)
    reader, writer = os.pipe()
    os.close(writer)
    parent.children[4242] = Child(4242, 1, time.monotonic(), reader)
    parent._died(4242, 137, "Killed")
    assert said == [f"[ALERT]    ({os.getpid()}) : Current worker (4242) exited with code 137 (Killed)\n"]
    assert parent.children == {} and parent.slots[1].due is not None
    parent._died(77, 0, "Exit")
    assert len(said) == 1, "a process that is not ours is not talked about"


def starting(said: list[str], work: Callable[[int, Callable[[], None]], int]) -> Supervisor:
    console = Console(preface=False, write=said.append)
    return Supervisor(None, Hooks(work=work), console, Notifier(None), workers=1)


def test_a_worker_killed_before_it_serves_is_replaced(tmp_path: Path) -> None:
    marker = tmp_path / "first"
    said: list[str] = []

    def work(slot: int, ready: Callable[[], None]) -> int:
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        ready()
        signal.pause()
        return 0

    parent = starting(said, work)
    assert parent.start()
    assert [" exited with code 137 (Killed)" in line for line in said] == [True]
    (child,) = parent.children
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_a_worker_that_refuses_to_serve_ends_the_start() -> None:
    parent = starting([], lambda slot, ready: 1)
    assert not parent.start()
    assert parent.children == {}


def test_workers_killed_again_and_again_end_the_start() -> None:
    def work(slot: int, ready: Callable[[], None]) -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    said: list[str] = []
    assert not starting(said, work).start()
    assert len(said) == 4
