"""A long life with servers that are unwell: do memory and descriptors stay what they are?

    python -m bench.unwell [--seconds 60] [--servers 200] [--inter 500]

The servers are, in turn: slow (an answer in two parts), silent, refusing, closing within the head, well, well with an agent, refusing with an
agent that is silent. All are checked with `option httpchk`. Prints a line every five seconds: connections that reached our servers so far,
memory that nobody shares, and the fewest and the most descriptors that the proxy had open meanwhile; then the growth of memory and of the
fewest descriptors from the first line to the last.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench import procs
from bench.endure import private
from bench.rig import ROOT, command
from tests.harness.ports import Reservation

HEAD = """global
    nbthread 1
defaults
    mode http
    timeout connect 400ms
    timeout check 400ms
    timeout client 10s
    timeout server 10s
frontend f
    bind 127.0.0.1:{port}
    default_backend b
backend b
    option httpchk GET /
"""
KINDS = ("slow", "silent", "refusing", "half", "well", "agent", "mute")
STEP_S = 5.0
WELL = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Farm:
    """All servers of this process. ports: by kind; "words" is an agent. connections: so far."""

    def __init__(self) -> None:
        self.ports = dict[str, int]()
        self.connections = 0
        self._doors = list[asyncio.Server]()

    async def open(self) -> None:
        """Listen on every address of 127/8."""
        for kind in ("slow", "silent", "half", "well", "words"):

            async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: str = kind) -> None:
                self.connections += 1
                with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                    await answer(kind, reader, writer)
                writer.close()

            self._doors.append(await asyncio.start_server(one, "0.0.0.0", 0, backlog=1024))
            self.ports[kind] = self._doors[-1].sockets[0].getsockname()[1]

    def close(self) -> None:
        for door in self._doors:
            door.close()


async def answer(kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection of a check."""
    if kind == "words":
        writer.write(b"up 50%\n")
    elif kind == "silent":
        await reader.read()
    else:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(WELL[:12] if kind in ("slow", "half") else WELL)
    if kind == "slow":
        await asyncio.sleep(0.1)
        writer.write(WELL[12:])
    await writer.drain()


def rows(count: int, inter_ms: int, ports: dict[str, int], nobody: int) -> str:
    """The servers."""
    told = []
    for i in range(count):
        kind = KINDS[i % len(KINDS)]
        port = nobody if kind in ("refusing", "mute") else ports.get(kind, ports["well"])
        agent = {"agent": ports["words"], "mute": ports["silent"]}.get(kind)
        words = f" agent-check agent-port {agent} agent-inter {inter_ms}ms" if agent else ""
        told.append(f"    server {kind}{i} 127.2.0.{i % 250 + 1}:{port} check inter {inter_ms}ms{words}\n")
    return "".join(told)


@dataclass
class Sample:
    """Five seconds. Memory in bytes."""

    connections: int
    memory: int
    fewest: int
    most: int

    def line(self) -> str:
        """A row of the table."""
        return f"{self.connections:>12} {self.memory / 1024:>9.0f} {self.fewest:>7} {self.most:>5}"


async def sample(farm: Farm, pid: int) -> Sample:
    """The next five seconds of a process."""
    seen, end = list[int](), time.monotonic() + STEP_S
    while time.monotonic() < end:
        seen.append(len(os.listdir(f"/proc/{pid}/fd")))
        await asyncio.sleep(0.05)
    return Sample(farm.connections, private(pid), min(seen), max(seen))


async def live(args: argparse.Namespace) -> list[Sample]:
    """Run it. Returns: the samples."""
    farm = Farm()
    await farm.open()
    with Reservation() as held, tempfile.TemporaryDirectory(prefix="unwell-") as place:
        port, path = held.take(), Path(place, "haproxy.cfg")
        path.write_text(HEAD.format(port=port) + rows(args.servers, args.inter, farm.ports, held.take()))
        words = [*command("pyhaproxy"), "-f", str(path), "-db"]
        group = await asyncio.to_thread(procs.start, "pyhaproxy", words, {port}, Path(place), None, ROOT)
        try:
            print(f"{'connections':>12} {'KiB':>9} {'fewest':>7} {'most':>5}", flush=True)
            found, end = list[Sample](), time.monotonic() + args.seconds
            while time.monotonic() < end:
                found.append(await sample(farm, group.process.pid))
                print(found[-1].line(), flush=True)
            return found
        finally:
            await asyncio.to_thread(group.stop)
            farm.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="A long life with servers that are unwell.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--servers", type=int, default=200)
    parser.add_argument("--inter", type=int, default=500, help="milliseconds")
    found = asyncio.run(live(parser.parse_args()))
    first, last = found[0], found[-1]
    print(f"from the first to the last: {(last.memory - first.memory) / 1024:+.0f} KiB, {last.fewest - first.fewest:+d} descriptors")


if __name__ == "__main__":
    main()
