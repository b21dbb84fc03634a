"""Two small HTTP servers to try the proxy with: each answers with its name. `python -m haproxy_py.demo [COMMAND...]`.

With a command, the servers live as long as it runs, a Ctrl-C ends both sides, and its exit status is theirs. Ports come
from DEMO_PORT_1 and DEMO_PORT_2 (8081, 8082; 0: any), on 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence

import h11

HOST = "127.0.0.1"
NAMES = ("one", "two")
DEFAULT_PORTS = (8081, 8082)
READ_BYTES = 65536


def answer(name: str, request: h11.Request, body_bytes: int) -> bytes:
    """The text of a reply: who answers, what was asked."""
    method, target = request.method.decode("ascii"), request.target.decode("latin-1")
    size = f", {body_bytes} bytes of body" if body_bytes else ""
    return f"server {name}: {method} {target}{size}\n".encode("latin-1")


async def one_exchange(name: str, conn: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Read one request, answer it. Returns whether another may follow. Raises h11.RemoteProtocolError."""
    request: h11.Request | None = None
    body_bytes = 0
    while True:
        event = conn.next_event()
        if event is h11.NEED_DATA:
            if conn.they_are_waiting_for_100_continue:
                writer.write(conn.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            conn.receive_data(await reader.read(READ_BYTES))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body_bytes += len(event.data)
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            break
        else:
            return False
    text = answer(name, request, body_bytes)
    fields = [("content-type", "text/plain"), ("content-length", str(len(text))), ("x-server", name)]
    writer.write(conn.send(h11.Response(status_code=200, headers=fields)) or b"")
    writer.write(conn.send(h11.Data(data=b"" if request.method == b"HEAD" else text)) or b"")
    writer.write(conn.send(h11.EndOfMessage()) or b"")
    await writer.drain()
    if conn.our_state is not h11.DONE or conn.their_state is not h11.DONE:
        return False
    conn.start_next_cycle()
    return True


async def serve(name: str, port: int) -> asyncio.Server:
    """Start one server. Raises OSError when the port is taken."""

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conn = h11.Connection(h11.SERVER)
        with contextlib.suppress(OSError, h11.RemoteProtocolError):
            while await one_exchange(name, conn, reader, writer):
                pass
        writer.close()

    return await asyncio.start_server(client, HOST, port)


def ports() -> list[int]:
    """The ports to listen on."""
    return [int(os.environ.get(f"DEMO_PORT_{n}", default)) for n, default in enumerate(DEFAULT_PORTS, 1)]


async def run(command: Sequence[str]) -> int:
    """Start the servers, then the command; without one, serve until a signal comes. Returns an exit status."""
    servers = [await serve(name, port) for name, port in zip(NAMES, ports(), strict=True)]
    for name, server in zip(NAMES, servers, strict=True):
        print(f"demo server {name} on {HOST}:{server.sockets[0].getsockname()[1]}", flush=True)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    child = await asyncio.create_subprocess_exec(*command) if command else None
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    watch = asyncio.create_task(_until(child, ended)) if child is not None else None
    await ended.wait()
    if child is not None and child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
    status = await child.wait() if child is not None else 0
    if watch is not None:
        await watch
    return 0 if status in (-signal.SIGTERM, -signal.SIGINT, 128 + signal.SIGINT, 128 + signal.SIGTERM) else status


async def _until(child: asyncio.subprocess.Process, ended: asyncio.Event) -> None:
    await child.wait()
    ended.set()


def main(args: Sequence[str]) -> int:
    """Entry point. A port that is taken is one line on stderr and status 1."""
    try:
        return asyncio.run(run(args))
    except OSError as wrong:
        print(f"demo: {wrong.strerror or wrong}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
