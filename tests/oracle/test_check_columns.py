"""What `show stat` tells of a check and of an agent in every phase of them (none yet, under way, over, switched off) beside the real
haproxy: of a check that is under way the columns tell what is known of the one before."""

from __future__ import annotations

import contextlib
import csv
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.adversity.group import poll
from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, haproxy28, lacking_oracle, pyhaproxy
from tests.harness.runtime_client import ask

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle() or "has an oracle"),
]
HEAD = """\
global
  stats socket {sock} level admin
defaults
  mode http
  timeout client 20s
  timeout server 20s
  timeout connect 20s
  timeout check 10m
frontend f
  bind 127.0.0.1:{web}
"""
CHECKS = """\
backend http
  option httpchk
  server s 127.0.0.1:{http} check inter 100ms rise 2 fall 2
backend tcp
  option tcp-check
  tcp-check expect string fine
  server s 127.0.0.1:{tcp} check inter 100ms rise 2 fall 2
backend agent
  server s 127.0.0.1:{agent} agent-check agent-port {agent} agent-inter 100ms
backend silent
  option httpchk
  timeout check 300ms
  server s 127.0.0.1:{silent} check inter 300ms
"""
NONE_YET = """\
backend b
  server first 127.0.0.1:{web} check inter 1h
  server later 127.0.0.1:{web} check inter 1h agent-check agent-port {web} agent-inter 1h
  server off 127.0.0.1:{web} check inter 1h disabled
"""
TOLD = {  # by backend: what its server says when it is well, and when it is ill
    "http": (b"HTTP/1.0 200 Fine\r\n\r\n", b"HTTP/1.0 503 No\r\n\r\n"),
    "tcp": (b"fine\n", b"ill\n"),
    "agent": (b"up\n", b"down #no disk\n"),
}
OFF = {"http": "disable health", "tcp": "disable health", "agent": "disable agent"}
ON = {"http": "enable health", "tcp": "enable health", "agent": "enable agent"}
Row = dict[str, str]
Found = tuple[dict[str, dict[str, Row]], list[Row]]


class Server:
    """Says `reply` to whoever connects; b"": keeps them waiting until it has one."""

    def __init__(self) -> None:
        self.reply = b""
        self.waiting: list[socket.socket] = []
        self.lock = threading.Lock()
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self.sock.getsockname()[1]
        self.thread = threading.Thread(target=self._accept)
        self.thread.start()

    def _accept(self) -> None:
        while True:
            try:
                link = self.sock.accept()[0]
            except OSError:
                return
            with self.lock:
                self.waiting.append(link)
            self.say(self.reply)

    def say(self, reply: bytes) -> None:
        """From now on, to those that wait too."""
        with self.lock:
            self.reply = reply
            while reply and self.waiting:
                with self.waiting.pop() as link, contextlib.suppress(OSError):  # a check leaves with a reset
                    link.sendall(reply)
                    link.shutdown(socket.SHUT_WR)
                    link.settimeout(20)
                    while link.recv(4096):  # a close with something unread would be a reset
                        pass

    def close(self) -> None:
        """Nobody waits any more."""
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        self.thread.join()
        for link in self.waiting:
            link.close()


def row_of(sock: Path, backend: str, server: str = "s") -> Row:
    """The columns about its check and its agent; durations as N."""
    for row in csv.DictReader(ask(sock, "show stat").decode().removeprefix("# ").splitlines()):
        if (row["pxname"], row["svname"]) == (backend, server):
            kept = {
                name: row[name]
                for name in row
                if name.startswith(("check_", "agent_", "last_chk", "last_agt")) or name == "status"
            }
            return {name: "N" if name.endswith("_duration") and value else value for name, value in kept.items()}
    raise AssertionError(f"no row of {backend}")


