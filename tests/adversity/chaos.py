"""Clients and servers that behave at random, around one proxy inside this process.

    report = asyncio.run(storm(seed=7, clients=200, together=20))

Everything is decided by the seed, less what the kernel's timing adds. `report` holds what is left afterwards: sessions,
buffers, pipes, gauges; an empty `leaks` is what a test asks for. `python -m tests.adversity.chaos SEED CLIENTS` runs it alone.
"""

from __future__ import annotations

import asyncio
import gc
import random
import socket
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from haproxy_py.api import Proxy
from haproxy_py.engine.reactor import sources_alive
from tests.harness.certs import Authority
from tests.harness.ports import Reservation

CONFIG = """
global
    maxconn {maxconn}
defaults
    mode http
    timeout client 300ms
    timeout server 300ms
    timeout connect 200ms
    timeout queue 150ms
    timeout http-request 400ms
    timeout http-keep-alive 250ms
    timeout client-fin 100ms
    timeout tunnel 400ms
    timeout tarpit 60ms
    retries 2
    option redispatch
    retry-on all-retryable-errors
frontend web
    bind 127.0.0.1:{web}
    bind 127.0.0.1:{tls} ssl crt {crt}
    bind 127.0.0.1:{pp} accept-proxy
    bind 127.0.0.1:{pptls} accept-proxy ssl crt {crt}
    option forwardfor
    http-request deny if {{ path_beg /deny }}
    http-request tarpit if {{ path_beg /tarpit }}
    http-request return status 200 content-type text/plain string "own" if {{ path_beg /own }}
    http-request redirect location /elsewhere if {{ path_beg /redirect }}
    http-response deny if {{ res.hdr(x-bad) -m found }}
    http-response set-header x-seen yes
    use_backend few if {{ path_beg /few }}
    use_backend body if {{ path_beg /body }}
    use_backend abort if {{ path_beg /abort }}
    use_backend dead if {{ path_beg /dead }}
    use_backend private if {{ path_beg /private }}
    default_backend many
frontend raw
    mode tcp
    bind 127.0.0.1:{tcp}
    bind 127.0.0.1:{tcptls} ssl crt {crt}
    tcp-request inspect-delay 50ms
    tcp-request content reject if {{ req.len gt 9000 }}
    tcp-request content accept if {{ req.len gt 0 }}
    default_backend rawfew
backend many
    http-reuse always
    server a 127.0.0.1:{o0}
    server b 127.0.0.1:{o1}
backend few
    http-reuse aggressive
    server a 127.0.0.1:{o0} maxconn 1
    server b 127.0.0.1:{o1} maxconn 2
backend body
    option http-buffer-request
    server a 127.0.0.1:{o0} maxconn 2
backend abort
    option abortonclose
    server a 127.0.0.1:{o0} maxconn 1
    server dead 127.0.0.1:{closed} maxconn 1
backend dead
    option redispatch 1
    server dead1 127.0.0.1:{closed}
    server dead2 127.0.0.1:{closed}
backend private
    http-reuse never
    server a 127.0.0.1:{o2} send-proxy-v2
backend rawfew
    mode tcp
    server a 127.0.0.1:{o0} maxconn 2
    server b 127.0.0.1:{o2} send-proxy
"""
PATHS = [
    "/",
    "/few",
    "/body",
    "/abort",
    "/dead",
    "/private",
    "/deny",
    "/tarpit",
    "/own",
    "/redirect",
    "/few/x",
    "/abort/y",
]
REPLIES = [
    b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhelloSURPLUS",
    b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\ncut",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\ntrail: er\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nZZ\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" * 400 + b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\ntunnelled",
    b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nx-bad: 1\r\ncontent-length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nuntil the end",
    b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    b"garbage\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nx: " + b"y" * 20000 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n" + b"z" * 300000,
    b"HTTP/1.1 200 OK\r\n\r\n" + b"z" * 200000,
    b"HTTP/1.1 304 Not Modified\r\ncontent-length: 70\r\n\r\n",
]
BODIES = [
    (b"", b""),
    (b"content-length: 4\r\n", b"body"),
    (b"content-length: 90000\r\n", b"B" * 90000),
    (b"content-length: 9000\r\n", b"short"),
    (b"transfer-encoding: chunked\r\n", b"4\r\nbody\r\n0\r\n\r\n"),
    (b"transfer-encoding: chunked\r\n", b"4\r\nbody\r\nnonsense"),
    (b"transfer-encoding: chunked\r\n", (b"1000\r\n" + b"c" * 4096 + b"\r\n") * 30 + b"0\r\n\r\n"),
    (b"connection: upgrade\r\nupgrade: websocket\r\n", b"early"),
    (b"expect: 100-continue\r\ncontent-length: 3\r\n", b"abc"),
    (b"connection: close\r\n", b""),
]
JUNK = [
    b"\x16\x03\x01\x02\x00\x01\x00" + bytes(300),
    b"PROXY TCP4 1.2.3.4\r\n",
    b"\0" * 64,
    b"GET / HTTP/1.1\r\nhost",
    b"\r\n" * 40,
    b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
    b"A" * 40000,
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff" + bytes(100),
]
PP = [
    b"PROXY TCP4 10.1.2.3 10.4.5.6 1000 80\r\n",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12),
    b"PROXY UNKNOWN\r\n",
]
BIG = 1 << 16


