"""Servers that refuse, reset, say nothing, or die in the middle, and clients that do."""

from __future__ import annotations

import select

import pytest

from tests.adversity.lab import DEFAULTS, GET, OK, Lab, run
from tests.harness.wire import HEAD, Close, Deaf, End, HalfClose, Reset, Script, Until

BACK = "backend b\n    server s 127.0.0.1:{s}\n"
HASTY = DEFAULTS.replace("timeout server 20s", "timeout server 300ms").replace("timeout client 20s", "timeout client 400ms")


def answer_of(text: bytearray) -> bytes:
    """The status of the first reply."""
    return bytes(text[9:12])


def test_a_refused_connection_is_503() -> None:
    async def scenario(lab: Lab) -> None:
        await lab.start("backend b\n    server s 127.0.0.1:{nobody}\n")
        client = await lab.client()
        await client.run([GET, HEAD])
        assert answer_of(client.received) == b"503"
        assert lab.total("econ", "BACKEND", "b") == 1
        assert lab.total("wretr", "BACKEND", "b") == 1

    run(scenario)


def test_a_refused_connection_is_redispatched() -> None:
    async def scenario(lab: Lab) -> None:
        lab.origin("s")
        await lab.start(
            "backend b\n    option redispatch 1\n    retries 2\n    server dead 127.0.0.1:{nobody}\n    server s 127.0.0.1:{s}\n"
        )
        for _ in range(4):
            client = await lab.client()
            await client.run([GET, HEAD])
            assert answer_of(client.received) == b"200"
        assert lab.total("wredis", "dead", "b") >= 2

    run(scenario)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ([Reset()], b"502"),
        ([HEAD, Reset()], b"502"),
        ([HEAD, Close()], b"502"),
        ([HEAD, b"HTTP/1.1 200 OK\r\ncont", Close()], b"502"),
        ([HEAD, b"HTTP/1.1 200 OK\r\ncont", Reset()], b"502"),
        ([HEAD, b"\x16\x03\x01\x00\x05hello\r\n\r\n", End()], b"502"),
        ([HEAD, b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", End()], b"502"),
    ],
    ids=["reset", "reset-after-head", "closed-after-head", "closed-mid-head", "reset-mid-head", "garbage", "two-lengths"],
)
def test_no_reply_is_502(script: Script, expected: bytes) -> None:
    async def scenario(lab: Lab) -> None:
        lab.origin("s", script)
        await lab.start(BACK)
        client = await lab.client()
        await client.run([GET, HEAD])
        assert answer_of(client.received) == expected, bytes(client.received)

    run(scenario)


def test_a_silent_server_is_504() -> None:
    async def scenario(lab: Lab) -> None:
        lab.origin("s", [HEAD, End()])
        await lab.start(BACK, defaults=HASTY.replace("timeout client 400ms", "timeout client 20s"))
        client = await lab.client()
        await client.run([GET, HEAD])
        assert answer_of(client.received) == b"504"
        await lab.until(lambda: lab.origins[0].peers[0].fate != "open", "the end of the server's connection")

    run(scenario)


