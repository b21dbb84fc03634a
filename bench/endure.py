"""A long life: load by wrk, checks every 100 ms, logs, scrapes and reloads for minutes; does memory or anything else grow?

    python -m bench.endure [--seconds 180] [--reload 10] [--workers 2] [--connections 32]

Prints a line per reload (requests so far, private memory and descriptors of the master and of its youngest workers just before the
next one) and the difference between the first and the last. Memory is what processes do not share; the first reload comes before
the first line, so that caches are warm.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from bench import configs
from bench.procs import Group
from bench.rig import Rig
from tests.harness.runtime_client import ask, ask_master

CONFIG = """
global
    nbthread {workers}
    log 127.0.0.1:{syslog} local0
    stats socket {folder}/stats level admin
    hard-stop-after 30s
defaults
    mode http
    log global
    option httplog
    option redispatch 1
    option idle-close-on-response
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    default-server check inter 100ms
frontend web
    bind 127.0.0.1:{port}
    http-request use-service prometheus-exporter if {{ path /metrics }}
    stats uri /stats
    default_backend b
backend b
    option httpchk GET /
    server s1 127.0.0.1:{one}
    server s2 127.0.0.1:{two}
    server dead 127.0.0.1:{dead}
"""


@dataclass
class Sample:
    """One moment. Memory in bytes: what a process shares with nobody."""

    requests: int
    master: int
    workers: int
    master_fds: int
    worker_fds: int
    processes: int
    shared: int  # files in /dev/shm
    temporary: int  # our files in the folder of the sockets

    def line(self) -> str:
        """A row of the table."""
        return (
            f"{self.requests:>10} {self.master / 1024:>9.0f} {self.workers / 1024:>9.0f} {self.master_fds:>5} {self.worker_fds:>5}"
            f" {self.processes:>5} {self.shared:>5} {self.temporary:>5}"
        )


HEADING = f"{'requests':>10} {'master K':>9} {'worker K':>9} {'fds':>5} {'fds':>5} {'procs':>5} {'shm':>5} {'files':>5}"


def private(pid: int) -> int:
    """Bytes of a process that nobody shares."""
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return sum(int(n) for n in re.findall(r"^Private_(?:Clean|Dirty):\s+(\d+) kB", text, re.M)) * 1024
    return 0


def descriptors(pid: int) -> int:
    """Open descriptors, those of connections and pipes left out: they come and go with the load."""
    found = 0
    with contextlib.suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                found += not os.readlink(f"/proc/{pid}/fd/{fd}").startswith(("socket:", "pipe:"))
    return found


class Load(threading.Thread):
    """wrk, again and again; `done` requests so far, `errors`: lines that told of any."""

    def __init__(self, port: int, connections: int) -> None:
        super().__init__(daemon=True)
        self.command = ["wrk", "-t1", f"-c{connections}", "-d5s", f"http://127.0.0.1:{port}/"]
        self.done = 0
        self.errors: list[str] = []
        self.ending = False

    def run(self) -> None:
        while not self.ending:
            told = subprocess.run(self.command, capture_output=True, text=True, check=True).stdout
            found = re.search(r"(\d+) requests in", told)
            self.done += int(found[1]) if found else 0
            self.errors += re.findall(r".*(?:Socket errors|Non-2xx).*", told)


async def scrape(port: int, path: str) -> int:
    """One request on a connection of its own; bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".encode())
    got = await reader.read()
    writer.close()
    return len(got)


class Scraper(threading.Thread):
    """Statistics by every way, twice a second."""

    def __init__(self, port: int, folder: Path) -> None:
        super().__init__(daemon=True)
        self.port, self.folder = port, folder
        self.ending = False
        self.done = 0

    def run(self) -> None:
        while not self.ending:
            with contextlib.suppress(OSError):
                for path in ("/metrics", "/stats;csv", "/stats"):
                    assert asyncio.run(scrape(self.port, path)) > 500
                for command in ("show stat", "show info", "show servers state", "show sess"):
                    assert ask(self.folder / "stats", command)
                self.done += 1
            time.sleep(0.5)


def sample(group: Group, folder: Path, load: Load, workers: int) -> Sample:
    """Of the master and the mean of its youngest workers."""
    pids = sorted(pid for pid in group.pids() if pid != group.process.pid)
    young = pids[-workers:]
    return Sample(
        load.done, private(group.process.pid), sum(map(private, young)) // workers, descriptors(group.process.pid),
        sum(map(descriptors, young)) // workers, len(pids) + 1, len(os.listdir("/dev/shm")), len(os.listdir(folder)),
    )  # fmt: skip


def live(args: argparse.Namespace, rig: Rig, site: configs.Site) -> list[Sample]:
    """Run it. Returns: the samples."""
    folder = rig.folder / "sockets"
    folder.mkdir()
    text = CONFIG.format(
        workers=args.workers, syslog=site.syslog, folder=folder, port=site.port, one=rig.origins[0], two=rig.origins[1],
        dead=rig.ports.take(),
    )  # fmt: skip
    group = rig.start_text("pyhaproxy", text, site, ("-W", "-S", f"{folder}/master"))
    while not (folder / "master").exists():
        time.sleep(0.01)
    load, scraper = Load(site.port, args.connections), Scraper(site.port, folder)
    load.start()
    scraper.start()
    found: list[Sample] = []
    try:
        end = time.monotonic() + args.seconds
        print(HEADING, flush=True)
        while time.monotonic() < end:
            if len(found) % 2:
                os.kill(group.process.pid, signal.SIGUSR2)
            else:
                assert ask_master(folder / "master", "reload").startswith("Success=1")
            time.sleep(args.reload)
            found.append(sample(group, folder, load, args.workers))
            print(found[-1].line(), flush=True)
        load.ending = scraper.ending = True
        load.join()
        scraper.join()
        print(f"{load.done} requests, {len(found)} reloads, {scraper.done} rounds of scraping, errors: {load.errors or 'none'}")
    finally:
        group.stop()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="A long life.")
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--reload", type=float, default=10.0, help="seconds between two reloads")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--connections", type=int, default=32)
    args = parser.parse_args()
    rig = Rig()
    try:
        found = live(args, rig, rig.site())
    finally:
        rig.close()
    first, last = found[0], found[-1]
    print(
        f"from the first to the last: master {(last.master - first.master) / 1024:+.0f} KiB, a worker {(last.workers - first.workers) / 1024:+.0f} KiB,"
        f" descriptors {last.master_fds - first.master_fds:+d} and {last.worker_fds - first.worker_fds:+d}"
    )


if __name__ == "__main__":
    main()
