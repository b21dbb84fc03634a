"""`set server B/S check-addr|check-port|agent-addr|agent-port|agent-send` beside the real haproxy, and where the checks then go."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adversity.group import children, poll
from tests.harness.ports import Reservation
from tests.harness.products import Product, Running, haproxy26, lacking_oracle, pyhaproxy
from tests.harness.runtime_client import ask

CONFIG = """
global
    nbthread {workers}
    stats socket {folder}/admin level admin
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend f
    bind 127.0.0.1:{port}
backend b
{servers}
"""
SERVERS = """
    server s1 127.0.0.1:1 check inter 1h
    server s2 127.0.0.1:2
    server s3 127.0.0.1:3 agent-check agent-port 4 agent-inter 1h agent-addr 127.0.0.3
    server s4 127.0.0.1:3 check inter 1h addr 127.0.0.5 port 99 agent-check agent-port 5 agent-inter 1h agent-send hello disabled
    server s6 127.0.0.1 check inter 1h port 77
"""
LINES = """
s1 check-addr
s1 check-addr x
s1 check-addr 127.0.0.9
s1 check-addr 127.0.0.9
s1 check-addr 127.0.0.9 port
s1 check-addr 127.0.0.9 port 88
s1 check-addr 127.0.0.8 port 89
s1 check-addr 127.0.0.8 foo 89
s1 check-addr 127.0.0.8 port x
s1 check-addr 127.0.0.8 port 70000
s1 check-addr localhost
s1 check-addr 127.0.0.7:99
s1 check-addr /tmp/x
s1 check-addr ::1
s2 check-addr
s2 check-addr 127.0.0.9
s1 check-port
s1 check-port x
s1 check-port 90
s1 check-port 90x
s1 check-port -1
s1 check-port 65536
s1 check-port 0
s2 check-port
s2 check-port 90
s6 check-port 0
s6 check-port 91
s3 agent-addr
s3 agent-addr x.invalid y
s3 agent-addr 127.0.0.4
s3 agent-addr 127.0.0.4 port 33
s3 agent-addr 127.0.0.4 port
s3 agent-addr 127.0.0.4 port x
s3 agent-addr localhost
s1 agent-addr 127.0.0.4
s1 agent-addr
s3 agent-port
s3 agent-port x
s3 agent-port 70000
s3 agent-port 44
s3 agent-port 0
s1 agent-port 44
s1 agent-port
s3 agent-send
s3 agent-send foo
s1 agent-send foo
s1 agent-send
s4 agent-send foo
s4 agent-port 55
s4 agent-addr 127.0.0.77
s4 check-addr 127.0.0.78
""".strip().split("\n")
COLUMNS = slice(-4, None)  # srv_check_port srv_check_addr srv_agent_addr srv_agent_port


@contextlib.contextmanager
def served(product: Product, servers: str, workers: int = 1) -> Iterator[tuple[Path, Running]]:
    """A running product and its runtime socket."""
    with tempfile.TemporaryDirectory(prefix="tgt-") as folder, Reservation() as ports:
        port, path = ports.take(), Path(folder, "admin")
        text = CONFIG.format(folder=folder, port=port, servers=servers, workers=workers)
        with product.start(text, [port]) as running:
            poll(lambda: answers(path), "the runtime socket")
            yield path, running


def answers(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return bool(ask(path, "show cli level"))
    return False


def told(product: Product) -> list[object]:
    with served(product, SERVERS) as (path, _):
        found: list[object] = [(line, ask(path, f"set server b/{line}").rstrip(b"\n")) for line in LINES]
        table = ask(path, "show servers state b").decode().strip().split("\n")
        found += [row.split()[3:4] + row.split()[COLUMNS] for row in table[2:]]
        for line in ("disable health b/s1", "set server b/s1 check-port 5", "disable agent b/s3", "set server b/s3 agent-send x"):
            found.append((line, ask(path, line).rstrip(b"\n")))
        return found


@pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle() or "-")
def test_answers_are_haproxys() -> None:
    ours, theirs = told(pyhaproxy()), told(haproxy26())
    assert ours == theirs


class Agent:
    """Says `word` to everybody who asks; `heard` is what the last one sent."""

    def __init__(self, word: bytes) -> None:
        self.word = word
        self.heard = b""
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.sock.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.sock.accept()
                with client, contextlib.suppress(OSError):
                    client.settimeout(20)
                    self.heard = client.recv(100)
                    client.sendall(self.word + b"\n")

    def close(self) -> None:
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


def state(path: Path, server: str) -> str:
    """Operational state in `show servers state`, and its weight."""
    rows = [row.split() for row in ask(path, "show servers state b").decode().strip().split("\n")[2:]]
    return next(f"{row[5]} {row[7]}" for row in rows if row[3] == server)


def test_checks_go_where_they_are_told_to_also_from_the_next_worker() -> None:
    agents = [Agent(b"up 30%"), Agent(b"up 70%")]
    with socket.create_server(("127.0.0.1", 0)) as open_port, contextlib.ExitStack() as closing:
        for agent in agents:
            closing.callback(agent.close)
        servers = (
            "    server s1 127.0.0.1:1 weight 100 check inter 50 fall 1 rise 1\n"
            f"    server s2 127.0.0.1:1 weight 100 agent-check agent-inter 50 agent-port {agents[0].port} agent-send a\\n\n"
        )
        with served(pyhaproxy(), servers, workers=2) as (path, running):
            poll(lambda: state(path, "s1") == "0 100" and state(path, "s2") == "2 30", "both are looked at")
            ask(path, f"set server b/s1 check-port {open_port.getsockname()[1]}")
            ask(path, f"set server b/s2 agent-addr 127.0.0.1 port {agents[1].port};set server b/s2 agent-send other")
            poll(lambda: state(path, "s1") == "2 100" and state(path, "s2") == "2 70", "both are looked at elsewhere")
            poll(lambda: agents[1].heard == b"other", "the agent is told something else")
            for pid in children(running.pid):
                os.kill(pid, signal.SIGKILL)
            agents[1].word = b"up 50%"
            poll(lambda: answers(path) and state(path, "s2") == "2 50", "another worker asks the same agent")
