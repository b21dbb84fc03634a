"""What a steady load feels of failing checks beside it, and of 500 servers that die at once in the middle of it.

    python -m bench.beside [--rounds 5] [--seconds 6] [--rate 1500] [--only refuse,silent,die] [--products pyhaproxy,haproxy] [--pin]

64 connections ask at a fixed rate (`bench.paced`) through one worker. Kinds:
  refuse  1,000 servers in another backend, `check inter 2s`: nobody listens; the ratio is to the same servers without `check`
  silent  the same with `option httpchk`: the kernel takes the connection, and nobody ever answers
  die     1,000 servers in the backend that is asked, `check inter 1s fall 2`; after a third of the time 500 of them are gone
Rounds are interleaved, each begins with another product; medians are printed. Goal: p99 beside failing checks within a tenth.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench import configs, procs
from bench.rig import ROOT, Rig, command
from tests.harness.ports import Reservation

HEAD = """global
    maxconn 8000
    nbthread 1
defaults
    mode http
    option redispatch 1
    timeout connect 2s
    timeout check 1s
    timeout client 60s
    timeout server 60s
frontend f
    bind 127.0.0.1:{port}
    default_backend b
backend b
    balance roundrobin
    http-reuse always
"""
CHECKED, DYING = 1000, 500
INTER_S = 2.0
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Told = dict[str, float]


def servers(count: int, port: int, words: str, name: str = "d") -> str:
    """So many servers on addresses of their own."""
    return "".join(f"    server {name}{i} 127.1.{i // 250}.{i % 250 + 1}:{port} {words}\n" for i in range(count))


def own(site: configs.Site) -> str:
    """The servers that stay."""
    return "".join(f"    server s{i} 127.0.0.1:{port}\n" for i, port in enumerate(site.origins))


def beside(kind: str, site: configs.Site, port: int, checked: bool) -> str:
    """The configuration of `refuse` and `silent`."""
    words = "check inter 2s" if checked else ""
    option = "    option httpchk GET /\n" if kind == "silent" else ""
    return HEAD.format(port=site.port) + own(site) + f"backend checked\n{option}" + servers(CHECKED, port, words)


class Deaf:
    """Sockets that listen on one port of every address of 127/8 and take nothing out of their queues: they cost no CPU.

    QUEUES of them, since the kernel bounds each queue and keeps a connection there although its client has gone.
    """

    QUEUES = 16

    def __init__(self, port: int) -> None:
        self.socks = [socket.socket() for _ in range(self.QUEUES)]
        for sock in self.socks:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind(("0.0.0.0", port))
            sock.listen(4096)

    def stop(self) -> None:
        """Nobody listens any more."""
        for sock in self.socks:
            sock.close()


class Elsewhere:
    """A process that listens on one port of every address of 127/8 and answers everybody. stop() kills it."""

    def __init__(self, port: int, cpu: int | None) -> None:
        self.sock = socket.create_server(("0.0.0.0", port), backlog=4096)
        self.pid = os.fork()
        if self.pid == 0:
            if cpu is not None:
                os.sched_setaffinity(0, {cpu})
            with contextlib.suppress(KeyboardInterrupt):
                self._serve()
            os._exit(0)
        self.sock.close()

    def _serve(self) -> None:
        self.sock.setblocking(False)
        poll = select.epoll()
        poll.register(self.sock, select.EPOLLIN)
        links: dict[int, socket.socket] = {}
        while True:
            for fd, _ in poll.poll():
                if fd == self.sock.fileno():
                    with contextlib.suppress(OSError):
                        link = self.sock.accept()[0]
                        links[link.fileno()] = link
                        poll.register(link, select.EPOLLIN)
                    continue
                with contextlib.suppress(OSError):
                    if links[fd].recv(65536):
                        links[fd].send(ANSWER)
                        continue
                links.pop(fd).close()

    def stop(self) -> None:
        """It is gone at once, its connections are reset."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0


@dataclass
class Run:
    """Samples of one product and kind."""

    alone: list[Told] = field(default_factory=list)
    loaded: list[Told] = field(default_factory=list)


def asked(args: argparse.Namespace, rig: Rig, port: int) -> subprocess.Popen[str]:
    """The client, begun."""
    pin = ["taskset", "-c", str(rig.load_cpu)] if rig.load_cpu is not None else []
    words = [sys.executable, "-m", "bench.paced", str(port), "--rate", str(args.rate), "--seconds", str(args.seconds)]
    return subprocess.Popen([*pin, *words], stdout=subprocess.PIPE, text=True, cwd=ROOT)


