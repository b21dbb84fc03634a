"""Checks whose peers or patterns never come to an end: each ends with a finding, and holds up nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from backends.checks.pattern import GaveUp, Pattern
from backends.checks.status import Finding
from tests.harness.checks import Bench

HEAVY = "^(a+)+$"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


def endless(first: bytes, again: bytes, pause_s: float = 0.0) -> Peer:
    """A peer that sends `first`, then `again` until nobody listens."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(first)
            while True:
                writer.write(again)
                await writer.drain()
                await asyncio.sleep(pause_s)
        except ConnectionError:
            pass
        finally:
            writer.close()

    return serve


def checked(peer: Peer, backend: str, timeout: str = "400ms") -> Finding:
    """One check of a server that is `peer`."""

    async def run() -> Finding:
        server = await asyncio.start_server(peer, "127.0.0.1", 0)
        bench = Bench(
            f"backend b\n timeout check {timeout}\n{backend} server s 127.0.0.1:{server.sockets[0].getsockname()[1]} check\n"
        )
        try:
            return await bench.once()
        finally:
            bench.stop()
            server.close()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("peer", "backend", "status"),
    [
        (endless(HEAD, b"x" * 8192), " option httpchk\n http-check expect string no\n", "L7RSP"),
        (
            endless(CHUNKED, b"1000\r\n" + b"x" * 4096 + b"\r\n"),
            " option httpchk\n http-check expect string no\n",
            "L7RSP",
        ),
        (endless(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"), " option httpchk\n", "L7RSP"),
        (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), " option httpchk\n", "L7STS"),
        (endless(b"", b"x" * 8192), " option tcp-check\n tcp-check expect string no\n", "L7RSP"),
        (endless(b"", b"x" * 8192), " option tcp-check\n tcp-check expect rstring no$\n", "L7RSP"),
        (endless(HEAD, b"x", 0.02), " option httpchk\n http-check expect string no\n", "L7TOUT"),
        (endless(b"HTTP/1.1 200 OK\r\nx: ", b"x", 0.02), " option httpchk\n", "L7TOUT"),
        (endless(b"", b"x", 0.02), " option tcp-check\n tcp-check expect string no\n", "L7TOUT"),
        (endless(b"", b"2", 0.02), " option smtpchk\n", "L7RSP"),
        (endless(b"", b"x", 0.02), " option redis-check\n", "L7TOUT"),
        (endless(HEAD, b"a" * 8191 + b"b"), f" option httpchk\n http-check expect rstring {HEAVY}\n", "L7RSP"),
        (endless(b"", b"a" * 8191 + b"b"), f" option tcp-check\n tcp-check expect rstring {HEAVY}\n", "L7RSP"),
        (endless(HEAD, b"a" * 30 + b"b", 0.02), f" option httpchk\n http-check expect rstring {HEAVY}\n", "L7TOUT"),
    ],
)
def test_a_peer_without_end(peer: Peer, backend: str, status: str) -> None:
    assert checked(peer, backend, "400ms" if status == "L7TOUT" else "20s").status.name == status


def test_a_pattern_without_end_is_given_up() -> None:
    with pytest.raises(GaveUp):
        Pattern(HEAVY).found(b"a" * 5000 + b"b")
    assert not Pattern(HEAVY).found_at_all(b"a" * 5000 + b"b")
    assert Pattern(HEAVY).found(b"a" * 5000)


def test_a_pattern_that_was_given_up_is_asked_again_at_the_end_only(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    found = Pattern.found

    def counted(self: Pattern, subject: bytes) -> bool:
        nonlocal asked
        asked += 1
        return found(self, subject)

    monkeypatch.setattr(Pattern, "found", counted)
    checked(endless(b"a" * 5000 + b"b", b"c", 0.01), f" option tcp-check\n tcp-check expect rstring {HEAVY}\n")
    assert asked == 1
