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

SETTLE_S = 0.03
PATIENCE_S = 15.0
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
        self.web = 0
        self.sock = ""
        self.settle_s = SETTLE_S

    def note(self, fact: object) -> None:
        """Something to compare."""
        self.told.append(str(fact))

    async def settle(self, seconds: float = 0.0) -> None:
        """Wait, then tell what has happened."""
        await asyncio.sleep(seconds or self.settle_s)
        self.told += [*self.events, *sorted(self.answers)]
        self.events.clear()
        self.answers.clear()

    async def ask(self, *targets: str, fields: str = "", body: bytes = b"", method: str = "GET") -> None:
        """A client for each target, one after the other."""
        for target in targets:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.web)
            length = f"content-length: {len(body)}\r\n" if body else ""
            writer.write(
                f"{method} {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{length}{fields}\r\n".encode() + body
            )
            self.clients[target] = asyncio.create_task(self._hear(target, reader, writer)), writer
            await self.settle()

    async def _hear(self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            got = await reader.read()
        except OSError:
            got = b"reset"
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
        reader, writer = await asyncio.open_unix_connection(self.sock)
        writer.write(text.encode() + b"\n")
        told = (await reader.read()).decode()
        writer.close()
        await self.settle()
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


async def _tell(product: Product, config: str, story: Story) -> list[str]:
    crowd = Crowd()
    syslog = await Syslog().open()
    with Reservation() as held, tempfile.TemporaryDirectory(prefix="crowd-") as folder:
        crowd.web, crowd.sock = held.take(), str(Path(folder, "sock"))
        filled = {"web": str(crowd.web), "dead": str(held.take()), "syslog": str(syslog.port), "sock": crowd.sock}
        for name in dict.fromkeys(re.findall(r"\{(s\d+)\}", config)):
            crowd.servers[name] = Server(name, crowd)
            await crowd.servers[name].open()
            filled[name] = str(crowd.servers[name].port)
        config = re.sub(r"\{(\w+)\}", lambda m: filled.get(m[1], m[0]), config)
        try:
            with product.start(config, [crowd.web]) as running:
                async with asyncio.timeout(60):
                    await story(crowd)
                    await crowd.settle()
                    await _logged(syslog)
                assert running.process.poll() is None, running.stderr()
        finally:
            for server in crowd.servers.values():
                server.shut()
            for task, writer in crowd.clients.values():
                task.cancel()
                writer.close()
            syslog.close()
    lines = [line.decode().partition("]: ")[2].strip() for line in syslog.lines]
    return crowd.told + sorted(line for line in lines if line.startswith("/"))


async def _logged(syslog: Syslog) -> None:
    await asyncio.sleep(0.1)
