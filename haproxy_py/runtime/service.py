"""The runtime socket at work in one process: it accepts, reads, runs commands and sends what they say.

Exactly one worker serves it at a time, the one that also checks the servers (GlobalShared.checker); should it die, another
begins within a second, and who connects meanwhile waits in the kernel's queue. So commands come one after the other,
whoever sends them. Memory is bounded: `stats maxconn` connections, each with at most one command of `tune.bufsize` bytes
and one slice of an answer; a client that does not read is cut off by `stats timeout`. Nothing here blocks.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any

from haproxy_py.config.keywords import tuning
from haproxy_py.config.keywords.stats_socket import STATS_MAXCONN, STATS_TIMEOUT
from haproxy_py.engine import clock
from haproxy_py.runtime.bus import Bus, Unreachable
from haproxy_py.runtime.call import Client
from haproxy_py.runtime.dialogue import Dialogue
from haproxy_py.runtime.dynamic import removable
from haproxy_py.runtime.master import take_over
from haproxy_py.runtime.operations import apply
from haproxy_py.runtime.reader import Request
from haproxy_py.runtime.registry import COMMANDS, Answer, Output
from haproxy_py.runtime.sockets import Door, doors

startup_logs: list[str] = []  # what the start printed: whoever prints fills it before the workers are forked
SLICE = 16384  # bytes sent at once; between two the traffic has its turn
FAIRNESS_S = 0.002  # longest time that an iterator is followed without giving the loop back


class Service:
    """Args: instance: process.instance.Instance of this process. bus: to the other workers, None: this is the only one."""

    def __init__(self, instance: Any, bus: Bus | None = None) -> None:
        self.instance = instance
        self.bus = bus
        self.doors: list[Door] = doors(instance.config)
        self.limit: int = instance.config.globals[tuning.BUFSIZE]
        self.maxconn: int = instance.config.globals[STATS_MAXCONN]
        self.timeout_ms: int = instance.config.globals[STATS_TIMEOUT]
        self.started_at: float = instance.started_at or clock.now()
        self.connections: set[asyncio.Task[None]] = set()
        self._talks: set[Connection] = set()
        self._listening: list[tuple[socket.socket, Door]] = []
        self._paused = False

    def start(self) -> None:
        """Begin to accept."""
        for door in self.doors:
            fd = self.instance.listening.get(door.key)
            if fd is not None:
                self._listening.append((socket.socket(fileno=fd), door))
        self._resume()
        if self.bus is not None:
            asyncio.get_event_loop().add_reader(self.bus.channel[1].fileno(), self._hear_master)

    def _hear_master(self) -> None:
        """The master hands a client of its own over."""
        found = take_over(self.bus.channel[1]) if self.bus is not None else None
        if found is not None:
            self.adopt(*found)

    async def everywhere(self, name: str, *arguments: Any) -> dict[int, Any]:
        """Run an operation in every worker: its values by slot. Raises: Answer: one failed or does not respond."""
        if self.bus is None:
            got: dict[int, Any] = {self.instance.segment.slot: apply(self.instance, name, list(arguments))}
            late: list[int] = []
        else:
            try:
                got, late = await self.bus.ask(name, *arguments)
            except Unreachable as wrong:
                raise Answer(f"{wrong}.\n") from None
        for word, value in got.values():
            if word == "error":
                raise Answer(f"Internal error: {value}\n")
        if late:
            names = ", ".join(map(str, late))
            raise Answer(f"Not answered in time by worker(s) {names}: what was asked is done there as soon as they run.\n")
        return {slot: value for slot, (_, value) in got.items()}

    def removable(self, server: Any) -> str:
        """Why a server cannot be deleted, in HAProxy's words; "" when it can."""
        return removable(self.instance, server)

    def startup_logs(self) -> list[str]:
        """What the start printed on stderr."""
        return list(startup_logs)

    def environment(self) -> dict[str, str]:
        """The environment as the configuration left it."""
        known = dict(self.instance.config.env)
        known["HAPROXY_CLI"] = ";".join(door.shown for door in self.doors)
        return known

    def stop(self) -> None:
        """Accept no more and end every connection. The listening descriptors stay open: they are the supervisor's."""
        self.close_doors()
        if self.bus is not None:
            asyncio.get_event_loop().remove_reader(self.bus.channel[1].fileno())
        for task in list(self.connections):
            task.cancel()

    def busy(self) -> bool:
        """Whether somebody waits for an answer, or has not said yet what is wanted."""
        return len(self.connections) > len(self._talks) or any(not talk.idle for talk in self._talks)

    def close_doors(self) -> None:
        """Accept no more; what is connected goes on."""
        self._pause()
        for sock, _ in self._listening:
            sock.detach()
        self._listening.clear()

    def _pause(self) -> None:
        self._paused = True
        loop = asyncio.get_event_loop()
        for sock, _ in self._listening:
            loop.remove_reader(sock.fileno())

    def _resume(self) -> None:
        self._paused = False
        loop = asyncio.get_event_loop()
        for sock, door in self._listening:
            loop.add_reader(sock.fileno(), self._accept, sock, door)

    def _accept(self, sock: socket.socket, door: Door) -> None:
        try:
            client, _ = sock.accept()
        except OSError:
            return
        client.setblocking(False)
        self.adopt(client, Client(door.level, self.timeout_ms, door.severity), door)
        if len(self.connections) >= self.maxconn:
            self._pause()

    def adopt(self, sock: socket.socket, client: Client, door: Door | None = None) -> None:
        """Serve a connection."""
        task = asyncio.get_event_loop().create_task(self._serve(sock, client, door))
        self.connections.add(task)
        task.add_done_callback(self._left)

    def _left(self, task: asyncio.Task[None]) -> None:
        self.connections.discard(task)
        if self._paused and self._listening and len(self.connections) < self.maxconn:
            self._resume()

    async def _serve(self, sock: socket.socket, client: Client, door: Door | None) -> None:
        talk = Dialogue(self, client, self.limit, COMMANDS)
        client.tags["socket"] = sock
        client.tags["door"] = door
        connection = Connection(sock, talk)
        self._talks.add(connection)
        try:
            await connection.serve()
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass
        finally:
            self._talks.discard(connection)
            sock.close()


