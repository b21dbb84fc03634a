"""What the processes need of the program they run: an Instance is one built configuration. haproxy_py.process.instance has it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from haproxy_py.config.model import Config
    from haproxy_py.engine.shm import Segment
    from haproxy_py.runtime.bus import Bus


class StartError(Exception):
    """Starting failed. texts: what to print, one ALERT each; the last may be about the whole."""

    def __init__(self, *texts: str) -> None:
        super().__init__("; ".join(texts))
        self.texts: Sequence[str] = texts


class Instance(Protocol):
    """One configuration at run time. Life: build, bind (in the supervisor), fork, start, soft_stop or close (in each worker)."""

    config: Config
    segment: Segment
    listening: dict[str, int]  # key of a listening address -> descriptor; complete after bind()
    bus: Bus | None  # to the other workers, made by the supervisor before the fork
    hard_maxconn: int  # connections that the process has descriptors for
    told: list[str]  # complaints of build() that are no reason not to start
    drained: asyncio.Event  # set when a soft stop has nothing left to wait for

    def bind(self, inherited: Mapping[str, int]) -> None:
        """Open every listener, taking descriptors of `inherited` by key. May be called again after it failed.

        Raises: frontends.bind.BindFailure (a text line each): nothing that this call opened is left open.
        """

    def start(self, loop: asyncio.AbstractEventLoop, slot: int = 1) -> None:
        """Serve from here on, in this process, as the segment's worker `slot`."""

    def states(self) -> str:
        """What is known of the servers, for the configuration after a reload."""

    def take_over(self, states: str) -> None:
        """Begin as states() of the configuration before says."""

    async def run_checks(self) -> None:
        """Run the health checks here if no living worker does; asked again from time to time."""

    def soft_stop(self) -> None:
        """Stop listening, finish what is under way, then set `drained`."""

    def pause(self) -> None:
        """Stop listening until resume(), keep the addresses (SIGTTOU)."""

    def resume(self) -> None:
        """Listen again (SIGTTIN)."""

    async def stop(self) -> None:
        """Drop everything now; flush logs."""


class InstanceType(Protocol):
    """A class of instances."""

    def build(self, config: Config, workers: int = 1) -> Instance:
        """Make everything but sockets. Raises: ConfigError for what only shows now."""
