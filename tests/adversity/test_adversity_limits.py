"""Full frontends and processes, garbage on special ports, slow peers: what waits goes on, memory stays flat."""

from __future__ import annotations

import asyncio
import resource
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.adversity.lab import DEFAULTS, FRONT, GET, OK, Lab, run
from tests.harness.certs import Authority
from tests.harness.wire import HEAD, Close, Deaf, End, Peer, Serve, Until

BACK = "backend b\n    server s 127.0.0.1:{s}\n"
TWO_FRONTS = FRONT + "frontend other\n    bind 127.0.0.1:{other}\n    default_backend b\n"
PAGE = resource.getpagesize()
BIG = 64 << 20


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


async def served(client: Peer) -> bool:
    """Whether a request on this connection is answered with 200."""
    await client.run([GET, HEAD])
    return client.received.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("limit", ["global\n    maxconn 1\n", ""], ids=["process", "frontend"])
def test_who_waits_at_a_full_door_comes_in_when_another_leaves(limit: str) -> None:
    async def scenario(lab: Lab) -> None:
        lab.origin("s")
        front = FRONT if limit else FRONT + "    maxconn 1\n    backlog 100\n"
        await lab.start(BACK, front, limit + DEFAULTS)
        first = await lab.client()
        assert await served(first)
        waiting = [await lab.client() for _ in range(3)]
        asked = [asyncio.create_task(served(each)) for each in waiting]
        assert lab.total("scur") == 1
        for task, peer in zip(asked, waiting, strict=True):
            first.close()
            assert await task
            assert lab.total("scur") == 1 and lab.total("smax") == 1
            first = peer

    run(scenario)


def test_the_limit_of_the_process_wakes_every_frontend() -> None:
    async def scenario(lab: Lab) -> None:
        lab.origin("s")
        lab.ports["other"] = lab.held.take()
        await lab.start(BACK, TWO_FRONTS, "global\n    maxconn 1\n" + DEFAULTS)
        first = await lab.client()
        assert await served(first)
        second = await lab.client("other")
        asked = asyncio.create_task(served(second))
        await asyncio.sleep(0)
        first.close()
        assert await asked

    run(scenario)


