"""A proxy inside the test's own loop between scripted peers, held to leave nothing behind.

    async def scenario(lab: Lab) -> None:
        lab.origin("s", [HEAD, Reset()])
        await lab.start("backend b\\n    server s 127.0.0.1:{s}\\n")
        client = await lab.client()
        ...
    run(scenario)

When the scenario has returned, all peers leave, every gauge must come to zero, the proxy is stopped, and the counts of
engine objects, TLS objects and descriptors must be those from before.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

from haproxy_py import Proxy
from haproxy_py.engine import tls
from haproxy_py.engine.reactor import sources_alive
from tests.harness.origin import Origin
from tests.harness.ports import Reservation
from tests.harness.relay import Relay
from tests.harness.wire import Peer, Script, connect

SETTLE_S = 0.05
PATIENCE_S = 10.0
GAUGES = ("scur", "qcur")
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
DEFAULTS = """
defaults
    mode http
    timeout connect 2s
    timeout client 20s
    timeout server 20s
    retries 1
"""
FRONT = """
frontend web
    bind 127.0.0.1:{web}
    default_backend b
"""


class Lab:
    """Attributes: proxy (after start), ports by name ("web": the frontend's)."""

    def __init__(self) -> None:
        self.held = Reservation()
        self.ports: dict[str, int] = {"web": self.held.take(), "nobody": self.held.take()}
        self.origins: list[Origin] = []
        self.relays: list[Relay] = []
        self.clients: list[Peer] = []
        self.proxy: Proxy = None  # type: ignore[assignment]  # start() makes it

    def origin(self, name: str, *scripts: Script) -> Origin:
        """A server; connection n follows script n, later ones the last. `{name}` in configurations is its port."""
        made = Origin(name, scripts, SETTLE_S)
        made.open()
        self.origins.append(made)
        self.ports[name] = made.port
        return made

    async def relay(self, name: str, target: str) -> Relay:
        """A relay that misbehaves before `target`, an origin or "web"."""
        made = Relay(self.ports[target])
        await made.__aenter__()
        self.relays.append(made)
        self.ports[name] = made.port
        return made

    async def start(self, text: str, front: str = FRONT, defaults: str = DEFAULTS) -> None:
        """Run defaults + front + text, with `{name}` replaced by ports."""
        for name, port in self.ports.items():
            front, text, defaults = (part.replace(f"{{{name}}}", str(port)) for part in (front, text, defaults))
        self.proxy = Proxy.from_text(defaults + front + text)
        await self.proxy.start()

    async def client(self, port: str = "web") -> Peer:
        """Connect."""
        peer = await connect(self.ports[port], SETTLE_S)
        self.clients.append(peer)
        return peer

    def total(self, name: str, part: str = "FRONTEND", proxy: str = "web") -> int:
        """One number of the statistics."""
        return int(self.proxy.stats()[proxy][part][name])

    async def until(self, ready: Callable[[], bool], what: str = "the awaited state") -> None:
        """Poll; fails the test with `what` and the statistics."""
        end = time.monotonic() + PATIENCE_S
        while not ready():
            assert time.monotonic() < end, f"{what} did not come: {self.busy()}"
            await asyncio.sleep(0.01)

    def busy(self) -> dict[str, int]:
        """Gauges that are not zero."""
        found = {}
        for proxy, parts in self.proxy.stats().items():
            for part, numbers in parts.items():
                found.update({f"{proxy}/{part}/{g}": numbers[g] for g in GAUGES if numbers[g]})
        return found

    async def leave(self) -> None:
        """All peers go, then everything must be quiet."""
        for peer in self.clients:
            peer.close()
        for origin in self.origins:
            origin.close()
        for relay in self.relays:
            await relay.__aexit__()
        if self.proxy is not None and self.proxy.running:
            await self.until(lambda: not self.busy(), "zero of every gauge")
            await self.proxy.stop()
        self.held.release()


def counts() -> dict[str, Any]:
    """The leak counters of this process."""
    gc.collect()
    return {"sources": sources_alive(), "fds": len(os.listdir("/proc/self/fd")), **tls.live()}


def run(scenario: Callable[[Lab], Awaitable[None]], seconds: float = 60.0) -> None:
    """Run `scenario` in a new loop and hold it to its leak counters."""

    async def body() -> None:
        lab = Lab()
        try:
            async with asyncio.timeout(seconds):
                await scenario(lab)
        except BaseException:
            await _abandon(lab)
            raise
        await lab.leave()

    before = counts()
    asyncio.run(body())
    after = counts()
    assert after == before, f"left behind: {after}, before: {before}"


async def _abandon(lab: Lab) -> None:
    """The test has failed: close without further questions."""
    for peer in lab.clients:
        peer.close()
    for origin in lab.origins:
        origin.close()
    if lab.proxy is not None:
        await lab.proxy.stop()