@contextlib.contextmanager
def proxy(rig: Rig, product: str, text: str, site: configs.Site) -> Iterator[procs.Group]:
    """One of the products at work."""
    path = rig.folder / f"{product}-{site.port}.cfg"
    path.write_text(text)
    group = procs.start(product, [*command(product), "-f", str(path), "-db"], {site.port}, rig.folder, rig.proxy_cpu, ROOT)
    try:
        yield group
    finally:
        group.stop()


def heard(client: subprocess.Popen[str]) -> Told:
    told = client.communicate()[0]
    if client.returncode:
        raise RuntimeError("the client has failed")
    found: Told = json.loads(told)
    return found


def checks(args: argparse.Namespace, rig: Rig, product: str, kind: str, checked: bool) -> Told:
    """One sample of `refuse` or `silent`."""
    with Reservation() as ports:
        port = ports.take()
        ports.release()
        mute = Deaf(port) if kind == "silent" else None
        try:
            site = rig.site()
            with proxy(rig, product, beside(kind, site, port, checked), site):
                time.sleep(INTER_S / 2)  # the checks are spread over the first interval
                return heard(asked(args, rig, site.port))
        finally:
            if mute is not None:
                mute.stop()


def death(args: argparse.Namespace, rig: Rig, product: str, dies: bool) -> Told:
    """One sample of `die`."""
    with Reservation() as ports:
        numbers = ports.take(), ports.take()
        ports.release()
        dying, staying = (Elsewhere(number, rig.load_cpu) for number in numbers)
        try:
            site = rig.site()
            rows = "".join(servers(DYING, number, "check inter 1s fall 2", name) for number, name in zip(numbers, "xy", strict=True))
            with proxy(rig, product, HEAD.format(port=site.port) + rows, site):
                time.sleep(INTER_S / 2)
                client = asked(args, rig, site.port)
                time.sleep(args.seconds / 3)
                if dies:
                    dying.stop()
                return heard(client)
        finally:
            dying.stop()
            staying.stop()


def sample(args: argparse.Namespace, rig: Rig, product: str, kind: str, loaded: bool) -> Told:
    """One sample, with what `kind` does to the proxy or without it."""
    return death(args, rig, product, loaded) if kind == "die" else checks(args, rig, product, kind, loaded)


def median(samples: list[Told], name: str) -> float:
    return statistics.median(each[name] for each in samples)


def line(kind: str, product: str, run: Run) -> str:
    """A row of the table."""
    ratio = statistics.median(b["p99"] / a["p99"] for a, b in zip(run.alone, run.loaded, strict=True))
    failed = "/".join(str(round(each["failed"])) for each in run.loaded)
    return (
        f"| {kind} | {product} | {median(run.alone, 'p50'):.2f} / {median(run.alone, 'p99'):.2f} |"
        f" {median(run.loaded, 'p50'):.2f} / {median(run.loaded, 'p99'):.2f} / {median(run.loaded, 'longest'):.1f} | {ratio:.2f} | {failed} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--rate", type=float, default=1500.0)
    parser.add_argument("--only", default="refuse,silent,die")
    parser.add_argument("--products", default="pyhaproxy,haproxy")
    parser.add_argument("--pin", action="store_true", help="proxy on CPU 1; load and servers on CPU 0")
    args = parser.parse_args()
    kinds, products = args.only.split(","), args.products.split(",")
    runs = {(kind, product): Run() for kind in kinds for product in products}
    rig = Rig(1, 0) if args.pin else Rig()
    try:
        for number in range(args.rounds):
            for kind in kinds:
                for at in range(len(products)):
                    product = products[(number + at) % len(products)]
                    run = runs[kind, product]
                    run.alone.append(sample(args, rig, product, kind, False))
                    run.loaded.append(sample(args, rig, product, kind, True))
    finally:
        rig.close()
    print("| beside | product | alone p50 / p99 ms | beside p50 / p99 / longest ms | ratio of p99 | failed |\n|---|---|---|---|---|---|")
    for (kind, product), run in runs.items():
        print(line(kind, product, run))


if __name__ == "__main__":
    main()
