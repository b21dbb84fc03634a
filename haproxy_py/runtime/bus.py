"""The control bus: how a change made in one worker reaches all of them, and how one asks the others.

One datagram socket pair per process, made before the fork; index 0 is the supervisor, n is whoever is worker n, so that a
worker's successor finds what its predecessor did not read. A change goes to the supervisor, which applies it to the
instance that later workers are forked from, numbers it and passes it on to every worker: all apply the same changes in the
same order, even when the one that asked dies on the way, and a new worker knows which ones it was born with. A question
goes to the workers directly. Answers come back to the asker's box and are waited for with a time limit: a worker that hangs
delays nobody for longer than that, and applies what it missed when it runs again.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from haproxy_py.runtime.operations import OPERATIONS, apply

QUESTION, CHANGE, ORDER, ANSWER = 1, 2, 3, 4
HEAD = struct.Struct("!BBBBQQ")  # kind, asker, sender, more parts follow, number of the question, number of the change
PART = 32768  # bytes of one datagram
MOST_WAITING = 4096  # datagrams kept for one process that does not read
ROUND = 64  # datagrams taken in one go
SUPERVISOR = 0


class Unreachable(Exception):
    """A process has not read for so long that nothing more is kept for it. slot: which."""

    def __init__(self, slot: int) -> None:
        super().__init__(f"worker {slot} does not respond")
        self.slot = slot


@dataclass(slots=True)
class Pending:
    """Answers that are waited for. wanted None: the supervisor has not said yet who will answer."""

    future: asyncio.Future[None]
    wanted: set[int] | None
    got: dict[int, Any] = field(default_factory=dict)

    def settle(self) -> None:
        if self.wanted is not None and self.wanted <= self.got.keys() and not self.future.done():
            self.future.set_result(None)


class Bus:
    """Args: workers: how many there are. Made by the supervisor; every process calls become() once."""

    def __init__(self, workers: int) -> None:
        self.boxes = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(workers + 1)]
        for pair in self.boxes:
            for end in pair:
                end.setblocking(False)
        self.channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # master's end, workers' end: see master.py
        for end in self.channel:
            end.setblocking(False)
        self.slot = SUPERVISOR
        self.changes = 0  # number of the last change that this process has applied
        self.instance: Any = None
        self._out: list[deque[bytes]] = [deque() for _ in self.boxes]
        self._parts: dict[tuple[int, int, int, int], bytearray] = {}
        self._asked: dict[int, Pending] = {}
        self._number = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def become(self, slot: int, instance: Any, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """This process is worker `slot`, or the supervisor (0), which has no loop: it calls read() and flush()."""
        self.slot, self.instance, self._loop = slot, instance, loop
        self._number = time.monotonic_ns()  # never what a predecessor asked
        self._out = [deque() for _ in self.boxes]
        self._parts.clear()
        if loop is not None:
            loop.add_reader(self.boxes[slot][0].fileno(), self.read)

    def leave(self) -> None:
        """Hear nothing any more."""
        if self._loop is not None:
            self._loop.remove_reader(self.boxes[self.slot][0].fileno())
            for slot, waiting in enumerate(self._out):
                if waiting:
                    self._loop.remove_writer(self.boxes[slot][1].fileno())
            self._loop = None

    def fileno(self) -> int:
        """Readable when something has come for this process."""
        return self.boxes[self.slot][0].fileno()

    def blocked(self) -> list[int]:
        """Descriptors that must become writable for flush() to go on."""
        return [self.boxes[slot][1].fileno() for slot, waiting in enumerate(self._out) if waiting]

    # asking

    async def ask(self, name: str, *arguments: Any, within_s: float = 2.0) -> tuple[dict[int, Any], list[int]]:
        """Run an operation in every worker. Returns: values by slot, and the slots that have not answered in time."""
        self._number += 1
        number = self._number
        change = OPERATIONS[name].change
        body = json.dumps([name, arguments]).encode()
        pending = Pending(asyncio.get_running_loop().create_future(), None)
        self._asked[number] = pending
        try:
            if change and self.supervised:
                self._send(SUPERVISOR, CHANGE, number, 0, body)
            else:
                pending.wanted = set(self.alive())
                for slot in pending.wanted - {self.slot}:
                    self._send(slot, QUESTION, number, 0, body)
                self._settle(number, self.slot, apply(self.instance, name, list(arguments)))
            await self._wait(pending, within_s)
        finally:
            del self._asked[number]
        wanted = pending.wanted if pending.wanted is not None else {SUPERVISOR}
        return pending.got, sorted(wanted - pending.got.keys())

    async def _wait(self, pending: Pending, within_s: float) -> None:
        """Until all have answered, but those that have died meanwhile."""
        deadline = time.monotonic() + within_s
        while not pending.future.done() and time.monotonic() < deadline:
            await asyncio.wait([pending.future], timeout=min(0.05, within_s))
            if pending.wanted is not None:
                pending.wanted &= {*self.alive(), *pending.got}
                pending.settle()

    @property
    def supervised(self) -> bool:
        """A generation that finishes has no supervisor any more: changes go to its workers directly."""
        return not self.instance.segment.stopping

    def alive(self) -> Iterable[int]:
        """Slots of the workers that run."""
        alive: dict[int, int] = self.instance.segment.alive
        if self.supervised:
            return alive.keys()
        return [slot for slot, pid in alive.items() if os.path.exists(f"/proc/{pid}")]  # nobody retires the dead

    def _settle(self, number: int, slot: int, value: Any) -> None:
        pending = self._asked.get(number)
        if pending is not None:
            if slot == SUPERVISOR:
                pending.wanted = set(value)
            else:
                pending.got[slot] = value
            pending.settle()

    # datagrams

    def _send(self, slot: int, kind: int, number: int, change: int, body: bytes, asker: int = -1) -> None:
        """Send a message in as many parts as it needs. Raises: Unreachable."""
        waiting = self._out[slot]
        if len(waiting) >= MOST_WAITING:
            raise Unreachable(slot)
        for at in range(0, len(body) or 1, PART):
            more = at + PART < len(body)
            head = HEAD.pack(kind, self.slot if asker < 0 else asker, self.slot, more, number, change)
            waiting.append(head + body[at : at + PART])
        self._flush(slot)

    def flush(self) -> None:
        """Send what was kept back."""
        for slot, waiting in enumerate(self._out):
            if waiting:
                self._flush(slot)

    def _flush(self, slot: int) -> None:
        waiting, box = self._out[slot], self.boxes[slot][1]
        while waiting:
            try:
                box.send(waiting[0])
            except BlockingIOError:
                if self._loop is not None:
                    self._loop.add_writer(box.fileno(), self._flush, slot)
                return
            waiting.popleft()
        if self._loop is not None:
            self._loop.remove_writer(box.fileno())

    def read(self) -> None:
        """Take what has come, some of it at a time."""
        box = self.boxes[self.slot][0]
        for _ in range(ROUND):
            try:
                datagram = box.recv(HEAD.size + PART)
            except BlockingIOError:
                return
            kind, asker, sender, more, number, change = HEAD.unpack_from(datagram)
            key = (kind, asker, sender, number)
            whole = self._parts.setdefault(key, bytearray())
            whole += datagram[HEAD.size :]
            if not more:
                del self._parts[key]
                self._take(kind, asker, sender, number, change, json.loads(bytes(whole)))

    def _take(self, kind: int, asker: int, sender: int, number: int, change: int, said: Any) -> None:
        if kind == ANSWER:
            self._settle(number, sender, said)
        elif kind == CHANGE:
            self._order(asker, number, said)
        elif kind == QUESTION:
            self._answer(asker, number, apply(self.instance, *said))
        elif change > self.changes:
            self.changes = change
            value = apply(self.instance, *said)
            if asker == self.slot:
                self._settle(number, self.slot, value)
            else:
                self._answer(asker, number, value)

    def _answer(self, asker: int, number: int, value: Any) -> None:
        self._send(asker, ANSWER, number, 0, json.dumps(value).encode())

    def _order(self, asker: int, number: int, said: Any) -> None:
        """The supervisor's part: apply a change, number it, pass it on, and tell the asker who will answer."""
        self.changes += 1
        apply(self.instance, *said)
        body = json.dumps(said).encode()
        self._answer(asker, number, sorted(self.alive()))
        for slot in range(1, len(self.boxes)):  # also to one that is just being born
            try:
                self._send(slot, ORDER, number, self.changes, body, asker)
            except Unreachable:
                continue
