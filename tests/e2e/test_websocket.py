"""A WebSocket client and server with the proxy between them: the upgrade, frames both ways, pings, both closes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import websockets.asyncio.client
import websockets.asyncio.server
from websockets.exceptions import ConnectionClosedOK

from tests.harness.products import Product

CONFIG = """
defaults
    mode http
    timeout connect 2s
    timeout client 2s
    timeout server 2s
    timeout tunnel 20s
listen web
    bind 127.0.0.1:{port}
    server app 127.0.0.1:{app}
"""
Socket = websockets.asyncio.client.ClientConnection
pytestmark = pytest.mark.timeout(60)


async def echo(socket: websockets.asyncio.server.ServerConnection) -> None:
    """Send every message back; "bye" closes from this side."""
    async for message in socket:
        if message == "bye":
            await socket.close(1000, "as you wish")
            return
        await socket.send(message)


@asynccontextmanager
async def through(product: Product, port: int) -> AsyncIterator[str]:
    """The URL of an echo server behind the proxy."""
    async with websockets.asyncio.server.serve(echo, "127.0.0.1", 0, max_size=1 << 24) as server:
        app = server.sockets[0].getsockname()[1]
        running = await asyncio.to_thread(product.start, CONFIG.format(port=port, app=app), [port])
        try:
            yield f"ws://127.0.0.1:{port}/chat"
        finally:
            await asyncio.to_thread(running.stop)


def with_socket(product: Product, port: int, job: Callable[[Socket], Awaitable[None]]) -> None:
    """Run job(client socket) behind the proxy."""

    async def run() -> None:
        async with through(product, port) as url, websockets.asyncio.client.connect(url, max_size=1 << 24, proxy=None) as socket:
            await job(socket)

    asyncio.run(run())


def test_messages_of_every_size_come_back(product: Product, local_port: int) -> None:
    async def job(socket: Socket) -> None:
        for size in (0, 1, 125, 126, 65535, 65536, 3_000_000):
            message = os.urandom(size)
            await socket.send(message)
            assert await socket.recv() == message

    with_socket(product, local_port, job)


def test_many_messages_in_flight_keep_their_order(product: Product, local_port: int) -> None:
    async def job(socket: Socket) -> None:
        async def send() -> None:
            for number in range(2000):
                await socket.send(f"message {number}")

        sending = asyncio.create_task(send())
        for number in range(2000):
            assert await socket.recv() == f"message {number}"
        await sending

    with_socket(product, local_port, job)


def test_a_ping_is_answered(product: Product, local_port: int) -> None:
    async def job(socket: Socket) -> None:
        answered = await socket.ping()
        await asyncio.wait_for(answered, 10)

    with_socket(product, local_port, job)


def test_the_server_closes(product: Product, local_port: int) -> None:
    async def job(socket: Socket) -> None:
        await socket.send("bye")
        with pytest.raises(ConnectionClosedOK) as caught:
            await socket.recv()
        assert caught.value.rcvd is not None and caught.value.rcvd.reason == "as you wish"

    with_socket(product, local_port, job)


def test_the_tunnel_outlives_the_http_timeouts(product: Product, local_port: int) -> None:
    """`timeout tunnel` replaces those of client and server (2 s) once the connection is upgraded."""

    async def job(socket: Socket) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 2.5)
        await socket.send("still there")
        assert await socket.recv() == "still there"

    with_socket(product, local_port, job)