@dataclass
class Report:
    """What a storm left. leaks: lines, each one a fault."""

    leaks: list[str] = field(default_factory=list)
    served: int = 0


@dataclass
class Chaos:
    """One run: its dice, its ports."""

    dice: random.Random
    ports: dict[str, int]
    replies: int = 0

    async def pause(self) -> None:
        """Sometimes a little while, mostly nothing."""
        if self.dice.random() < 0.3:
            await asyncio.sleep(self.dice.choice([0, 0.001, 0.02, 0.2]))

    async def pieces(self, sock: socket.socket, data: bytes) -> None:
        """Send `data`, whole or torn."""
        loop = asyncio.get_running_loop()
        if self.dice.random() < 0.6:
            await loop.sock_sendall(sock, data)
            return
        cuts = sorted(self.dice.randrange(len(data) + 1) for _ in range(self.dice.randrange(1, 6)))
        for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True):
            await loop.sock_sendall(sock, data[a:b])
            await self.pause()

    async def farewell(self, sock: socket.socket) -> None:
        """Read to the end, half close, reset, or just close."""
        loop = asyncio.get_running_loop()
        way = self.dice.randrange(5)
        if way == 0:
            sock.shutdown(socket.SHUT_WR)
        if way <= 2:
            while await asyncio.wait_for(loop.sock_recv(sock, BIG), 1.5):
                self.replies += 1
                await self.pause()
        elif way == 3:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    def request(self) -> bytes:
        """One request, or something else."""
        if self.dice.random() < 0.1:
            return self.dice.choice(JUNK)
        fields, body = self.dice.choice(BODIES)
        method = self.dice.choice([b"GET", b"POST", b"HEAD", b"CONNECT" if self.dice.random() < 0.1 else b"PUT"])
        target = b"a:80" if method == b"CONNECT" else self.dice.choice(PATHS).encode()
        version = self.dice.choice([b"1.1", b"1.1", b"1.1", b"1.0"])
        return b"%b %b HTTP/%b\r\nhost: a\r\n%b\r\n%b" % (method, target, version, fields, body)

    async def client(self) -> None:
        """One connection from first byte to last."""
        loop = asyncio.get_running_loop()
        port = self.dice.choice(["web", "web", "web", "pp", "tcp", "tls", "tcptls", "pptls"])
        sock = socket.socket()
        sock.setblocking(False)
        if self.dice.random() < 0.2:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        try:
            await loop.sock_connect(sock, ("127.0.0.1", self.ports[port]))
            if port.startswith("pp") and self.dice.random() < 0.9:
                await self.pieces(sock, self.dice.choice(PP))
            if port.endswith("tls") and self.dice.random() < 0.9:
                handed, sock = sock, socket.socket()  # its transport closes it
                await asyncio.wait_for(self.secured(handed), 3)
                return
            await self.pause()
            for _ in range(self.dice.choice([1, 1, 2, 5])):
                await self.pieces(sock, b"".join(self.request() for _ in range(self.dice.choice([1, 1, 1, 3, 8]))))
                if self.dice.random() < 0.5:
                    await asyncio.wait_for(loop.sock_recv(sock, BIG), 1)
            await self.farewell(sock)
        except (OSError, TimeoutError, ssl.SSLError):
            pass
        finally:
            sock.close()

    async def secured(self, sock: socket.socket) -> None:
        """The same over TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        reader, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname="a")
        try:
            for _ in range(self.dice.choice([1, 3])):
                writer.write(self.request())
                await writer.drain()
                if self.dice.random() < 0.7:
                    await asyncio.wait_for(reader.read(BIG), 1)
            if self.dice.random() < 0.4:
                writer.transport.abort()
        finally:
            writer.close()

    async def origin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A server's connection: waits for something, then does as it likes."""
        try:
            for _ in range(self.dice.choice([1, 2, 10])):
                if self.dice.random() < 0.9 and not await reader.read(self.dice.choice([100, BIG, BIG])):
                    break
                await self.pause()
                fate = self.dice.random()
                if fate < 0.05:
                    writer.transport.abort()
                    return
                if fate < 0.1:
                    break
                reply = self.dice.choice(REPLIES[:1] * 8 + REPLIES)
                cut = self.dice.randrange(len(reply)) if self.dice.random() < 0.3 else len(reply)
                writer.write(reply[:cut])
                await asyncio.wait_for(writer.drain(), 0.5)
                await self.pause()
                writer.write(reply[cut:])
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


