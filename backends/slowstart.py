"""slowstart: lets the weights of servers that came back grow (manual 5.2). Runs in the worker that runs the checks.

A step comes every twentieth of the delay, a second at least, as in HAProxy; the arithmetic is backends.state.weighed.
"""

from __future__ import annotations

import asyncio

from backends import state
from backends.follow import Follower
from backends.life import Life
from haproxy_py.engine.shm import ServerSlot

STEPS = 20
LEAST_S = 1.0


class Warmer:
    """follower: of this process; it tells which servers are in slowstart."""

    def __init__(self, life: Life, follower: Follower) -> None:
        self.life = life
        self.follower = follower
        self.timers: dict[ServerSlot, asyncio.TimerHandle] = {}

    def start(self) -> None:
        """Warm those that are in slowstart now, the work of a worker that died included."""
        self.follower.look_again()
        self.follower.follow()
        self.heard()

    def stop(self) -> None:
        """No more steps from here."""
        for timer in self.timers.values():
            timer.cancel()
        self.timers.clear()

    def heard(self) -> None:
        """The follower has found servers in slowstart."""
        while self.follower.warming:
            slot = self.follower.warming.pop()
            if slot not in self.timers:
                self._later(slot)

    def _later(self, slot: ServerSlot) -> None:
        delay = max(LEAST_S, state.facts(slot)["slowstart"] / STEPS)
        self.timers[slot] = asyncio.get_running_loop().call_later(delay, self._step, slot)

    def _step(self, slot: ServerSlot) -> None:
        del self.timers[slot]
        if slot not in self.life.servers:
            return
        self.life.warmed(slot)
        self.follower.warming.discard(slot)
        if state.facts(slot)["state"] == state.STARTING and slot not in self.timers:
            self._later(slot)
