"""Mails about servers: `email-alert` and `mailers` (manual 3.6; RFC 5321), sent one after the other to every mailer.

    post = Post(config)                     # before the fork
    life.mail = post.start(loop)            # in each worker: the one that decides a change tells it
    post.stop()

A mail that a mailer refuses, or that takes longer than `timeout mail`, is dropped, as HAProxy does; the next one is tried.
Nothing here waits: each pair of proxy and mailer has a queue and a task of its own while there is something to send.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from backends.life import ServerLife
from haproxy_py.config.keywords import mailers as words
from haproxy_py.config.model import Address, Config, Proxy

QUEUED = 10000  # mails that wait for one mailer; later ones are dropped
DEFAULT_LEVEL = 1  # alert
CONTROLS = dict.fromkeys((*range(32), 127), " ")

Step = tuple[bytes, bytes]  # what is sent, the code of its answer


@dataclass(eq=False, slots=True)
class Lane:
    """The mails of one proxy for one mailer."""

    address: Address
    timeout_ms: int
    waiting: deque[list[Step]] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a proxy's mails have in common. level: syslog level of the least important mail."""

    sender: str
    receiver: str
    host: str
    level: int

    def steps(self, text: str, when: float) -> list[Step]:
        """The dialogue for one mail, after the greeting."""
        text = text.translate(CONTROLS)
        date = time.strftime("%a, %d %b %Y %H:%M:%S %z (%Z)", time.localtime(when))
        head = f"From: {self.sender}\r\nTo: {self.receiver}\r\nDate: {date}\r\nSubject: [HAProxy Alert] {text}\r\n\r\n"
        sent = (
            (f"HELO {self.host}\r\n", b"250 "),
            (f"MAIL FROM:<{self.sender}>\r\n", b"250 "),
            (f"RCPT TO:<{self.receiver}>\r\n", b"250 "),
            ("DATA\r\n", b"354 "),
            (f"{head}{text}\r\n\r\n.\r\n", b"250 "),
            ("QUIT\r\n", b"221 "),
        )
        return [(line.encode("utf-8", "surrogateescape"), code) for line, code in sent]


class Post:
    """The mails of a configuration. clock: wall seconds."""

    def __init__(self, config: Config, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.envelopes: dict[Proxy, Envelope] = {}
        self.lanes: dict[Proxy, list[Lane]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        for proxy in config.proxies:
            item = words.find(config, proxy[words.SECTION] or "") if words.is_complete(proxy) else None
            if item is None:
                continue
            self.envelopes[proxy] = _envelope(proxy)
            timeout_ms = item[words.TIMEOUT_MAIL]
            self.lanes[proxy] = [Lane(one.address, timeout_ms) for one in item[words.MAILER_LIST]]

    def start(self, loop: asyncio.AbstractEventLoop) -> Callable[[ServerLife, int, str], None] | None:
        """What Life.mail is to be from now on; None: nobody wants mails."""
        self._loop = loop
        return self.tell if self.lanes else None

    def stop(self) -> None:
        """Forget what was not sent."""
        for lanes in self.lanes.values():
            for lane in lanes:
                lane.waiting.clear()
                if lane.task is not None:
                    lane.task.cancel()
                    lane.task = None
        self._loop = None

    def tell(self, one: ServerLife, level: int, text: str) -> None:
        """Send `text` to the mailers of a server's proxy, if its level is important enough."""
        envelope = self.envelopes.get(one.proxy)
        if envelope is None or level > envelope.level or self._loop is None:
            return
        steps = envelope.steps(text, self.clock())
        for lane in self.lanes[one.proxy]:
            if len(lane.waiting) < QUEUED:
                lane.waiting.append(steps)
            if lane.task is None:
                lane.task = self._loop.create_task(_empty(lane))


def _envelope(proxy: Proxy) -> Envelope:
    level = proxy[words.LEVEL]
    host = proxy[words.MYHOSTNAME]
    return Envelope(
        proxy[words.FROM] or "",
        proxy[words.TO] or "",
        socket.gethostname() if host is None else host,
        DEFAULT_LEVEL if level is None else level,
    )


async def _empty(lane: Lane) -> None:
    """Send what waits in a lane, in order."""
    try:
        while lane.waiting:
            steps = lane.waiting.popleft()
            with contextlib.suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
                async with asyncio.timeout(lane.timeout_ms / 1000):
                    await deliver(lane.address, steps)
    finally:
        lane.task = None


async def deliver(address: Address, steps: list[Step]) -> bool:
    """One mail over a connection of its own. Returns whether every answer was the one wanted. Raises: OSError, ValueError (a line too long)."""
    incoming, out = await asyncio.open_connection(address.host, address.port)
    try:
        if not await _answered(incoming, b"220 "):
            return False
        for sent, code in steps:
            out.write(sent)
            await out.drain()
            if not await _answered(incoming, code):
                return False
        return True
    finally:
        out.transport.abort()


async def _answered(incoming: asyncio.StreamReader, code: bytes) -> bool:
    """Read a reply (RFC 5321 4.2.1: lines `250-...`, then `250 ...`); whether it has the code."""
    while True:
        line = await incoming.readuntil(b"\n")
        if line[3:4] != b"-":
            return line.startswith(code)