class Scene:
    """One server's phases. what: its backend."""

    def __init__(self, sock: Path, what: str, server: Server) -> None:
        self.sock, self.what, self.server = sock, what, server
        self.prefix = "agent" if what == "agent" else "check"
        self.found: dict[str, Row] = {}

    def see(self, phase: str, ready: Callable[[Row], bool]) -> None:
        """Keep the row of the moment when it is ready."""

        def come() -> bool:
            self.found[phase] = row_of(self.sock, self.what)
            return ready(self.found[phase])

        poll(come, f"{self.what} {phase}")

    def under_way(self, phase: str) -> None:
        """The server keeps the next check waiting."""
        self.server.say(b"")
        poll(lambda: bool(self.server.waiting), f"{self.what} {phase}: a check")
        self.see(phase, lambda row: row[f"{self.prefix}_status"].startswith("* "))

    def over(self, phase: str, well: bool) -> None:
        """It answers until its state is settled."""
        self.server.say(TOLD[self.what][0 if well else 1])
        state = "UP" if well else "DOWN"
        self.see(
            phase,
            lambda row: (
                row["status"] in (state, "no check" if well else "DOWN (agent)")
                and "*" not in row[f"{self.prefix}_status"]
            ),
        )

    def command(self, text: str) -> None:
        """To this server."""
        ask(self.sock, f"{text} {self.what}/s")

    def idle(self) -> bool:
        """Its check is not under way, which statistics do not show in maintenance."""
        words = ask(self.sock, f"show servers state {self.what}").decode().splitlines()[2].split()
        return not int(words[13]) & 1

    def play(self) -> dict[str, Row]:
        """All phases."""
        self.under_way("first")
        self.over("well", well=True)
        self.under_way("after well")
        self.over("ill", well=False)
        self.under_way("after ill")
        self.command(OFF[self.what])
        self.found["off while under way"] = row_of(self.sock, self.what)
        self.command(ON[self.what])
        self.found["on while under way"] = row_of(self.sock, self.what)
        self.over("well again", well=True)
        self.command("disable server")
        if self.what != "agent":  # an agent is asked in maintenance too
            poll(self.idle, f"{self.what}: the end of its check")
            self.server.say(b"")
        self.see("in maintenance", lambda row: "*" not in row[f"{self.prefix}_status"])
        self.command("enable server")
        self.under_way("after maintenance")
        return self.found


def played(product: Product, sock: Path) -> dict[str, dict[str, Row]]:
    """By backend the row of each phase."""
    servers = {name: Server() for name in (*TOLD, "silent")}
    try:
        with Reservation() as ports:
            web = ports.take()
            text = HEAD.format(sock=sock, web=web) + CHECKS.format(
                **{name: server.port for name, server in servers.items()}
            )
            with product.start(text, [web]):
                silent = Scene(sock, "silent", servers["silent"])
                silent.see("over", lambda row: row["check_status"] == "L7TOUT" and row["check_health"] == "0")
                silent.see("under way", lambda row: row["check_status"] == "* L7TOUT")
                with ThreadPoolExecutor() as pool:
                    found = pool.map(lambda name: Scene(sock, name, servers[name]).play(), TOLD)
                    return {"silent": silent.found, **dict(zip(TOLD, found, strict=True))}
    finally:
        for server in servers.values():
            server.close()


def none_yet(product: Product, sock: Path) -> list[Row]:
    """The rows of servers whose first check is far away, or switched off."""
    with Reservation() as ports:
        web = ports.take()
        with product.start((HEAD + NONE_YET).format(sock=sock, web=web), [web]):
            return [row_of(sock, "b", server) for server in ("later", "off")]


def everything(product: Product, folder: Path) -> Found:
    """Of one product."""
    return played(product, folder / "played.sock"), none_yet(product, folder / "none.sock")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return everything(pyhaproxy(), tmp_path_factory.mktemp("ours"))


@pytest.mark.parametrize("oracle", [haproxy26, haproxy28])
def test_every_phase(oracle: Callable[[], Product], ours: Found, tmp_path: Path) -> None:
    assert ours == everything(oracle(), tmp_path)
