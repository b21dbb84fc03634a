"""pyhaproxy as a group of processes, seen from outside: its workers, their memory and descriptors, what SIGHUP tells."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.harness.ports import Reservation
from tests.harness.products import Running, pyhaproxy

# PYHAPROXY_LONG=1 (or PYHAPROXY_SLOW=1): the same tests with large numbers (100 reloads, 9,900 connections, a million requests; minutes).
SLOW = bool(os.environ.get("PYHAPROXY_LONG") or os.environ.get("PYHAPROXY_SLOW"))
PATIENCE_S = 20.0
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
_SERVER = re.compile(r"Server (\S+)/(\S+) is \S+ Conn: (\d+) act, (\d+) pend, (\d+) tot")
_PROXY = re.compile(r"Proxy (\S+) (?:.*) Conn: act\(FE\+BE\): (\d+)\+(\d+), (\d+) pend \(\d+ unass\), tot\(FE\+BE\): (\d+)\+(\d+)")


def poll(ready: Callable[[], bool], what: str, seconds: float = PATIENCE_S) -> None:
    """Wait until `ready()`; fails the test with `what`."""
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, f"{what}: not within {seconds:g} s"
        time.sleep(0.01)


def children(pid: int) -> list[int]:
    """Living child processes, in the order of their birth."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            found += [int(word) for word in (task / "children").read_text().split()]
    return [child for child in found if state(child) not in "ZX"]


def state(pid: int) -> str:
    """The state letter of a process, X when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def serves(pid: int) -> bool:
    """Whether a worker has come as far as to handle SIGUSR1 itself; one that has died does not."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    caught = re.search(r"SigCgt:\s+(\w+)", status)
    return caught is not None and bool(int(caught[1], 16) >> (signal.SIGUSR1 - 1) & 1)


def resident(pid: int) -> int:
    """Private bytes of a process in memory (its own pages, not those shared with its parent)."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(n) for n in re.findall(r"^Private_(?:Clean|Dirty):\s+(\d+) kB", text, re.M)) * 1024


def descriptors(pid: int) -> int:
    """How many descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


@dataclass
class Numbers:
    """What SIGHUP tells: (proxy, server) -> (act, pend, tot); proxy -> (act FE, act BE, pend, tot FE, tot BE)."""

    servers: dict[tuple[str, str], tuple[int, ...]] = field(default_factory=dict)
    proxies: dict[str, tuple[int, ...]] = field(default_factory=dict)


