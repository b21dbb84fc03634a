"""Clients that wait, servers that answer on command: the same story told to two proxies must come out alike.

    async def story(crowd: Crowd) -> None:
        await crowd.ask("/a", "/b")          # a client each, one after the other
        await crowd.free("s1")               # the server answers what it has held longest
        crowd.note(await crowd.stat("b", "s1", "qcur"))
    assert tell(pyhaproxy(), config, story) == tell(haproxy26(), config, story)

What comes out: per step, which requests reached which server, in order, and which clients were answered; in the end, the
log lines, sorted. `{web}`, `{dead}`, `{syslog}`, `{sock}` and a port for every server named in `{}` are filled in.
"""

from __future__ import annotations

import asyncio
import csv
import re
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.harness.ports import Reservation
from tests.harness.products import Product
from tests.harness.syslog import Syslog

PATIENCE_S = 30.0
LOGGED_S = 20.0
PAUSE_S = 0.004
LOOKS = 3
GLOBAL = """
global
    maxconn 500
    log 127.0.0.1:{syslog} local0
    stats socket {sock} level admin
    nbthread 1
defaults
    mode http
    log global
    log-format "%HU %s %ST %ts %rc %sq/%bq"
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout queue 20s
"""
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Story = Callable[["Crowd"], Awaitable[None]]


class Server:
    """Holds every request until it is freed. replies: by target, instead of 200; b"": the connection is closed."""

    def __init__(self, name: str, crowd: Crowd) -> None:
        self.name = name
        self.crowd = crowd
        self.held: list[tuple[str, asyncio.StreamWriter]] = []
        self.replies: dict[str, list[bytes]] = {}
        self.port = 0
        self.server: asyncio.Server | None = None

    async def open(self, port: int = 0) -> None:
        """Listen (again)."""
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", port or self.port, backlog=512)
        self.port = self.server.sockets[0].getsockname()[1]

    def shut(self) -> None:
        """Listen no more."""
        if self.server is not None:
            self.server.close()
            self.server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head)
                if length:
                    await reader.readexactly(int(length[1]))
                await self._got(head.split(b" ")[1].decode(), writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, OSError):
            self.held = [(target, other) for target, other in self.held if other is not writer]
            writer.close()

    async def _got(self, target: str, writer: asyncio.StreamWriter) -> None:
        self.crowd.events.append(f"{self.name} got {target}")
        if self.replies.get(target):
            reply = self.replies[target].pop(0)
            if not reply:
                writer.close()
                return
            writer.write(reply)
            return
        self.held.append((target, writer))

    def free(self) -> None:
        """Answer the oldest."""
        _, writer = self.held.pop(0)
        writer.write(OK)