def test_a_server_that_stops_mid_body_ends_the_client() -> None:
    async def scenario(lab: Lab) -> None:
        lab.origin("s", [HEAD, b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", End()])
        await lab.start(BACK, defaults=HASTY)
        client = await lab.client()
        await client.run([GET, End()])
        assert client.received.endswith(b"half") and client.fate != "open"

    run(scenario)


@pytest.mark.parametrize("ending", [Close(), Reset()], ids=["fin", "rst"])
@pytest.mark.parametrize("head", [b"content-length: 100000", b"transfer-encoding: chunked"], ids=["length", "chunked"])
def test_a_server_that_dies_mid_body(head: bytes, ending: Close | Reset) -> None:
    async def scenario(lab: Lab) -> None:
        piece = b"2710\r\n" + b"x" * 5000 if b"chunked" in head else b"x" * 5000
        lab.origin("s", [HEAD, b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + piece, ending])
        await lab.start(BACK)
        client = await lab.client()
        await client.run([GET, End()])
        assert answer_of(client.received) == b"200" or isinstance(ending, Reset)
        assert client.fate != "open"
        await lab.until(lambda: lab.total("srv_abrt", "BACKEND", "b") + lab.total("eresp", "BACKEND", "b") >= 1, "a count")

    run(scenario)


@pytest.mark.parametrize("ending", [Close(), Reset()], ids=["fin", "rst"])
@pytest.mark.parametrize(
    "piece",
    [b"", b"GET / HT", b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9000\r\n\r\nhalf", GET],
    ids=["nothing", "mid-head", "mid-body", "before-the-reply"],
)
def test_a_client_that_dies(piece: bytes, ending: Close | Reset) -> None:
    async def scenario(lab: Lab) -> None:
        lab.origin("s", [HEAD, End()])
        await lab.start(BACK, defaults=HASTY)
        client = await lab.client()
        await lab.until(lambda: lab.total("scur") == 1, "the session")
        await client.run([piece])
        if b"\r\n\r\n" in piece:
            await lab.until(lambda: len(lab.origins[0].peers) == 1, "the server's connection")
        await client.run([ending])
        await lab.until(lambda: not lab.busy(), "the end of the stream")

    run(scenario)


def test_a_client_that_dies_mid_reply() -> None:
    async def scenario(lab: Lab) -> None:
        body = b"x" * 40_000_000
        lab.origin("s", [HEAD, b"HTTP/1.1 200 OK\r\ncontent-length: 40000000\r\n\r\n" + body, End()])
        await lab.start(BACK)
        client = await lab.client()
        await client.run([Deaf(), GET])
        await lab.until(lambda: bool(select.select([client.sock], [], [], 0)[0]), "the begin of the reply")
        await client.run([Reset()])
        await lab.until(lambda: not lab.busy(), "the end of the stream")
        await lab.until(lambda: lab.origins[0].peers[0].fate != "open", "the end of the server's connection")
        assert lab.total("cli_abrt") == 1

    run(scenario)


def test_a_client_that_only_ends_its_direction_gets_its_reply() -> None:
    async def scenario(lab: Lab) -> None:
        lab.origin("s", [HEAD, Until(b"done"), OK, End()])
        await lab.start(BACK)
        client = await lab.client()
        await client.run([b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n", b"done", HalfClose(), End()])
        assert client.received.endswith(b"ok")

    run(scenario)


@pytest.mark.parametrize("server_first", [False, True])
def test_half_close_passes_through_tcp_mode(server_first: bool) -> None:
    async def scenario(lab: Lab) -> None:
        talk: Script = [b"hello", HalfClose(), End()] if server_first else [End(), b"late", Close()]
        lab.origin("s", talk)
        await lab.start(BACK, defaults=DEFAULTS.replace("mode http", "mode tcp"))
        client = await lab.client()
        if server_first:
            await client.run([End(), b"still talking", HalfClose()])
            await lab.until(lambda: lab.origins[0].peers[0].fate == "fin", "the end of the client's direction")
            assert client.received == b"hello" and lab.origins[0].peers[0].received == b"still talking"
        else:
            await client.run([b"question", HalfClose(), End()])
            assert client.received == b"late" and lab.origins[0].peers[0].received == b"question"

    run(scenario)


def test_a_server_that_dies_while_idle_is_not_noticed_by_clients() -> None:
    async def scenario(lab: Lab) -> None:
        lab.origin("s", [HEAD, OK, Close()], [HEAD, OK, Reset()], [HEAD, OK, End()])
        await lab.start(BACK)
        client = await lab.client()
        for number in range(1, 4):
            await client.run([GET, Until(b"ok")])
            assert client.received.count(b"200 OK") == number, bytes(client.received)
            peer = lab.origins[0].peers[number - 1]
            await lab.until(lambda n=number, p=peer: n > 2 or p.fate != "open", "its end")  # type: ignore[misc]

    run(scenario)
