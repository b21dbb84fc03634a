"""What a side's silence, half close or reset does to a tunnel: bytes, ends, letters and counters as the real haproxy's.

Nothing here asserts a time: a scenario's short limit is a second, the others are longer than the test, or two seconds where
the letters tell which of the two struck.
"""

from __future__ import annotations

import re
import socket
import struct
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from tests.adversity.group import poll
from tests.harness.ports import Reservation
from tests.harness.products import Product, Running, haproxy26, lacking_oracle, pyhaproxy
from tests.harness.runtime_client import ask

pytestmark = [pytest.mark.timeout(120), pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())]

PATIENCE_S = 30.0
HEAD = """global
    stats socket {socket}
    log stdout format raw local0
defaults
    log global
    timeout connect 60s
    timeout client 60s
    timeout server 60s
    retries 0
"""
SECTION = """listen {name}
    mode {mode}
    bind 127.0.0.1:{front}
    log-format "%f|%ts|%B|%U|%sc"
    {lines}
    server s 127.0.0.1:{back}
"""
COUNTED = ("econ", "eresp", "cli_abrt", "srv_abrt")
UPGRADE = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n"
SWITCH = b"HTTP/1.1 101 S\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n"
MUCH = b"x" * 1_000_000


@dataclass
class Peer:
    """One end of a scenario, and what it saw: pieces joined, then how it ended."""

    sock: socket.socket
    seen: bytes = b""
    end: str = ""

    def until(self, wanted: bytes) -> None:
        """Read until `wanted` is there, or the end."""
        while wanted not in self.seen and not self.end:
            self._read()

    def to_end(self) -> None:
        while not self.end:
            self._read()

    def _read(self) -> None:
        try:
            piece = self.sock.recv(65536)
        except ConnectionResetError:
            self.end = "reset"
            return
        except TimeoutError:
            self.end = "nothing"
            return
        self.seen += piece
        self.end = "" if piece else "end"

    def flood(self) -> None:
        """Send until the other side ends it; the reply is never read."""
        try:
            while True:
                self.sock.sendall(MUCH)
        except ConnectionError:
            self.end = "refused"

    def send(self, piece: bytes) -> None:
        self.sock.sendall(piece)

    def fin(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


Step = Callable[[Peer], object]


@dataclass(frozen=True)
class Row:
    """lines: of the section; client and server: what they do, one after the other; code: what the line says."""

    code: str
    lines: str
    client: list[Step]
    server: list[Step]
    mode: str = "tcp"


def say(piece: bytes) -> Step:
    return lambda peer: peer.send(piece)


def hear(piece: bytes) -> Step:
    return lambda peer: peer.until(piece)


END, FIN, RESET, FLOOD = Peer.to_end, Peer.fin, Peer.reset, Peer.flood
HELLO = say(b"hello")
GOT: Step = hear(b"hello")
UP: list[Step] = [say(UPGRADE), hear(b"\r\n\r\n")]
SWITCHED: list[Step] = [hear(b"\r\n\r\n"), say(SWITCH)]
ROWS = {
    "silent_client_is_answered": Row("cD", "timeout client 1s", [HELLO, END], [END, say(b"late"), FIN]),
    "silent_server_is_told_more": Row("sD", "timeout server 1s", [HELLO, END, say(b"more"), FIN], [END]),
    "client_fin": Row("cD", "timeout client-fin 1s", [HELLO, END], [GOT, FIN, END]),
    "server_fin": Row("sD", "timeout server-fin 1s", [HELLO, FIN, END], [END]),
    "client_fin_of_the_other": Row("sD", "timeout client-fin 1s\n    timeout server 2s", [HELLO, FIN, END], [END]),
    "server_fin_of_the_other": Row("cD", "timeout server-fin 1s\n    timeout client 2s", [HELLO, END], [GOT, FIN, END]),
    "tunnel_after_fin": Row("sD", "timeout tunnel 1s", [HELLO, FIN, END], [END]),
    "server_fin_in_a_tunnel": Row("sD", "timeout tunnel 50s\n    timeout server-fin 1s", [HELLO, FIN, END], [END]),
    "client_takes_nothing": Row("cD", "timeout server 1s\n    timeout client 2s", [HELLO], [GOT, FLOOD]),
    "server_takes_nothing": Row("sD", "timeout client 1s\n    timeout server 2s", [FLOOD], []),
    "client_resets": Row("CD", "", [HELLO, hear(b"hi"), RESET], [GOT, say(b"hi"), END]),
    "server_resets": Row("SD", "", [HELLO, END], [GOT, RESET]),
    "server_resets_half_closed": Row("SD", "", [HELLO, FIN, END], [END, RESET]),
    "client_resets_half_closed": Row("CD", "", [HELLO, END, RESET], [GOT, FIN, END]),
    "no_lingering": Row("--", "option nolinger", [HELLO, FIN, END], [END]),
    "no_lingering_server": Row("--", "option nolinger", [HELLO, END, say(b"more"), FIN], [GOT, FIN, END]),
    "http_silent_client_is_answered": Row(
        "cD", "timeout client 1s", [*UP, HELLO, END], [*SWITCHED, END, say(b"late"), FIN], "http"
    ),
    "http_half": Row("--", "", [*UP, HELLO, FIN, END], [*SWITCHED, END, say(b"late"), FIN], "http"),
    "http_server_resets": Row("SD", "", [*UP, HELLO, END], [*SWITCHED, GOT, RESET], "http"),
    "http_no_lingering": Row("--", "option nolinger", [*UP, HELLO, FIN, END], [*SWITCHED, END], "http"),
}
UNEVEN = {"client_takes_nothing", "server_takes_nothing"}  # how much, and how who sent it is told, is the kernel's


@dataclass
class Stage:
    """One product with a section, a listening socket and a place for what was seen, for every row."""

    product: Product
    stack: ExitStack
    listeners: dict[str, socket.socket] = field(default_factory=dict)
    fronts: dict[str, int] = field(default_factory=dict)

    def run(self) -> dict[str, object]:
        """Returns: by row what its peers saw, its line, and its counters."""
        ports = self.stack.enter_context(Reservation())
        path = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="half-")) + "/socket"
        text = HEAD.replace("{socket}", path)
        for name, row in ROWS.items():
            self.listeners[name] = self.stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            self.listeners[name].settimeout(PATIENCE_S)
            self.fronts[name] = ports.take()
            back = self.listeners[name].getsockname()[1]
            text += SECTION.format(name=name, mode=row.mode, front=self.fronts[name], lines=row.lines, back=back)
        running = self.stack.enter_context(self.product.start(text, self.fronts.values()))
        with ThreadPoolExecutor(2 * len(ROWS)) as pool:
            servers = {name: pool.submit(self._server, name) for name in ROWS}
            clients = {name: pool.submit(self._client, name) for name in ROWS}
            lines = self._lines(running)
            seen = {name: (clients[name].result(), servers[name].result()) for name in ROWS}
        counts = _counts(path)
        return {name: (seen[name] if name not in UNEVEN else "", lines[name], counts[name]) for name in ROWS}

    def _client(self, name: str) -> tuple[bytes, str]:
        sock = self.stack.enter_context(socket.create_connection(("127.0.0.1", self.fronts[name]), PATIENCE_S))
        return _play(Peer(sock), ROWS[name].client)

    def _server(self, name: str) -> tuple[bytes, str]:
        sock = self.stack.enter_context(self.listeners[name].accept()[0])
        sock.settimeout(PATIENCE_S)
        return _play(Peer(sock), ROWS[name].server)

    def _lines(self, running: Running) -> dict[str, list[str]]:
        def found() -> dict[str, list[str]]:
            rows = [line.split("|") for line in re.findall(r"^\w+\|.*$", running.stdout(), re.MULTILINE)]
            return {words[0]: words[1:2] if words[0] in UNEVEN else words[1:] for words in rows}

        poll(lambda: len(found()) == len(ROWS), "a line for each session", PATIENCE_S)
        return found()