async def until(what: Callable[[], bool], limit_s: float) -> bool:
    """Poll until `what` is true."""
    end = time.monotonic() + limit_s
    while not what():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.02)
    return True


def remains(proxy: Proxy) -> list[str]:
    """Everything of a quiet proxy that is not zero."""
    worker = proxy._instance.worker
    found = [f"buffers in use: {worker.buffers.in_use}"] if worker.buffers.in_use else []
    found += [f"pipes in use: {worker.pipes.in_use}"] if worker.pipes.in_use else []
    found += ["a session is left"] if worker.newest_session_exists else []
    found += [f"{k} {v}" for k, v in proxy._instance.segment.gauges().items() if k in ("conns", "waiters") and v]
    for name, parts in proxy.stats().items():
        for part, values in parts.items():
            found += [f"{name}/{part} {k} {values[k]}" for k in ("scur", "qcur", "used_conns") if values.get(k)]
    return found


async def crowd(make: Callable[[], Awaitable[None]], count: int, together: int) -> None:
    """`count` times make(), at most `together` at a time."""
    gate = asyncio.Semaphore(together)

    async def one() -> None:
        async with gate:
            await make()

    await asyncio.gather(*(one() for _ in range(count)))


async def storm(seed: int, clients: int, together: int, maxconn: int = 1000) -> Report:
    """Run `clients` connections against a proxy of its own and report what is left."""
    before = sources_alive()
    report = await weather(Chaos(random.Random(seed), {}), clients, together, maxconn)
    gc.collect()
    if not await until(lambda: sources_alive() <= before, 2):
        report.leaks.append(f"sources alive: {sources_alive()}, before {before}")
    return report


async def weather(chaos: Chaos, clients: int, together: int, maxconn: int) -> Report:
    """The storm between the start and the end of its proxy."""
    report = Report()
    with Reservation() as hold, TemporaryDirectory() as folder:
        chaos.ports = {name: hold.take() for name in ["web", "tls", "pp", "pptls", "tcp", "tcptls", "closed"]}
        origins = [await asyncio.start_server(chaos.origin, "127.0.0.1", 0) for _ in range(3)]
        crt = Path(folder) / "crt.pem"
        crt.write_bytes(Authority.new().issue("a").bundle)
        ports = {f"o{i}": o.sockets[0].getsockname()[1] for i, o in enumerate(origins)}
        proxy = Proxy.from_text(CONFIG.format(crt=crt, maxconn=maxconn, **chaos.ports, **ports))
        await proxy.start()
        await crowd(chaos.client, clients, together)
        await until(lambda: not remains(proxy), 6)
        report.leaks += remains(proxy)
        report.served = sum(p["FRONTEND"]["req_tot"] for p in proxy.stats().values() if "FRONTEND" in p)
        await proxy.stop()
        for each in origins:
            each.close()
    return report


if __name__ == "__main__":
    for number in range(int(sys.argv[1]), int(sys.argv[1]) + int(sys.argv[4]) if len(sys.argv) > 4 else 1):
        print(number, asyncio.run(storm(number, int(sys.argv[2]), int(sys.argv[3]))), flush=True)
