"""The embedding API, started and stopped again and again in one process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from haproxy_py import ConfigurationError, Proxy
from tests.adversity.group import Origin
from tests.adversity.lab import OK, counts
from tests.harness.certs import Authority
from tests.harness.ports import Reservation

ROUNDS = 50
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
CONFIG = """
defaults
    mode http
    timeout connect 2s
    timeout client 5s
    timeout server 5s
frontend web
    bind 127.0.0.1:{web}
    bind 127.0.0.1:{tls} ssl crt {crt}
    default_backend b
backend b
    option httpchk
    server s 127.0.0.1:{s} check inter 2s
"""

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=LOOPS)
def runner(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    with asyncio.Runner(loop_factory=LOOPS[request.param]) as first:
        first.run(asyncio.sleep(0))           # libuv opens one pipe for the life of the process
    return LOOPS[request.param]


async def _ask(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(GET)
        return await reader.readuntil(b"ok")
    finally:
        writer.close()
        await writer.wait_closed()


def test_fifty_lives_leave_nothing(runner: Callable[[], asyncio.AbstractEventLoop], tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_bytes(Authority.new().issue("a.example").bundle)

    async def lives() -> list[dict[str, int]]:
        found = []
        origin = Origin()
        with Reservation() as held:
            web, tls = held.take(), held.take()
            text = CONFIG.format(web=web, tls=tls, crt=tmp_path / "a.pem", s=origin.port)
            for number in range(ROUNDS):
                await _one_life(text, web, tls)
                if number % 5 == 4:
                    found.append(counts())
        origin.close()
        return found

    before = counts()
    with asyncio.Runner(loop_factory=runner) as own:
        found = own.run(lives())
    assert found[-1]["sources"] == before["sources"]
    assert max(each["fds"] for each in found[5:]) <= max(each["fds"] for each in found[:5]) + 2
    assert counts() == before


async def _one_life(text: str, web: int, tls: int) -> None:
    """Traffic, an idle connection, a handshake that stops half way, a check under way; then the end."""
    async with Proxy.from_text(text) as proxy:
        assert await _ask(web) == OK
        _, idle = await asyncio.open_connection("127.0.0.1", web)
        _, half = await asyncio.open_connection("127.0.0.1", tls)
        half.write(b"\x16\x03\x01\x02\x00")
        assert proxy.stats()["web"]["FRONTEND"]["req_tot"] == 1
        assert not proxy.stats()["b"]["s"]["econ"]
    for writer in (idle, half):
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def test_two_proxies_in_one_loop(runner: Callable[[], asyncio.AbstractEventLoop], tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_bytes(Authority.new().issue("a.example").bundle)

    async def both() -> None:
        origin = Origin()
        with Reservation() as held:
            ports = [held.take() for _ in range(4)]
            texts = [CONFIG.format(web=a, tls=b, crt=tmp_path / "a.pem", s=origin.port) for a, b in (ports[:2], ports[2:])]
            async with Proxy.from_text(texts[0]) as one:
                async with Proxy.from_text(texts[1]):
                    assert await _ask(ports[0]) == await _ask(ports[2]) == OK
                assert await _ask(ports[0]) == OK
                assert one.stats()["web"]["FRONTEND"]["req_tot"] == 2
        origin.close()

    before = counts()
    with asyncio.Runner(loop_factory=runner) as own:
        own.run(both())
    assert counts() == before


def test_a_start_that_fails_leaves_nothing(runner: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def taken() -> None:
        origin = Origin()
        text = f"frontend f\n    mode http\n    timeout client 1s\n    bind 127.0.0.1:{origin.port}\n"
        for _ in range(5):
            with pytest.raises(OSError, match=str(origin.port)):
                await Proxy.from_text(text).start()
        origin.close()

    before = counts()
    with asyncio.Runner(loop_factory=runner) as own:
        own.run(taken())
    assert counts() == before
    with pytest.raises(ConfigurationError, match="nonsense"):
        Proxy.from_text("frontend f\n    nonsense\n")


def test_a_proxy_starts_again_after_its_stop() -> None:
    async def twice() -> None:
        origin = Origin()
        with Reservation() as held:
            web = held.take()
            text = CONFIG.format(web=web, tls=held.take(), crt="none", s=origin.port).replace(" ssl crt none", "")
            proxy = Proxy.from_text(text)
            for _ in range(2):
                await proxy.start()
                assert await _ask(web) == OK
                await proxy.stop(grace_s=1)
                assert not proxy.running
            await proxy.stop()
        origin.close()

    before = counts()
    asyncio.run(twice())
    assert counts() == before