class Group:
    """A started program. `{web}` and `{s}` in the configuration are ports of a frontend and of the origin."""

    def __init__(self, config: str, *, flags: tuple[str, ...] = ("-db",), origin: Origin | None = None) -> None:
        self.held = Reservation()
        self.origin = origin or Origin()
        self.web = self.held.take()
        self.running: Running = pyhaproxy().start(self.fill(config), [self.web], flags)
        threads = re.search(r"nbthread (\d+)", config)
        expected = int(threads[1]) if threads else 1
        if expected > 1 or "-W" in flags:
            poll(lambda: sum(map(serves, children(self.pid))) == expected, "all workers")

    def fill(self, config: str) -> str:
        """With the ports in it."""
        return config.replace("{web}", str(self.web)).replace("{s}", str(self.origin.port))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.running.stop()
        self.held.release()
        self.origin.close()

    @property
    def pid(self) -> int:
        return self.running.pid

    def workers(self) -> list[int]:
        """Processes that serve: the children, or the one process itself."""
        return children(self.pid) or [self.pid]

    def rewrite(self, config: str) -> None:
        """Put another configuration into the file."""
        (self.running.folder / "haproxy.cfg").write_text(self.fill(config))

    def signal(self, signum: int) -> None:
        os.kill(self.pid, signum)

    def numbers(self) -> Numbers:
        """Ask one worker by SIGHUP (a master would reload: the worker is asked itself)."""
        before = len(self.running.stderr())
        os.kill(self.workers()[0], signal.SIGHUP)
        proxies = 0

        def told() -> bool:
            nonlocal proxies
            proxies = len(_PROXY.findall(self.running.stderr()[before:]))
            return proxies >= self.running.config.count("\nfrontend ") + self.running.config.count("\nbackend ")

        poll(told, "the answer to SIGHUP")
        text = self.running.stderr()[before:]
        found = Numbers()
        for row in _SERVER.findall(text):
            found.servers[row[0], row[1]] = tuple(int(n) for n in row[2:])
        for row in _PROXY.findall(text):
            found.proxies[row[0]] = tuple(int(n) for n in row[1:])
        return found

    def connect(self) -> socket.socket:
        """A blocking connection to the frontend."""
        sock = socket.create_connection(("127.0.0.1", self.web), timeout=PATIENCE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def get(self, sock: socket.socket | None = None) -> bytes:
        """One request; the whole answer, whose body is short. b"": the connection ended."""
        one = sock or self.connect()
        try:
            return ask(one)
        finally:
            if sock is None:
                one.close()


def ask(sock: socket.socket) -> bytes:
    """Send GET and read head and body by content-length."""
    sock.sendall(GET)
    got = b""
    while True:
        head, sep, body = got.partition(b"\r\n\r\n")
        if sep and len(body) >= int(re.search(rb"content-length: (\d+)", head)[1]):  # type: ignore[index]
            return got
        piece = sock.recv(65536)
        if not piece:
            return b"" if not got else got
        got += piece


class Origin:
    """A quick server in a thread: answers every request with its connection's number. `gate` False: it keeps answers back."""

    def __init__(self, reply: bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok") -> None:
        self.reply = reply
        self.loop = asyncio.new_event_loop()
        self.together = self.most = self.requests = 0
        self.held: list[_Answer] = []
        self.open = True
        self.connections: set[_Answer] = set()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        opening = self.loop.create_server(lambda: _Answer(self), "127.0.0.1", 0, backlog=4096)
        self.server = asyncio.run_coroutine_threadsafe(opening, self.loop).result(PATIENCE_S)
        self.port = int(self.server.sockets[0].getsockname()[1])

    def hold(self) -> None:
        """Keep answers back from now on."""
        self.open = False

    def release(self) -> None:
        """Answer again, those kept back first."""
        self.open = True
        self.loop.call_soon_threadsafe(self._flush)

    def _flush(self) -> None:
        held, self.held = self.held, []
        for one in held:
            one.answer()

    def _end(self) -> None:
        self.server.close()
        for one in self.connections:
            one.transport.abort()
        self.loop.call_later(0.01, self.loop.stop)

    def close(self) -> None:
        """End everything; no descriptor is left."""
        self.loop.call_soon_threadsafe(self._end)
        self.thread.join(PATIENCE_S)
        self.loop.close()


class _Answer(asyncio.Protocol):
    """One connection of Origin. Requests have no body."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.waits = False
        self.got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.origin.connections.add(self)

    def data_received(self, data: bytes) -> None:
        self.got += data
        while b"\r\n\r\n" in self.got:
            self.got = self.got.partition(b"\r\n\r\n")[2]
            self.origin.requests += 1
            self.waits = True
            self.origin.together += 1
            self.origin.most = max(self.origin.most, self.origin.together)
            self.answer() if self.origin.open else self.origin.held.append(self)

    def answer(self) -> None:
        if self.waits:
            self.waits = False
            self.origin.together -= 1
            self.transport.write(self.origin.reply)

    def connection_lost(self, exc: Exception | None) -> None:
        self.origin.connections.discard(self)
        if self.waits:
            self.waits = False
            self.origin.together -= 1


class Load(threading.Thread):
    """`clients` threads of one process worth of requests, until stop(); `failed` lists what was no 200.

    fresh: a connection per request, else keep-alive: a connection that was closed between two requests is opened again, and what was
    sent on it before it had an answer is asked once more (`again` counts them). strict: that is a failure too. Part of an answer always is.
    """

    def __init__(self, port: int, clients: int = 8, *, fresh: bool = True, strict: bool = False, request: bytes = GET) -> None:
        super().__init__(daemon=True)
        self.port, self.clients, self.fresh, self.strict, self.asks = port, clients, fresh, strict, request
        self.done = 0
        self.again = 0
        self.failed: list[str] = []
        self.ending = False
        self.start()

    def run(self) -> None:
        asyncio.run(self._all())

    async def _all(self) -> None:
        await asyncio.gather(*(self._client() for _ in range(self.clients)))

    async def _client(self) -> None:
        pair: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while not self.ending:
            reused = pair is not None
            try:
                async with asyncio.timeout(PATIENCE_S):
                    pair = pair or await asyncio.open_connection("127.0.0.1", self.port)
                    told = await self._request(*pair)
            except (OSError, TimeoutError, asyncio.IncompleteReadError) as wrong:
                if pair is not None:
                    pair[1].close()
                pair = None
                if not reused or self.strict or isinstance(wrong, TimeoutError) or getattr(wrong, "partial", b""):
                    self.failed.append(f"{wrong!r} reused={reused}")
                self.again += 1
                continue
            self.done += 1
            if b" 200 " not in told[:20]:
                self.failed.append(repr(told[:60]))
            if self.fresh or b"connection: close" in told:
                pair[1].close()
                pair = None
        if pair is not None:
            pair[1].close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(self.asks)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index]
        try:
            await reader.readexactly(length)
        except asyncio.IncompleteReadError as wrong:
            raise asyncio.IncompleteReadError(head + wrong.partial, length) from None
        return head

    def stop(self) -> None:
        self.ending = True
        self.join(PATIENCE_S)


def raise_descriptors() -> int:
    """The soft limit of this process up to the hard one. Returns: it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
