"""A client that asks at a fixed rate: a request is due when it is due, however long the ones before it take.

    python -m bench.paced PORT [--rate 1500] [--seconds 6] [--connections 64]

Times are counted from the moment at which a request was due, so a proxy that stands still for 50 ms is charged for every request of
these 50 ms. Prints one line of JSON: `count`, `failed` (no 200, or no reply), milliseconds `p50`, `p99` and `longest`.
"""

from __future__ import annotations

import argparse
import gc
import json
import select
import socket
import time
from collections import deque

REQUEST = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
GRACE_S = 10.0  # for what is still under way at the end


class Link:
    """One connection. due: when the requests that it has to send were due; the first one is under way while `asked`."""

    def __init__(self, port: int, poll: select.epoll, links: dict[int, Link]) -> None:
        self.port, self.poll, self.links = port, poll, links
        self.due: deque[float] = deque()
        self.asked = False
        self.got = b""
        self._open()

    def _open(self) -> None:
        self.sock = socket.create_connection(("127.0.0.1", self.port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        self.links[self.sock.fileno()] = self
        self.poll.register(self.sock, select.EPOLLIN)

    def ask(self) -> None:
        """Send the next request, unless one is under way or none is due."""
        if self.due and not self.asked:
            self.asked, self.got = True, b""
            try:
                self.sock.send(REQUEST)
            except OSError:
                pass  # heard() finds out

    def heard(self) -> int:
        """Read. Returns: the status of a reply that is complete, 0 while it is not, -1 when the connection has ended."""
        try:
            part = self.sock.recv(65536)
        except BlockingIOError:
            return 0
        except OSError:
            part = b""
        if not part:
            self._again()
            return -1
        self.got += part
        head, found, body = self.got.partition(b"\r\n\r\n")
        if not found:
            return 0
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n")[0]) if at >= 0 else 0
        return int(head[9:12]) if len(body) >= length else 0

    def _again(self) -> None:
        del self.links[self.sock.fileno()]
        self.sock.close()
        self._open()


class Load:
    """What came of it. delays: seconds of the requests that were answered with 200."""

    def __init__(self, port: int, connections: int) -> None:
        self.poll = select.epoll()
        self.links: dict[int, Link] = {}
        self.order = [Link(port, self.poll, self.links) for _ in range(connections)]
        self.delays: list[float] = []
        self.failed = 0

    def run(self, rate: float, seconds: float) -> None:
        """`rate` requests a second, to each connection in turn."""
        begun = time.perf_counter()
        total, sent = int(rate * seconds), 0
        end = begun + seconds + GRACE_S
        while len(self.delays) + self.failed < total and time.perf_counter() < end:
            now = time.perf_counter()
            while sent < total and begun + sent / rate <= now:
                link = self.order[sent % len(self.order)]
                link.due.append(begun + sent / rate)
                link.ask()
                sent += 1
            wait = begun + sent / rate - time.perf_counter() if sent < total else 0.05
            for fd, _ in self.poll.poll(max(0.0, wait)):
                self._heard(self.links[fd])
        self.failed += total - len(self.delays) - self.failed

    def _heard(self, link: Link) -> None:
        status = link.heard()
        if not status or not link.asked:
            return
        due, link.asked = link.due.popleft(), False
        if status == 200:
            self.delays.append(time.perf_counter() - due)
        else:
            self.failed += 1
        link.ask()

    def told(self) -> dict[str, float]:
        """See the module."""
        times = sorted(self.delays) or [0.0]
        count = len(times)
        marks = {"p50": times[count // 2], "p99": times[count * 99 // 100], "longest": times[-1]}
        return {"count": len(self.delays), "failed": self.failed} | {name: 1e3 * value for name, value in marks.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="A client that asks at a fixed rate.")
    parser.add_argument("port", type=int)
    parser.add_argument("--rate", type=float, default=1500.0)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--connections", type=int, default=64)
    args = parser.parse_args()
    gc.disable()
    load = Load(args.port, args.connections)
    load.run(args.rate, args.seconds)
    print(json.dumps(load.told()))


if __name__ == "__main__":
    main()
