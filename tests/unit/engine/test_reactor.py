"""The nested set on both kinds of loop: edges, wake-ups, deadlines, and sources that go while events for them wait."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import time
from collections.abc import Callable
from typing import cast

import pytest
import uvloop

from haproxy_py.engine.reactor import Reactor, sources_alive
from haproxy_py.engine.testing import Probe

LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop, uvloop.new_event_loop]


async def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Let the loop run until the condition holds."""
    end = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < end, "never happened"
        await asyncio.sleep(0.002)


@pytest.fixture(params=LOOPS, ids=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    made = request.param()
    yield made
    made.close()


def test_events_arrive_once_per_edge(loop: asyncio.AbstractEventLoop) -> None:
    async def main() -> None:
        reactor = Reactor()
        reactor.attach(loop)
        a, b = socket.socketpair()
        a.setblocking(False)
        probe = Probe(a.fileno())
        assert probe.watch(reactor) == 0
        b.send(b"x")
        await until(lambda: probe.told)
        await asyncio.sleep(0.02)
        assert len(probe.told) == 1, "edge triggered: unread bytes are told once"
        b.send(b"y")
        await until(lambda: len(probe.told) == 2)
        probe.forget()
        reactor.detach()
        a.close()
        b.close()

    loop.run_until_complete(main())


def test_wake_and_deadline(loop: asyncio.AbstractEventLoop) -> None:
    async def main() -> None:
        reactor = Reactor()
        reactor.attach(loop)
        probe = Probe(-1)
        began = time.monotonic()
        probe.deadline(reactor, 20)
        await until(lambda: probe.told)
        assert probe.told[0][0] == "deadline"
        assert time.monotonic() - began >= 0.018
        probe.wake()
        await until(lambda: len(probe.told) == 2)
        assert probe.told[1] == ("events", 0)
        began = time.monotonic()
        probe.deadline(reactor, 10)
        probe.deadline(reactor, 60)
        await until(lambda: len(probe.told) == 3)
        assert time.monotonic() - began >= 0.055, "a deadline that was moved later does not come early"
        reactor.detach()

    loop.run_until_complete(main())


def test_forgotten_sources_hear_nothing_and_are_freed(loop: asyncio.AbstractEventLoop) -> None:
    async def main() -> None:
        gc.collect()
        before = sources_alive()
        reactor = Reactor()
        reactor.attach(loop)
        a, b = socket.socketpair()
        probe = Probe(a.fileno())
        probe.watch(reactor)
        b.send(b"x")
        probe.forget()
        await asyncio.sleep(0.02)
        assert probe.told == []
        os.close(a.detach())
        del probe
        await asyncio.sleep(0.01)
        reactor.turn()
        gc.collect()
        assert sources_alive() == before
        reactor.detach()
        b.close()

    loop.run_until_complete(main())


class Loop:
    """As much of a loop as a reactor needs; counts how often the set comes and goes."""

    def __init__(self) -> None:
        self.came = 0
        self.went = 0

    def add_reader(self, fd: int, callback: Callable[[], None]) -> None:
        self.came += 1

    def remove_reader(self, fd: int) -> None:
        self.went += 1


@pytest.mark.parametrize(("events", "departures"), [(3, 0), (40, 1)])
def test_only_a_busy_turn_takes_the_set_out_of_the_loop(events: int, departures: int) -> None:
    reactor, loop = Reactor(), Loop()
    reactor.linger_ms = 20
    reactor.attach(cast(asyncio.AbstractEventLoop, loop))
    pairs = [socket.socketpair() for _ in range(events)]
    probes = [Probe(a.fileno()) for a, _ in pairs]
    for probe, (_, b) in zip(probes, pairs, strict=True):
        assert probe.watch(reactor) == 0
        b.send(b"x")
    reactor.turn()
    assert [len(probe.told) for probe in probes] == [1] * events
    assert (loop.went, loop.came) == (departures, 1 + departures)
    for probe, pair in zip(probes, pairs, strict=True):
        probe.forget()
        pair[0].close()
        pair[1].close()
    reactor.detach()


def test_events_have_their_turn_between_many_deadlines() -> None:
    """What is to be done at a time may be a burst; whoever waits for an answer does not wait for all of it."""
    reactor, told = Reactor(), list[str]()
    reactor.attach(cast(asyncio.AbstractEventLoop, Loop()))
    a, b = socket.socketpair()
    client, late = Probe(a.fileno()), [Probe(-1) for _ in range(200)]
    client.watch(reactor)
    client.then = lambda: told.append("events")

    def work() -> None:
        if not told:
            b.send(b"x")
        told.append("deadline")
        end = time.monotonic() + 0.0001
        while time.monotonic() < end:
            pass

    for probe in late:
        probe.then = work
        probe.deadline(reactor, 1)
    while told.count("deadline") < len(late):
        reactor.turn()
    assert told[0] == "deadline"
    assert "events" in told[:-1]
    assert all(len(probe.told) == 1 for probe in late)
    client.forget()
    reactor.detach()
    a.close()
    b.close()
