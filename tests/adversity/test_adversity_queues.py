"""Queues over several workers: one order for all, exact limits, and nothing lost when a worker is killed or clients leave."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time

from tests.adversity.group import Group, Load, children, poll

CONFIG = """
global
    nbthread 2
    hard-stop-after 20s
defaults
    mode http
    timeout connect 5s
    timeout client 20s
    timeout server 20s
    timeout queue 20s
    option abortonclose
frontend web
    bind 127.0.0.1:{web}
    default_backend b
backend b
    http-reuse never
    server s1 127.0.0.1:{s} maxconn 1
"""
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Counting:
    """A server that takes one connection at a time, if the proxy keeps to its limit: order of the targets it was asked for."""

    def __init__(self) -> None:
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = int(self.sock.getsockname()[1])
        self.order: list[str] = []
        self.together = self.most = 0
        self.lock = threading.Lock()
        self.gate = threading.Semaphore(0)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(sock,), daemon=True).start()

    def _answer(self, sock: socket.socket) -> None:
        with sock:
            head = sock.recv(65536)
            with self.lock:
                self.order.append(head.split(b" ")[1].decode())
                self.together += 1
                self.most = max(self.most, self.together)
            self.gate.acquire(timeout=20)
            with self.lock:
                self.together -= 1
            sock.sendall(OK)

    def close(self) -> None:
        self.gate.release(1000)
        self.sock.close()


def held_order(group: Group, server: Counting, targets: list[str]) -> list[socket.socket]:
    """One client after the other asks; each is in the proxy's count before the next one does."""
    socks = []
    for number, target in enumerate(targets):
        sock = group.connect()
        sock.sendall(f"GET {target} HTTP/1.1\r\nhost: a\r\n\r\n".encode())
        socks.append(sock)
        poll(lambda n=number: sum(group.numbers().proxies["b"][1:2]) == n + 1, f"request {number}")  # type: ignore[misc]
    return socks


def start(config: str = CONFIG) -> tuple[Counting, Group]:
    server = Counting()
    return server, Group(config.replace("{s}", str(server.port)))


def test_two_workers_serve_one_queue_in_the_order_of_arrival() -> None:
    server, group = start()
    with group:
        targets = [f"/{n}" for n in range(24)]
        socks = held_order(group, server, targets)
        assert group.numbers().servers["b", "s1"][0] == 1 and group.numbers().proxies["b"][2] == 23
        for sock in socks:
            server.gate.release()
            assert sock.recv(4096).startswith(b"HTTP/1.1 200")
            sock.close()
        assert server.order == targets and server.most == 1
        poll(lambda: group.numbers().proxies["b"][1:3] == (0, 0), "nobody left")
    server.close()


def test_a_killed_worker_gives_back_its_slot_and_its_places_in_the_queue() -> None:
    server, group = start()
    with group:
        for _ in range(3):
            socks = held_order(group, server, [f"/{n}" for n in range(12)])
            victim = group.workers()[0]
            os.kill(victim, signal.SIGKILL)
            poll(lambda v=victim: len(group.workers()) == 2 and v not in group.workers(), "another worker")  # type: ignore[misc]
            served = 0
            server.gate.release(12)
            for sock in socks:
                try:
                    served += sock.recv(4096).startswith(b"HTTP/1.1 200")
                except ConnectionError:
                    pass
                sock.close()
            poll(lambda: group.numbers().proxies["b"][1:3] == (0, 0), "nobody left")
            poll(lambda: group.numbers().servers["b", "s1"][:2] == (0, 0), "no slot taken")
            poll(lambda: server.together == 0, "an idle server")
            while server.gate.acquire(blocking=False):
                pass
            server.order.clear()
        assert len(children(group.pid)) == 2
        server.gate.release()
        assert group.get().startswith(b"HTTP/1.1 200")
    server.close()


def test_clients_that_leave_and_workers_that_die_under_load_block_nobody() -> None:
    with Group(CONFIG.replace("    http-reuse never\n", "").replace("maxconn 1", "maxconn 2")) as group:
        load = Load(group.web, 16)
        poll(lambda: load.done > 200, "requests")
        for round_number in range(3):
            leavers = [group.connect() for _ in range(30)]
            for sock in leavers:
                sock.sendall(b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n")
            for sock in leavers:
                sock.close()
            victim = group.workers()[round_number % 2]
            done = load.done
            os.kill(victim, signal.SIGKILL)
            poll(lambda v=victim: len(group.workers()) == 2 and v not in group.workers(), "another worker")  # type: ignore[misc]
            poll(lambda d=done: load.done > d + 100, "requests")  # type: ignore[misc]
        load.stop()
        assert group.origin.most <= 3  # the killed worker's request may still be at the origin
        poll(lambda: group.numbers().proxies["b"][1:3] == (0, 0), "nobody left")
        assert group.numbers().servers["b", "s1"][:2] == (0, 0)
        began = time.monotonic()
        assert group.get().startswith(b"HTTP/1.1 200") and time.monotonic() - began < 5
