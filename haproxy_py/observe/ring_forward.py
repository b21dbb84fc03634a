"""Sends what rings hold to their servers (manual 3.9; RFC 6587), in the worker that runs the health checks.

One connection per server, made again when it ends. Positions live in the ring, so that another worker goes on where this
one was killed; at worst the messages of one write go out twice. A server that does not read holds up nobody: it misses
what the ring has no room for.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterable

from haproxy_py.config.address import resolve
from haproxy_py.observe.ring import Ring
from haproxy_py.observe.ring_keywords import RingServer

AGAIN_S = 1.0  # between two tries to connect


def framed(messages: list[bytes], octets: bool) -> bytes:
    """The messages as a stream: RFC 6587 3.4.1 (`LENGTH SP TEXT`) or lines (3.4.2)."""
    if octets:
        return b"".join(b"%d %b" % (len(text), text) for text in messages)
    return b"".join(text + b"\n" for text in messages)


class Forwarder:
    """All rings of a configuration that have servers. start() wants a running loop."""

    def __init__(self, rings: Iterable[Ring]) -> None:
        self.rings = [ring for ring in rings if ring.servers]
        self.tasks: list[asyncio.Task[None]] = []
        self.news: dict[int, asyncio.Event] = {}

    def start(self) -> None:
        """Begin to forward."""
        loop = asyncio.get_running_loop()
        for ring in self.rings:
            self.news[ring.eventfd] = asyncio.Event()
            loop.add_reader(ring.eventfd, self._rung, ring.eventfd)
            self.tasks += [loop.create_task(self._serve(ring, i, one)) for i, one in enumerate(ring.servers)]

    def stop(self) -> None:
        """End at once; what was not sent stays in the ring."""
        for task in self.tasks:
            task.cancel()
        for ring in self.rings:
            with contextlib.suppress(RuntimeError):
                asyncio.get_running_loop().remove_reader(ring.eventfd)
        self.tasks = []

    def _rung(self, fd: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(fd)
        self.news[fd].set()

    async def _serve(self, ring: Ring, reader: int, server: RingServer) -> None:
        while True:
            with contextlib.suppress(OSError, TimeoutError):
                await self._connection(ring, reader, server)
            await asyncio.sleep(AGAIN_S)

    async def _connection(self, ring: Ring, reader: int, server: RingServer) -> None:
        """One connection, until it ends. Raises: OSError, TimeoutError."""
        async with asyncio.timeout(server.connect_ms / 1000 or None):
            incoming, out = await _connect(server)
        ended = asyncio.ensure_future(_until_end(incoming))
        try:
            while not ended.done():
                position = ring.place(reader)
                messages, position = ring.read(position)
                if not messages:
                    await self._more(ring, reader, ended)
                    continue
                out.write(framed(messages, server.octets))
                async with asyncio.timeout(server.server_ms / 1000 or None):
                    await out.drain()
                ring.reached(reader, position)
        finally:
            ended.cancel()
            out.transport.abort() if ended.done() else out.close()

    async def _more(self, ring: Ring, reader: int, ended: asyncio.Future[None]) -> None:
        """Until there are messages, or the connection has ended."""
        event = self.news[ring.eventfd]
        event.clear()
        if not ring.sleep(reader):
            return
        waiting = asyncio.ensure_future(event.wait())
        await asyncio.wait((waiting, ended), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()


async def _connect(server: RingServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = resolve(server.address, "ipv4")
    if address.family in ("unix", "abns"):
        return await asyncio.open_unix_connection(("\0" if address.family == "abns" else "") + (address.host or ""))
    return await asyncio.open_connection(address.host, address.port)


async def _until_end(incoming: asyncio.StreamReader) -> None:
    """What a log server says is thrown away."""
    with contextlib.suppress(OSError):
        while await incoming.read(4096):
            pass
