"""Replies that could put client, proxy and server out of step: surplus bytes, early answers, floods of interim replies."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from haproxy_py.api import Proxy
from tests.adversity.chaos import remains, until
from tests.harness.certs import Authority
from tests.harness.ports import Reservation

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter, int], Awaitable[None]]
REQUEST = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@asynccontextmanager
async def between(
    serve: Handler, timeouts: str = "timeout client 2s\n timeout server 2s", bind: str = ""
) -> AsyncIterator[tuple[Proxy, int]]:
    """A proxy before one server whose n-th connection is serve(reader, writer, n); yields it and its port."""
    count = 0

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        try:
            await serve(reader, writer, count)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    origin = await asyncio.start_server(accepted, "127.0.0.1", 0)
    with Reservation() as hold:
        port = hold.take()
        proxy = Proxy.from_text(
            f"defaults\n mode http\n timeout connect 1s\n {timeouts}\nfrontend f\n bind 127.0.0.1:{port}{bind}\n default_backend b\n"
            f"backend b\n http-reuse always\n server s 127.0.0.1:{origin.sockets[0].getsockname()[1]}\n"
        )
        async with proxy:
            yield proxy, port
            assert await until(lambda: not remains(proxy), 5), remains(proxy)
    origin.close()


async def reply(reader: asyncio.StreamReader) -> bytes:
    """One reply with a content-length, as bytes."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 3)
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return head + await asyncio.wait_for(reader.readexactly(length), 3)


def test_surplus_that_comes_with_the_body_is_nobodys_reply() -> None:
    """The connection was kept, and what came behind the surplus was taken for the next reply."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, n: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if n > 1:
            writer.write(OK)
        else:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
            await gap.wait()
            writer.write(b"helloHTTP/1.1 200 OK\r\n")
            await writer.drain()
        await reader.read()

    async def run() -> None:
        async with between(serve) as (proxy, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(REQUEST)
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 3)
            gap.set()
            assert await asyncio.wait_for(reader.readexactly(5), 3) == b"hello"
            writer.write(REQUEST)
            assert (await reply(reader)).endswith(b"ok")
            assert proxy.stats()["b"]["s"]["connect"] == 2
            writer.close()

    gap = asyncio.Event()
    asyncio.run(run())


def test_an_early_answer_arrives_although_the_server_resets_the_rest() -> None:
    """Without timeouts such a stream stayed for ever: the server was gone, the client's end was not heard."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, n: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig")
        await writer.drain()
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    async def run() -> None:
        async with between(serve, "") as (_proxy, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\nabc")
            assert (await reply(reader)).endswith(b"big")
            writer.write(b"x" * 900000)
            assert await asyncio.wait_for(reader.read(), 3) == b""
            writer.close()

    asyncio.run(run())


def test_many_interim_replies_go_through() -> None:
    """More of them than a buffer holds were answered with 502."""
    early = b"HTTP/1.1 103 Early Hints\r\nlink: " + b"a" * 500 + b"\r\n\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, n: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(early * 200 + OK)
        await reader.read()

    async def run() -> None:
        async with between(serve) as (_proxy, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(REQUEST)
            for _ in range(200):
                assert await asyncio.wait_for(reader.readexactly(len(early)), 3) == early
            assert await reply(reader) == OK
            writer.close()

    asyncio.run(run())


def test_no_error_page_behind_half_an_interim_reply() -> None:
    """A client that reads nothing, a flood, then garbage: what the client finds in the end is whole replies or a cut."""
    early = b"HTTP/1.1 103 Early Hints\r\nlink: " + b"a" * 500 + b"\r\n\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, n: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(early * 20000 + b"garbage\r\n\r\n")
        await reader.read()

    async def run() -> None:
        async with between(serve) as (_proxy, port):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            sock.connect(("127.0.0.1", port))
            sock.send(REQUEST)
            await asyncio.sleep(0)
            reader, writer = await asyncio.open_connection(sock=sock, limit=4096)
            got = bytearray()
            while part := await asyncio.wait_for(reader.read(4096), 5):
                got += part
            at = got.find(b"HTTP/1.1 502")
            assert at < 0 or at % len(early) == 0
            writer.close()

    asyncio.run(run())


def records_of_one_byte(client: ssl.SSLObject, out: ssl.MemoryBIO, text: bytes) -> bytes:
    """`text` as TLS records of one byte each."""
    for i in range(len(text)):
        client.write(text[i : i + 1])
    return out.read()


def test_a_head_in_very_small_tls_records_is_read_to_its_end(tmp_path: Path) -> None:
    """More records than one read takes: the rest lay in the socket and the client got 408."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, n: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.read()

    async def run() -> None:
        crt = tmp_path / "crt.pem"
        crt.write_bytes(Authority.new().issue("a").bundle)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        came, gone = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(came, gone)
        async with between(serve, "timeout client 20s\n timeout server 20s", f" ssl crt {crt}") as (_proxy, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            reply = b""
            sent = False
            while not reply.endswith(b"ok"):
                try:
                    if not sent:
                        client.do_handshake()
                        gone_before = gone.read()
                        head = REQUEST[:-2] + b"x: " + b"y" * 6000 + b"\r\n\r\n"
                        writer.write(gone_before + records_of_one_byte(client, gone, head))
                        sent = True
                    reply += client.read(1000)
                except ssl.SSLWantReadError:
                    writer.write(gone.read())
                    came.write(await asyncio.wait_for(reader.read(65536), 5))
            assert reply == OK
            writer.close()

    asyncio.run(run())


def test_thousands_of_redispatched_refusals() -> None:
    """Each ran inside of the one before until the stack was full."""

    async def run() -> None:
        with Reservation() as hold:
            port = hold.take()
            proxy = Proxy.from_text(
                "defaults\n mode http\n timeout connect 1s\n timeout client 30s\n timeout server 30s\n retries 20000\n"
                f" option redispatch 1\nfrontend f\n bind 127.0.0.1:{port}\n default_backend b\n"
                f"backend b\n server s 127.0.0.1:{hold.take()}\n server t 127.0.0.1:{hold.take()}\n"
            )
            async with proxy:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(REQUEST)
                assert (await asyncio.wait_for(reader.readline(), 25)).startswith(b"HTTP/1.1 503")
                assert proxy.stats()["b"]["BACKEND"]["wredis"] == 20000
                writer.close()

    asyncio.run(run())
