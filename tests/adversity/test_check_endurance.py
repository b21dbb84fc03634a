"""Checks and agents of servers that are slow, silent, refusing or half dead leave nothing behind: descriptors, tasks, checks under way."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable

from bench.unwell import KINDS, Farm, rows
from tests.harness.checks import Bench
from tests.harness.ports import Reservation

SERVERS = 3 * len(KINDS)
ROUNDS = 3
CONNECTIONS = 80  # that reach a server in each round


def descriptors() -> int:
    """How many this process has open."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


async def until(condition: Callable[[], bool], what: str) -> None:
    end = asyncio.get_running_loop().time() + 30
    while not condition():
        assert asyncio.get_running_loop().time() < end, f"waited in vain for {what}"
        await asyncio.sleep(0.02)


async def worked(made: Bench, farm: Farm, idle: int) -> None:
    """A round of checks; meanwhile no server has more than one check and one question under way."""
    wanted = farm.connections + CONNECTIONS
    made.start()

    def enough() -> bool:
        assert len(made.checker.running) <= SERVERS
        assert descriptors() - idle <= 4 * SERVERS + 8  # both ends of every connection are ours
        return farm.connections >= wanted

    await until(enough, "the checks")
    made.stop()


def test_nothing_is_left_behind() -> None:
    async def scenario() -> None:
        farm = Farm()
        await farm.open()
        with Reservation() as held:
            text = rows(SERVERS, 50, farm.ports, held.take())
            made = Bench("backend b\n option httpchk GET /\n timeout check 150ms\n" + text)
            await worked(made, farm, descriptors())  # what is made once is there
            await until(lambda: len(asyncio.all_tasks()) == 1, "the end of all connections")
            idle, tasks = descriptors(), len(asyncio.all_tasks())
            for _ in range(ROUNDS):
                await worked(made, farm, idle)
                await until(lambda: len(asyncio.all_tasks()) == tasks and descriptors() == idle, "the former number of descriptors and tasks")
            assert not made.checker.running
        farm.close()

    asyncio.run(scenario())
