"""The control bus between processes, all in one: changes in one order, questions, long answers, who does not read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from haproxy_py.runtime import bus as module
from haproxy_py.runtime.bus import Bus, Unreachable
from haproxy_py.runtime.operations import OPERATIONS, operation


class Segment:
    """As far as the bus looks."""

    def __init__(self, alive: dict[int, int]) -> None:
        self.alive = alive
        self.stopping = False


class Process:
    """What an operation works on."""

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.said: list[Any] = []


@pytest.fixture
def operations() -> Iterator[None]:
    before = dict(OPERATIONS)

    @operation("say", change=True)
    def say(process: Process, word: str) -> int:
        process.said.append(word)
        return len(process.said)

    @operation("long")
    def long(process: Process, size: int) -> str:
        return "x" * size

    @operation("fail")
    def fail(process: Process) -> None:
        raise KeyError("no")

    yield
    OPERATIONS.clear()
    OPERATIONS.update(before)


class Group:
    """A supervisor and two workers, which share one event loop here; forked() makes a worker's copy of the bus."""

    def __init__(self) -> None:
        self.segment = Segment({1: 101, 2: 102})
        self.supervisor = Bus(2)
        self.processes = [Process(self.segment) for _ in range(3)]
        self.supervisor.become(0, self.processes[0])
        loop = asyncio.get_running_loop()
        loop.add_reader(self.supervisor.fileno(), self._hear)
        self.workers = [self.forked(slot) for slot in (1, 2)]

    def _hear(self) -> None:
        self.supervisor.read()
        self.supervisor.flush()

    def forked(self, slot: int) -> Bus:
        copy = Bus.__new__(Bus)
        copy.__dict__.update(self.supervisor.__dict__)
        copy._asked = {}
        copy._parts = {}
        copy.become(slot, self.processes[slot], asyncio.get_running_loop())
        return copy

    def end(self) -> None:
        asyncio.get_running_loop().remove_reader(self.supervisor.fileno())
        for worker in self.workers:
            worker.leave()
        for pair in (*self.supervisor.boxes, self.supervisor.channel):
            for end in pair:
                end.close()


def run(test: Callable[[Group], Any]) -> None:
    async def body() -> None:
        group = Group()
        try:
            await asyncio.wait_for(test(group), 10)
        finally:
            group.end()

    asyncio.run(body())


def test_a_change_reaches_all_in_one_order(operations: None) -> None:
    async def body(group: Group) -> None:
        first, second = group.workers
        await asyncio.gather(*(worker.ask("say", f"{n}{word}") for n in range(20) for worker, word in ((first, "a"), (second, "b"))))
        said = [process.said for process in group.processes]
        assert said[0] == said[1] == said[2] and len(said[0]) == 40

    run(body)


def test_a_new_worker_knows_what_it_was_born_with(operations: None) -> None:
    """Its predecessor did not read: what the supervisor had applied before the fork is not applied again."""

    async def body(group: Group) -> None:
        group.workers[1].leave()
        got, late = await group.workers[0].ask("say", "one", within_s=0.2)
        assert got == {1: ["ok", 1]} and late == [2]
        group.processes[2].said = ["one"]  # forked from the supervisor now
        group.workers[1] = group.forked(2)
        assert await group.workers[0].ask("say", "two") == ({1: ["ok", 2], 2: ["ok", 2]}, [])
        assert group.processes[2].said == ["one", "two"]

    run(body)


def test_long_answers_and_failures(operations: None) -> None:
    async def body(group: Group) -> None:
        got, late = await group.workers[0].ask("long", 300000)
        assert not late and [len(value) for _, value in got.values()] == [300000, 300000]
        got, late = await group.workers[0].ask("fail")
        assert got == {1: ["error", "KeyError: 'no'"], 2: ["error", "KeyError: 'no'"]}

    run(body)


def test_who_dies_is_not_waited_for(operations: None) -> None:
    async def body(group: Group) -> None:
        group.workers[1].leave()
        asking = asyncio.create_task(group.workers[0].ask("long", 1, within_s=5))
        await asyncio.sleep(0.05)
        del group.segment.alive[2]
        assert await asking == ({1: ["ok", "x"]}, [])

    run(body)


def test_nothing_is_kept_without_end(operations: None, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(group: Group) -> None:
        monkeypatch.setattr(module, "MOST_WAITING", 10)
        group.workers[1].leave()
        with pytest.raises(Unreachable, match="worker 2 does not respond"):
            for _ in range(2000):
                await group.workers[0].ask("long", 1, within_s=0)

    run(body)


def test_a_finishing_generation_changes_itself(operations: None) -> None:
    """The supervisor is another program by now: nobody passes changes on."""

    async def body(group: Group) -> None:
        group.segment.stopping = True
        group.segment.alive = {1: 1, 2: 1}  # process 1 is always there
        asyncio.get_running_loop().remove_reader(group.supervisor.fileno())
        assert await group.workers[0].ask("say", "late") == ({1: ["ok", 1], 2: ["ok", 1]}, [])

    run(body)
