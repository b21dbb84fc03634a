"""One connection of a health check: connect, PROXY header, TLS, and the bytes of one Round (asyncio, control plane).

Every fault of the network becomes a Finding; nothing is raised but cancellation.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import struct
from dataclasses import dataclass
from typing import Protocol

from backends.checks.status import L4CON, L4OK, L4TOUT, L6OK, L6RSP, L6TOUT, L7RSP, SOCKERR, Finding

PROXY_V2_LOCAL = b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
NO_LINGER = struct.pack("ii", 1, 0)
READ_BYTES = 65536
SO_BINDTODEVICE = 25


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how to connect. host: IP text or, with port -1, the path of a socket (leading NUL: abstract).

    source: IP text and port to connect from, "" any; proxy: 0 none, 1 or 2 the version of the PROXY header to send.
    """

    host: str
    port: int
    proxy: int = 0
    tls: ssl.SSLContext | None = None
    sni: str | None = None
    source: tuple[str, int] = ("", 0)
    interface: str = ""
    linger: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """Milliseconds. connect: until the connection (and TLS) stands; answer: from then on, None: connect goes on."""

    connect: int
    answer: int | None


class Dialog(Protocol):
    """What is said on a connection, and how it is judged (http.Exchange, tcp.Script)."""

    def begin(self) -> Finding | None:
        """Called when the connection stands. A finding ends the check."""

    def take(self) -> bytes:
        """What is to be sent now, b"" nothing."""

    def step(self, received: bytes) -> Finding | None:
        """Judge what has arrived; b"" is the end of the connection."""

    def timeout(self) -> Finding:
        """Time has run out."""

    def broken(self, error: str) -> Finding:
        """The connection has failed."""


def error_text(wrong: OSError) -> str:
    """The system's words for an error, as HAProxy shows them."""
    return os.strerror(wrong.errno) if wrong.errno else str(wrong)


def proxy_header(sock: socket.socket, version: int) -> bytes:
    """The PROXY header of a check: version 2 says LOCAL; version 1 has no such word, so it names the connection itself."""
    if version == 2:
        return PROXY_V2_LOCAL
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return b"PROXY UNKNOWN\r\n"
    ours, theirs = sock.getsockname(), sock.getpeername()
    family = "TCP4" if sock.family == socket.AF_INET else "TCP6"
    return f"PROXY {family} {ours[0]} {theirs[0]} {ours[1]} {theirs[1]}\r\n".encode("ascii")


def open_socket(target: Target) -> tuple[socket.socket, tuple[str, int] | str]:
    """A non-blocking socket for the target, bound to its source, and the address to connect to. Raises OSError."""
    if target.port < 0:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.setblocking(False)
        return sock, target.host
    family = socket.AF_INET6 if ":" in target.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not target.linger:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        if target.interface:
            sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, target.interface.encode() + b"\0")
        if target.source[0]:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(target.source)
    except OSError:
        sock.close()
        raise
    return sock, (target.host, target.port)


async def check(target: Target, limits: Limits, exchange: Dialog | None) -> Finding:
    """Run one round against the target. exchange None: the connection alone is the check.

    A passed finding of a connection alone is L4OK, or L6OK over TLS.
    """
    try:
        sock, where = open_socket(target)
    except (OSError, ValueError) as wrong:
        return Finding(SOCKERR, 0, error_text(wrong) if isinstance(wrong, OSError) else str(wrong))
    try:
        return await _connected(sock, where, target, limits, exchange)
    finally:
        sock.close()


async def _connected(
    sock: socket.socket, where: tuple[str, int] | str, target: Target, limits: Limits, exchange: Dialog | None
) -> Finding:
    loop = asyncio.get_running_loop()
    due = loop.time() + limits.connect / 1000
    try:
        async with asyncio.timeout_at(due):
            await loop.sock_connect(sock, where)
            if target.proxy:
                await loop.sock_sendall(sock, proxy_header(sock, target.proxy))
    except TimeoutError:
        return Finding(L4TOUT)
    except OSError as wrong:
        return Finding(L4CON, 0, error_text(wrong))
    if target.tls is None and exchange is None:
        return Finding(L4OK)
    stream = sock.dup()
    try:
        return await _spoken(stream, target, due, limits, exchange)
    finally:
        stream.close()


async def _spoken(
    sock: socket.socket, target: Target, due: float, limits: Limits, exchange: Dialog | None
) -> Finding:
    try:
        async with asyncio.timeout_at(due):
            server_name = (target.sni or "") if target.tls else None
            reader, writer = await asyncio.open_connection(sock=sock, ssl=target.tls, server_hostname=server_name)
    except TimeoutError:
        return Finding(L6TOUT)
    except (OSError, ssl.SSLError):
        return Finding(L6RSP, 0, "SSL handshake failure")
    try:
        if exchange is None:
            return Finding(L6OK)
        if limits.answer is not None:
            due = asyncio.get_running_loop().time() + limits.answer / 1000
        return await _answered(reader, writer, due, exchange)
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError, ssl.SSLError):
            await writer.wait_closed()


async def _answered(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, due: float, exchange: Dialog
) -> Finding:
    try:
        async with asyncio.timeout_at(due):
            finding, received = exchange.begin(), b"-"
            writer.write(exchange.take())
            while finding is None and received:
                received = await reader.read(READ_BYTES)
                finding = exchange.step(received)
                writer.write(exchange.take())
            await writer.drain()
            return finding or Finding(L7RSP)
    except TimeoutError:
        return exchange.timeout()
    except (OSError, ssl.SSLError) as wrong:
        return exchange.broken(error_text(wrong))