def _play(peer: Peer, steps: list[Step]) -> tuple[bytes, str]:
    for step in steps:
        step(peer)
    return peer.seen, peer.end


def _counts(path: str) -> dict[str, dict[str, list[str]]]:
    rows = [line.split(",") for line in ask(path, "show stat").decode().split("\n") if line.count(",") > 10]
    at = [rows[0].index(word) for word in COUNTED]
    counts: dict[str, dict[str, list[str]]] = {}
    for row in rows[1:]:
        counts.setdefault(row[0], {})[row[1]] = [row[i] for i in at]
    return counts


def run(product: Product) -> dict[str, object]:
    with ExitStack() as stack:
        return Stage(product, stack).run()


@pytest.fixture(scope="module")
def outcomes() -> list[dict[str, object]]:
    """Of ours and of the real haproxy, side by side."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(run, (pyhaproxy(), haproxy26())))


@pytest.mark.parametrize("name", sorted(ROWS))
def test_ends_as_in_haproxy(outcomes: list[dict[str, object]], name: str) -> None:
    ours, real = (outcome[name] for outcome in outcomes)
    assert ours == real


@pytest.mark.parametrize("name", sorted(ROWS))
def test_says_why(outcomes: list[dict[str, object]], name: str) -> None:
    assert outcomes[0][name][1][0] == ROWS[name].code  # type: ignore[index]
