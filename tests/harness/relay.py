"""A TCP relay that misbehaves on purpose: stalls, dribbles, cuts, resets, in either direction."""

import asyncio
import socket
import struct
from dataclasses import dataclass, field
from typing import Self

_PIECE = 1 << 16


@dataclass
class Mood:
    """How one direction behaves. Counts are bytes from the start of the connection; None: never.

    stall_at: stop passing bytes there (nothing is read any more: back-pressure); cut_at: end both connections there, with
    RST when `hard`; piece: at most so many bytes per write; gap: seconds between writes; half_close: pass the end of the
    sender on as FIN (else it is swallowed).
    """

    stall_at: int | None = None
    cut_at: int | None = None
    hard: bool = False
    piece: int = _PIECE
    gap: float = 0.0
    half_close: bool = True


@dataclass
class Relay:
    """Listens on a kernel-chosen port of 127.0.0.1 and relays to `target`; moods may be changed while it runs.

    `up` is towards the target. `refuse`: accept and reset at once. `release()` ends all stalls.
    """

    target: int
    up: Mood = field(default_factory=Mood)
    down: Mood = field(default_factory=Mood)
    refuse: bool = False
    port: int = 0
    connections: int = 0
    passed_up: int = 0
    passed_down: int = 0

    def __post_init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=_PIECE)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def release(self) -> None:
        """Let stalled directions flow."""
        self._flowing.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        if self.refuse:
            _end(writer, hard=True)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target, limit=_PIECE)
        except OSError:
            _end(writer, hard=True)
            return
        try:
            await asyncio.gather(self._pump(reader, far_writer, writer, "up"), self._pump(far_reader, writer, far_writer, "down"))
        finally:
            _end(writer)
            _end(far_writer)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, back: asyncio.StreamWriter, way: str) -> None:
        mood = self.up if way == "up" else self.down
        passed = 0
        try:
            while piece := await source.read(self._room(mood, passed)):
                sink.write(piece)
                await sink.drain()
                passed += len(piece)
                self._count(way, len(piece))
                if mood.gap:
                    await asyncio.sleep(mood.gap)
                if mood.cut_at is not None and passed >= mood.cut_at:
                    _end(sink, mood.hard)
                    _end(back, mood.hard)
                    return
                if mood.stall_at is not None and passed >= mood.stall_at:
                    await self._flowing.wait()
            if mood.half_close and sink.can_write_eof():
                sink.write_eof()
        except OSError:
            _end(back, hard=True)

    def _room(self, mood: Mood, passed: int) -> int:
        marks = [mark - passed for mark in (mood.stall_at, mood.cut_at) if mark is not None and mark > passed]
        return max(1, min([mood.piece, *marks]))

    def _count(self, way: str, count: int) -> None:
        if way == "up":
            self.passed_up += count
        else:
            self.passed_down += count


def _end(writer: asyncio.StreamWriter, hard: bool = False) -> None:
    sock = writer.get_extra_info("socket")
    if hard and sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort() if hard else writer.close()