class Connection:
    """One client. Its socket is non-blocking. idle: it was answered and has asked for nothing since."""

    def __init__(self, sock: socket.socket, talk: Dialogue) -> None:
        self.sock = sock
        self.talk = talk
        self.idle = False
        self.loop = asyncio.get_running_loop()
        talk.wake = self._has_input

    def _has_input(self) -> bool:
        """The client has sent something, or left."""
        try:
            self.sock.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True
        return True

    async def serve(self) -> None:
        """Until the client leaves, is idle for too long, or has had its answer."""
        client, talk = self.talk.client, self.talk
        while not client.closing:
            kept = talk.reader.lines_kept
            request = talk.next()
            if client.prompt and talk.reader.in_payload:
                await self._send(b"+ " * max(1, talk.reader.lines_kept - kept))
            if request is None:
                if client.closing or not await self._read():
                    break
                self.idle = False
                continue
            await self._answer(request)
            self.idle = True
        words = client.tags.pop("last words", "")
        if words:
            await self._send(words.encode())
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
            self._drain()

    def _drain(self) -> None:
        """Throw away what has come: unread bytes would make the end a reset that takes our answer with it."""
        with contextlib.suppress(OSError):
            for _ in range(64):
                if not self.sock.recv(65536):
                    return

    async def _read(self) -> bool:
        async with asyncio.timeout(self.talk.client.timeout_ms / 1000):
            data = await self.loop.sock_recv(self.sock, SLICE)
        self.talk.reader.feed(data)
        return bool(data)

    async def _send(self, data: bytes) -> None:
        async with asyncio.timeout(self.talk.client.timeout_ms / 1000):
            await self.loop.sock_sendall(self.sock, data)

    async def _answer(self, request: Request) -> None:
        """Run a command, send what it says in slices (an empty piece: what there is, at once), and what follows an answer."""
        out = bytearray()
        try:
            async for text in self._pieces(self.talk.run(request)):
                out += text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
                while len(out) >= SLICE:
                    await self._send(bytes(out[:SLICE]))
                    del out[:SLICE]
                if out and not text:
                    await self._send(bytes(out))
                    out.clear()
        except Answer as answer:
            out += self.talk.client.message(answer).encode("utf-8", "surrogateescape")
        out += self.talk.behind(request).encode()
        await self._send(bytes(out))

    async def _pieces(self, output: Output) -> AsyncIterator[str | bytes]:
        if isinstance(output, Awaitable):
            output = await output
        if output is None:
            return
        if isinstance(output, (str, bytes)):
            yield output
        elif isinstance(output, Iterator):
            async for piece in self._in_turns(output):
                yield piece
        else:
            async for piece in output:
                yield piece

    async def _in_turns(self, pieces: Iterator[str] | Iterator[bytes]) -> AsyncIterator[str | bytes]:
        """Follow an iterator, giving the loop back every FAIRNESS_S."""
        until = time.monotonic() + FAIRNESS_S
        for piece in pieces:
            yield piece
            if time.monotonic() >= until:
                await asyncio.sleep(0)
                until = time.monotonic() + FAIRNESS_S