class Crowd:
    """Attributes: servers by name, log lines, what was told so far."""

    def __init__(self) -> None:
        self.servers: dict[str, Server] = {}
        self.events: list[str] = []
        self.answers: list[str] = []
        self.told: list[str] = []
        self.clients: dict[str, tuple[asyncio.Task[None], asyncio.StreamWriter]] = {}
        self.waiting: set[str] = set()
        self.asked = 0
        self.web = 0
        self.sock = ""

    def note(self, fact: object) -> None:
        """Something to compare."""
        self.told.append(str(fact))

    async def settle(self) -> None:
        """Wait until every client has been answered, is held by a server or stands in a queue; then tell what has happened.

        The proxy is asked several times, and says the same each time: between two answers its loop has gone round.
        """
        same, before = 0, (-1, -1, -1)
        async with asyncio.timeout(PATIENCE_S):
            while same < LOOKS:
                queued, held = await self._queued(), sum(len(server.held) for server in self.servers.values())
                now = queued, held, len(self.events) + len(self.answers)
                same = same + 1 if now == before and queued + held == len(self.waiting) else 0
                before = now
                await asyncio.sleep(PAUSE_S)
        self._tell()

    async def until_answered(self, *targets: str) -> None:
        """Wait until these clients have their answers; then tell what has happened."""
        async with asyncio.timeout(PATIENCE_S):
            while self.waiting & set(targets):
                await asyncio.sleep(PAUSE_S)
        await self.settle()

    async def _queued(self) -> int:
        rows = csv.DictReader((await self._say("show stat")).removeprefix("# ").splitlines())
        return sum(int(row["qcur"] or "0") for row in rows)

    def _tell(self) -> None:
        self.told += [*self.events, *sorted(self.answers)]
        self.events.clear()
        self.answers.clear()

    async def ask(self, *targets: str, fields: str = "", body: bytes = b"", method: str = "GET") -> None:
        """A client for each target, one after the other."""
        for target in targets:
            await self.send(target, fields=fields, body=body, method=method)
            await self.settle()

    async def send(self, *targets: str, fields: str = "", body: bytes = b"", method: str = "GET") -> None:
        """A client for each target, without a look at what becomes of it."""
        for target in targets:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.web)
            length = f"content-length: {len(body)}\r\n" if body else ""
            writer.write(
                f"{method} {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{length}{fields}\r\n".encode() + body
            )
            self.asked += 1
            self.waiting.add(target)
            self.clients[target] = asyncio.create_task(self._hear(target, reader, writer)), writer

    async def _hear(self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            got = await reader.read()
        except OSError:
            got = b"reset"
        self.waiting.discard(target)
        self.answers.append(f"{target} -> {got[9:12].decode() or 'nothing'}")
        writer.close()

    async def leave(self, *targets: str, half: bool = False) -> None:
        """Clients go away (half: they only end their side)."""
        for target in targets:
            task, writer = self.clients[target]
            if half:
                writer.write_eof()
            else:
                task.cancel()
                writer.close()
                self.waiting.discard(target)
            await self.settle()

    async def free(self, *names: str) -> None:
        """Each server named answers one request."""
        for name in names:
            self.servers[name].free()
            await self.settle()

    async def free_all(self) -> None:
        """Answer until nobody waits at any server."""
        while any(server.held for server in self.servers.values()):
            await self.free(*(name for name, server in self.servers.items() if server.held))
        await self.settle()

    async def command(self, text: str) -> str:
        """Say something to the runtime socket."""
        told = await self._say(text)
        await self.settle()
        return told

    async def served(self) -> None:
        """Wait until somebody serves the runtime socket."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    await self._say("show cli level")
                    return
                except OSError:
                    await asyncio.sleep(PAUSE_S)

    async def _say(self, text: str) -> str:
        reader, writer = await asyncio.open_unix_connection(self.sock)
        writer.write(text.encode() + b"\n")
        told = (await reader.read()).decode()
        writer.close()
        return told

    async def stat(self, proxy: str, part: str, *names: str) -> list[str]:
        """Columns of one row of `show stat`."""
        text = await self.command("show stat")
        rows = csv.DictReader(text.removeprefix("# ").splitlines())
        row = next((r for r in rows if r.get("pxname") == proxy and r["svname"] == part), {})
        return [row.get(name, "?") for name in names]


def tell(product: Product, config: str, story: Story, base: str = GLOBAL) -> list[str]:
    """Run `story` against `product`. Returns: what came out."""
    return asyncio.run(_tell(product, base + config, story))


def tell_both(
    first: Product, second: Product, config: str, story: Story, base: str = GLOBAL
) -> tuple[list[str], list[str]]:
    """Run `story` against two products at the same time. Returns: what came out of each."""

    async def both() -> tuple[list[str], list[str]]:
        return await asyncio.gather(_tell(first, base + config, story), _tell(second, base + config, story))

    return asyncio.run(both())


async def _tell(product: Product, config: str, story: Story) -> list[str]:
    crowd = Crowd()
    syslog = await Syslog().open()
    with Reservation() as held, tempfile.TemporaryDirectory(prefix="crowd-") as folder:
        config = await _staged(crowd, config, held, folder, syslog.port)
        try:
            running = await asyncio.to_thread(product.start, config, [crowd.web])
            try:
                async with asyncio.timeout(2 * PATIENCE_S):
                    await crowd.served()
                    await story(crowd)
                    await crowd.settle()
                await _logged(syslog, crowd.asked)
                assert running.process.poll() is None, running.stderr()
            finally:
                await asyncio.to_thread(running.stop)
        finally:
            _leave(crowd)
            syslog.close()
    return crowd.told + sorted(_lines(syslog))


async def _staged(crowd: Crowd, config: str, held: Reservation, folder: str, logs: int) -> str:
    """Open the servers that `config` names. Returns: it with everything filled in."""
    crowd.web, crowd.sock = held.take(), str(Path(folder, "sock"))
    filled = {"web": str(crowd.web), "dead": str(held.take()), "syslog": str(logs), "sock": crowd.sock}
    for name in dict.fromkeys(re.findall(r"\{(s\d+)\}", config)):
        crowd.servers[name] = Server(name, crowd)
        await crowd.servers[name].open()
        filled[name] = str(crowd.servers[name].port)
    return re.sub(r"\{(\w+)\}", lambda m: filled.get(m[1], m[0]), config)


def _leave(crowd: Crowd) -> None:
    for server in crowd.servers.values():
        server.shut()
    for task, writer in crowd.clients.values():
        task.cancel()
        writer.close()


def _lines(syslog: Syslog) -> list[str]:
    lines = (line.decode().partition("]: ")[2].strip() for line in syslog.lines)
    return [line for line in lines if line.startswith("/")]


async def _logged(syslog: Syslog, asked: int) -> None:
    """Wait for a line for each client; what is missing after a while shows in the comparison."""
    end = asyncio.get_running_loop().time() + LOGGED_S
    while len(_lines(syslog)) < asked and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(PAUSE_S)
