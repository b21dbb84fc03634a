"""`_getsocks`: the listening sockets go to whoever asks on a socket with `expose-fd listeners` (management manual 3, -x)."""

from __future__ import annotations

import array
import asyncio
import contextlib
import socket
from collections.abc import Sequence
from typing import Any

from frontends import handing
from haproxy_py.runtime.call import Call
from haproxy_py.runtime.registry import command


@command("_getsocks")
async def give(call: Call) -> None:
    """Any level; the connection ends behind it, without a word where the line has no `expose-fd listeners`."""
    client = call.client
    client.closing = True
    door, sock = client.tags.get("door"), client.tags.get("socket")
    if door is None or sock is None or not door.expose:
        return
    with contextlib.suppress(OSError, TimeoutError):
        await send(sock, exposed(call.instance))


def exposed(instance: Any) -> list[int]:
    """Every listening socket of ours; those that came as `fd@N` stay with whoever made them."""
    return [fd for key, fd in instance.listening.items() if not key.removeprefix("stats ").startswith("fd:")]


async def send(sock: socket.socket, descriptors: Sequence[int]) -> None:
    """Number, messages, and what the other side says to each. Raises: OSError or TimeoutError: it left, or is too slow."""
    loop = asyncio.get_running_loop()
    left = len(descriptors)
    await loop.sock_sendall(sock, handing.COUNT.pack(left))
    for data, some in handing.messages(descriptors):
        await _writable(loop, sock)
        sent = sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", some))])
        if sent < len(data):
            await loop.sock_sendall(sock, data[sent:])
        left -= len(some)
        if left:
            async with asyncio.timeout(handing.WITHIN_S):
                if not await loop.sock_recv(sock, handing.COUNT.size):
                    raise ConnectionResetError


async def _writable(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
    """Wait until something can be sent."""
    ready = loop.create_future()
    loop.add_writer(sock.fileno(), lambda: None if ready.done() else ready.set_result(None))
    try:
        async with asyncio.timeout(handing.WITHIN_S):
            await ready
    finally:
        loop.remove_writer(sock.fileno())
