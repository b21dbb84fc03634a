"""What health checks cost: CPU of the checking process and memory, for many servers, at the intervals that DESIGN sets.

    python -m bench.checks [--seconds 6] [--servers 1000] [--inter 2000] [--kind connect|http|script|tls] [--down]

One child answers all checks on loopback; this process runs nothing but the Checker on a Reactor, as a worker does, and counts
its own CPU. Goal: 1,000 servers every 2 s, and 10,000 every 10 s, at most 5 % of one core and 30 MiB each.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import signal
import socket
import time

import uvloop

from tests.harness.checks import Bench

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
KINDS = {
    "connect": "",
    "http": " option httpchk GET /health",
    "script": " option tcp-check\n tcp-check send PING\\r\\n\\r\\n\n tcp-check expect string HTTP",
}
PORTS = 64


class Answering(asyncio.Protocol):
    """The server of every check."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(ANSWER)
        self.transport.close()


def serve(sockets: list[socket.socket]) -> None:
    """The child: answers until it is killed."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        servers = [await loop.create_server(Answering, sock=sock) for sock in sockets]
        await asyncio.gather(*(server.serve_forever() for server in servers))

    asyncio.run(run())


def configuration(args: argparse.Namespace, ports: list[int]) -> str:
    """All servers in one backend."""
    lines = [f"backend b\n{KINDS[args.kind]}"]
    for i in range(args.servers):
        host, port = f"127.0.{i // 250 % 250}.{i % 250 + 1}", 1 if args.down else ports[i % len(ports)]
        lines.append(f" server s{i} {host}:{port} check inter {args.inter}ms")
    return "\n".join(lines) + "\n"


def resident() -> int:
    """Bytes in memory now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


async def measure(bench: Bench, seconds: float) -> tuple[float, int]:
    """(CPU seconds, findings) of so many seconds, begun when the first checks have passed."""
    bench.start()
    count = 0
    for each in bench.checker.checks:
        known = each.monitor.known

        def counted(*args: object, known: object = known) -> bool:
            nonlocal count
            count += 1
            return known(*args)  # type: ignore[operator, no-any-return]

        each.monitor.known = counted  # type: ignore[method-assign]
    await asyncio.sleep(0.5)
    before, began, first = time.process_time(), time.monotonic(), count
    await asyncio.sleep(seconds)
    used = (time.process_time() - before) / (time.monotonic() - began)
    bench.stop()
    return used, count - first


def main() -> None:
    parser = argparse.ArgumentParser(description="What health checks cost.")
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--servers", type=int, default=1000)
    parser.add_argument("--inter", type=int, default=2000, help="milliseconds")
    parser.add_argument("--kind", choices=sorted(KINDS), default="connect")
    parser.add_argument("--down", action="store_true", help="nobody listens")
    args = parser.parse_args()
    sockets = [socket.create_server(("0.0.0.0", 0), backlog=1024) for _ in range(PORTS)]
    child = os.fork()
    if child == 0:
        serve(sockets)
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    try:
        bench = Bench(configuration(args, ports))
        before = resident()
        used, findings = uvloop.run(measure(bench, args.seconds))
        rate = findings / args.seconds
        print(f"{args.servers} servers every {args.inter} ms, {args.kind}{', down' if args.down else ''}: {rate:.0f} checks/s,")
        print(f"  {used * 100:.2f} % of one core, {used / rate * 1e6 if rate else 0:.0f} us each, {(resident() - before) / 2**20:.1f} MiB")
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
