"""check-reuse-pool: checks over the idle connections of a server, beside traffic and beside servers that close them."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adversity.lab import GET, Lab, run
from tests.harness.certs import Authority

KEEP = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CLOSE = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"
OLD = b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok"
TOO_MUCH = KEEP + b"more"
BACKEND = "backend b\n option httpchk\n http-check send meth GET uri /check ver HTTP/1.1 hdr host a\n http-reuse always\n timeout check 20s\n"
CHECK = "check inter 100ms fall 1 rise 1"  # a check that cannot connect within the interval has failed


class Counted:
    """A server that keeps the heads of each connection. answer: to every request; most: requests of one connection, behind which it
    closes without a word in place of an answer."""

    def __init__(self, answer: bytes = KEEP, most: int = 1 << 30) -> None:
        self.answer = answer
        self.most = most
        self.heads: list[list[bytes]] = []
        self.open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine: list[bytes] = []
        self.heads.append(mine)
        self.open += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while len(mine) < self.most:
                mine.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(self.answer)
                if self.answer is CLOSE:
                    break
            else:
                await reader.readuntil(b"\r\n\r\n")
        self.open -= 1
        writer.close()

    @property
    def checks(self) -> int:
        return sum(head.startswith(b"GET /check") for heads in self.heads for head in heads)


@contextlib.asynccontextmanager
async def serving(lab: Lab, server: Counted, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
    """The server under the name "s"."""
    made = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    lab.ports["s"] = made.sockets[0].getsockname()[1]
    yield
    await lab.proxy.stop()
    made.close()
    await lab.until(lambda: not server.open, "the end of all connections")


def failed(lab: Lab) -> int:
    return lab.total("chkfail", "s", "b")


def test_one_connection_is_enough() -> None:
    async def scenario(lab: Lab) -> None:
        server = Counted()
        async with serving(lab, server):
            await lab.start(BACKEND + f" server s 127.0.0.1:{{s}} {CHECK} check-reuse-pool\n")
            await lab.until(lambda: server.checks >= 10, "ten checks")
            assert len(server.heads) == 1
            assert b"connection:" not in server.heads[0][0]
            assert failed(lab) == 0

    run(scenario)


@pytest.mark.parametrize("words", ["", " check-reuse-pool no-check-reuse-pool", " check-reuse-pool check-send-proxy"])
def test_a_connection_each(words: str) -> None:
    """Without it, with it taken back, and where the check's connection is not like that of traffic."""

    async def scenario(lab: Lab) -> None:
        server = Counted()
        async with serving(lab, server):
            await lab.start(BACKEND + f" server s 127.0.0.1:{{s}} {CHECK}{words}\n")
            await lab.until(lambda: len(server.heads) >= 5 and bool(server.heads[4]), "five checks")
            assert all(len(heads) <= 1 for heads in server.heads)

    run(scenario)


@pytest.mark.parametrize("answer", [CLOSE, OLD, TOO_MUCH])
def test_what_ends_is_not_kept(answer: bytes) -> None:
    async def scenario(lab: Lab) -> None:
        server = Counted(answer)
        async with serving(lab, server):
            await lab.start(BACKEND + f" server s 127.0.0.1:{{s}} {CHECK} check-reuse-pool\n")
            await lab.until(lambda: len(server.heads) >= 5 and bool(server.heads[4]), "five checks")
            assert all(len(heads) <= 1 for heads in server.heads)
            assert failed(lab) == 0

    run(scenario)


def test_traffic_and_checks_share() -> None:
    async def scenario(lab: Lab) -> None:
        server = Counted()
        async with serving(lab, server):
            await lab.start(BACKEND + f" server s 127.0.0.1:{{s}} {CHECK} check-reuse-pool\n")
            await lab.until(lambda: server.checks >= 3, "three checks")
            client = await lab.client()
            for _ in range(20):
                await client.send(GET)
                await lab.until(lambda: client.received.endswith(b"ok"), "an answer")
                client.received.clear()
            before = server.checks
            await lab.until(lambda: server.checks >= before + 3, "three more")
            shared = [heads for heads in server.heads if any(GET[:6] == head[:6] for head in heads)]
            assert any(head.startswith(b"GET /check") for heads in shared for head in heads)
            assert failed(lab) == 0

    run(scenario)


@pytest.mark.parametrize("most", [1, 3])
def test_a_connection_that_the_server_has_closed_is_no_failure(most: int) -> None:
    """It closes in place of an answer to the request behind the last one: the check is made again on a new connection."""

    async def scenario(lab: Lab) -> None:
        server = Counted(most=most)
        async with serving(lab, server):
            await lab.start(BACKEND + f" server s 127.0.0.1:{{s}} {CHECK} check-reuse-pool\n")
            await lab.until(lambda: len(server.heads) >= 5, "five connections")
            assert failed(lab) == 0

    run(scenario)


def test_a_server_that_is_gone_fails() -> None:
    """The idle connection ends with it, and the new one is refused."""

    async def scenario(lab: Lab) -> None:
        origin = Counted()
        made = await asyncio.start_server(origin.serve, "127.0.0.1", 0)
        lab.ports["s"] = made.sockets[0].getsockname()[1]
        await lab.start(BACKEND + f" server s 127.0.0.1:{{s}} {CHECK} check-reuse-pool\n")
        await lab.until(lambda: origin.checks >= 3, "three checks")
        made.close()
        origin.most = 0
        await lab.until(lambda: lab.total("chkdown", "s", "b") == 1, "its end")
        await lab.until(lambda: not origin.open, "the end of all connections")

    run(scenario)


def test_over_tls(tmp_path: Path) -> None:
    async def scenario(lab: Lab) -> None:
        path = tmp_path / "s.pem"
        path.write_bytes(Authority.new().issue("s.example").bundle)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        server = Counted()
        async with serving(lab, server, context):
            await lab.start(BACKEND + f" server s 127.0.0.1:{{s}} {CHECK} ssl verify none check-reuse-pool\n")
            await lab.until(lambda: server.checks >= 10, "ten checks")
            assert len(server.heads) == 1
            client = await lab.client()
            await client.send(GET)
            await lab.until(lambda: client.received.endswith(b"ok"), "an answer")
            assert failed(lab) == 0

    run(scenario)