def test_a_full_frontend_that_stops_accepts_nobody() -> None:
    async def scenario(lab: Lab) -> None:
        lab.origin("s", [HEAD, Until(b"go"), OK, End()])
        await lab.start(BACK, FRONT + "    maxconn 1\n    backlog 100\n")
        first = await lab.client()
        await first.run([b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n"])
        await lab.until(lambda: lab.total("scur", "s", "b") == 1, "the request at the server")
        second = await lab.client()
        stopping = asyncio.create_task(lab.proxy.stop(grace_s=5))
        await first.run([b"go", End()])
        assert first.received.endswith(b"ok")
        await stopping
        await second.run([GET, End()])
        assert second.received == b""

    run(scenario)


def test_a_queue_is_served_and_never_above_maxconn() -> None:
    async def scenario(lab: Lab) -> None:
        lab.origin("s")
        await lab.start("backend b\n    server s 127.0.0.1:{s} maxconn 2\n")
        clients = [await lab.client() for _ in range(30)]
        assert all(await asyncio.gather(*(served(each) for each in clients)))
        assert lab.total("smax", "s", "b") <= 2

    run(scenario)


def test_who_leaves_the_queue_is_not_counted_any_more() -> None:
    async def scenario(lab: Lab) -> None:
        lab.origin("s", [HEAD, End()], [Serve()])
        await lab.start("backend b\n    option abortonclose\n    server s 127.0.0.1:{s} maxconn 1\n")
        first = await lab.client()
        await first.run([GET])
        await lab.until(lambda: lab.total("scur", "s", "b") == 1, "the request at the server")
        for number in range(3):
            client = await lab.client()
            await client.run([GET])
            await lab.until(lambda: lab.busy().get("b/BACKEND/qcur", 0) + lab.busy().get("b/s/qcur", 0) == 1, f"queue {number}")
            client.close(hard=True)
            await lab.until(lambda: "b/s/qcur" not in lab.busy() and "b/BACKEND/qcur" not in lab.busy(), "an empty queue")
        last = await lab.client()
        asked = asyncio.create_task(served(last))
        first.close(hard=True)
        assert await asked

    run(scenario)


@pytest.mark.parametrize(
    "garbage",
    [b"", b"\x00" * 64, b"GET / HTTP/1.1\r\n\r\n", b"PROXY TCP4 1.2.3.4 5.6.7.8 99999 1\r\n", b"PROXY " + b"x" * 300, b"\x16\x03\x01\xff\xff"
     + b"\xff" * 5000, b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff" + b"\x00" * 70000],
    ids=["nothing", "zeros", "http", "ports", "endless", "record", "v2-length"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["tls", "proxy", "both"])
def test_garbage_before_the_request(kind: str, garbage: bytes, tmp_path: Path) -> None:
    async def scenario(lab: Lab) -> None:
        lab.origin("s")
        (tmp_path / "a.pem").write_bytes(Authority.new().issue("a.example").bundle)
        words = {"tls": " ssl crt CRT", "proxy": " accept-proxy", "both": " accept-proxy ssl crt CRT"}[kind]
        front = FRONT.replace("{web}", "{web}" + words.replace("CRT", str(tmp_path / "a.pem")))
        await lab.start(BACK, front, DEFAULTS.replace("timeout client 20s", "timeout client 300ms"))
        ends = [await lab.client() for _ in range(3)]
        await ends[0].run([garbage, Close()])
        await ends[1].run([garbage, End()])
        for byte in range(min(len(garbage), 40)):
            await ends[2].run([garbage[byte : byte + 1]])
        await ends[2].run([End()])
        assert ends[1].fate != "open" and not ends[1].received.startswith(b"HTTP/1.1 200")

    run(scenario)


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_a_client_that_does_not_read_costs_no_memory(mode: str) -> None:
    async def scenario(lab: Lab) -> None:
        body = bytes(BIG)
        lab.origin("s", [HEAD, b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % BIG, body, End()])
        await lab.start(BACK, defaults=DEFAULTS.replace("mode http", f"mode {mode}"))
        clients = [await lab.client() for _ in range(8)]
        before = resident()
        for client in clients:
            await client.run([Deaf(), GET])
        await lab.until(lambda: len(lab.origins[0].peers) == 8, "eight connections")
        await _still(lambda: lab.total("bout"))
        assert resident() - before < BIG // 4
        for client in clients:
            client.close(hard=True)

    run(scenario)


def test_a_server_that_does_not_read_costs_no_memory() -> None:
    async def scenario(lab: Lab) -> None:
        with socket.create_server(("127.0.0.1", 0)) as deaf:      # the kernel accepts, nobody ever reads
            lab.ports["s"] = deaf.getsockname()[1]
            await lab.start(BACK)
            clients = [await lab.client() for _ in range(8)]
            before, body = resident(), bytes(1 << 20)
            tasks = [asyncio.create_task(_pour(client, body)) for client in clients]
            await lab.until(lambda: lab.total("scur", "s", "b") == 8, "eight connections")
            await _still(lambda: lab.total("bin"))
            assert resident() - before < BIG // 8
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    run(scenario)


async def _still(number: Callable[[], int]) -> None:
    """Wait until a number has not changed for a while: everything that can move has moved."""
    last, since = number(), time.monotonic()
    while time.monotonic() - since < 0.3:
        await asyncio.sleep(0.02)
        if number() != last:
            last, since = number(), time.monotonic()


async def _pour(client: Peer, piece: bytes) -> None:
    await client.send(b"PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % BIG)
    for _ in range(BIG // len(piece)):
        await client.send(piece)


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_stalled_network_goes_on_where_it_stopped(way: str) -> None:
    async def scenario(lab: Lab) -> None:
        reply = b"HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n" + b"r" * 300000
        lab.origin("s", [HEAD, Until(b"end"), reply, End()])
        relay = await lab.relay("r", "s")
        mood = relay.up if way == "up" else relay.down
        mood.stall_at = 1000
        await lab.start(BACK.replace("{s}", "{r}"))
        client = await lab.client()
        body = b"q" * 299997 + b"end"
        await client.run([b"PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 300000\r\n\r\n" + body])
        await lab.until(lambda: (relay.passed_up if way == "up" else relay.passed_down) == 1000, "the stall")
        relay.release()
        await lab.until(lambda: client.received.endswith(b"r" * 300000), "the whole reply")

    run(scenario)


@pytest.mark.parametrize("cut", [1, 60, 70000, 200000])
@pytest.mark.parametrize("hard", [False, True], ids=["fin", "rst"])
@pytest.mark.parametrize("way", ["up", "down"])
def test_a_network_that_is_cut_anywhere(way: str, hard: bool, cut: int) -> None:
    async def scenario(lab: Lab) -> None:
        reply = b"HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n" + b"r" * 300000
        lab.origin("s", [HEAD, Until(b"end"), reply, End()])
        relay = await lab.relay("r", "s")
        mood = relay.up if way == "up" else relay.down
        mood.cut_at, mood.hard = cut, hard
        await lab.start(BACK.replace("{s}", "{r}"))
        client = await lab.client()
        body = b"q" * 299997 + b"end"
        await client.run([b"PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 300000\r\n\r\n" + body])
        await lab.until(lambda: client.fate != "open" or client.received.startswith(b"HTTP/1.1 50"), "the end")

    run(scenario)
