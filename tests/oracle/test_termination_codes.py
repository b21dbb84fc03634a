"""The first letters of manual 8.5 that need more than a client and a server: sessions that an operator ends (K), that end with
their server (D) or because a better one came up (U), and resources that run out (R). The same lines as the real haproxy's."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.adversity.group import poll
from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, lacking_oracle, pyhaproxy
from tests.harness.runner import full_listener, run_cases
from tests.oracle.http import CASES, TEMPLATES

pytestmark = [pytest.mark.timeout(120), pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())]

HEAD = """global
    stats socket {path} level admin
    log 127.0.0.1:{syslog} local0
defaults
    log global
    log-format "%f %b/%s %ts %rc"
    timeout connect 10s
    timeout client 10s
    timeout server 10s
    timeout tarpit 20s
    timeout tarpit 10s
    retries 0
"""
GET = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
PUT = b"PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nab"
PART = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nab"
SERVER = "server s 127.0.0.1:{back} check inter 60s fall 100 port {up} on-marked-down shutdown-sessions {more}"
BACKUP = "server p 127.0.0.1:{up} check inter 60s fall 100 on-marked-up shutdown-backup-sessions\n    server s 127.0.0.1:{back} backup"


@dataclass(frozen=True)
class Row:
    """One way to end. until: what has happened when it ends: `seen` (by the server), `part` (of the reply is here), else what
    `show sess` says of the stream. end: the command that ends it. own: what the client gets, where it is not what it gets from
    haproxy 2.6 (docs/deviations.md)."""

    code: str
    sent: bytes
    until: str
    end: str
    lines: str = ""
    server: str = SERVER
    mode: str = "http"
    full: bool = False  # the server does not take connections
    taken: bool = False  # another stream has the server's only slot
    own: str | None = None


KILL = "shutdown session"  # of the stream that is looked at
DOWN, UP = "set server {name}/s health down", "set server {name}/p health up"
ONE = SERVER.replace("{more}", "maxconn 1")
HELLO = b"hello"
SOON = "timeout connect 1s"  # when haproxy notices that a stream was ended which waits for a connection
TELLS = "HTTP/1.1 503 Service Unavailable"
ROWS = {
    "killed in a tarpit": Row("KT", GET, "fe=", KILL, "http-request tarpit", own=""),
    "killed while its body comes": Row("KR", PUT, "fe=", KILL, "option http-buffer-request", own=""),
    "killed in the queue": Row("KQ", GET, "srv=<none>", KILL, server=ONE, taken=True, own=""),
    "killed while connecting": Row("KC", GET, "srv=s", KILL, full=True, own=TELLS),
    "killed without a reply": Row("KH", GET, "seen", KILL),
    "killed within its body": Row("KH", PUT, "seen", KILL, own="HTTP/1.1 502 Bad Gateway"),
    "killed within the reply": Row("KD", GET, "part", KILL),
    "tunnel killed": Row("K-", HELLO, "seen", KILL, mode="tcp"),
    "tunnel killed later": Row("K-", HELLO, "part", KILL, mode="tcp"),
    "tunnel killed in the queue": Row("KQ", HELLO, "srv=<none>", KILL, server=ONE, mode="tcp", taken=True, own=""),
    "tunnel killed while connecting": Row("KC", HELLO, "srv=s", KILL, SOON, mode="tcp", full=True),
    "down while connecting": Row("DC", GET, "srv=s", DOWN, full=True, own=TELLS),
    "down without a reply": Row("DH", GET, "seen", DOWN),
    "down within the reply": Row("DD", GET, "part", DOWN),
    "tunnel down": Row("D-", HELLO, "part", DOWN, mode="tcp"),
    "tunnel down while connecting": Row("DC", HELLO, "srv=s", DOWN, SOON, mode="tcp", full=True),
    "up while connecting": Row("UC", GET, "srv=s", UP, server=BACKUP, full=True, own=TELLS),
    "up without a reply": Row("UH", GET, "seen", UP, server=BACKUP),
    "up within the reply": Row("UD", GET, "part", UP, server=BACKUP),
    "tunnel up": Row("U-", HELLO, "part", UP, mode="tcp", server=BACKUP),
    "tunnel up while connecting": Row("UC", HELLO, "srv=s", UP, SOON, mode="tcp", server=BACKUP, full=True),
}  # fmt: skip


class Place:
    """Where one row is played: its section {name} on a port, and the server behind it."""

    def __init__(self, number: int, row: Row, ports: Reservation, open_sockets: ExitStack) -> None:
        self.name = f"row{number}"
        self.row = row
        self.port = ports.take()
        if row.full:
            held = [open_sockets.enter_context(sock) for sock in full_listener()]
        else:
            held = [open_sockets.enter_context(socket.create_server(("127.0.0.1", 0)))]
        self.listener = held[0]
        self.listener.settimeout(20)

    def section(self, up: int) -> str:
        back = self.listener.getsockname()[1]
        text = self.row.server.replace("{more}", "").replace("{back}", str(back)).replace("{up}", str(up))
        lines = "".join(f"    {line}\n" for line in (f"bind 127.0.0.1:{self.port}", f"mode {self.row.mode}", self.row.lines, text) if line)
        return f"listen {self.name}\n{lines}"

    def play(self, ask: Callable[[str], str]) -> str:
        """What the client got, first line only."""
        with ExitStack() as stack:
            if self.row.taken:
                other = stack.enter_context(socket.create_connection(("127.0.0.1", self.port), 20))
                other.sendall(self.row.sent)
                stack.enter_context(self.listener.accept()[0])
            client = stack.enter_context(socket.create_connection(("127.0.0.1", self.port), 20))
            client.sendall(self.row.sent)
            got = self._until(client, ask, stack)
            if self.row.end == KILL:
                ask("shutdown session " + self._streams(ask)[0].split(":")[0])
            else:
                ask(self.row.end.replace("{name}", self.name))
            while part := client.recv(65536):
                got += part
        return got.split(b"\r\n")[0].decode()

    def _streams(self, ask: Callable[[str], str]) -> list[str]:
        """Lines of `show sess` about streams that are where the row wants them."""
        wanted = "" if self.row.until in ("seen", "part") else self.row.until.replace("{name}", self.name)
        return [line for line in ask("show sess").split("\n") if f"fe={self.name} " in line and re.search(wanted, line)]

    def _until(self, client: socket.socket, ask: Callable[[str], str], stack: ExitStack) -> bytes:
        """Wait for the moment of the row; what the client has received so far."""
        if self.row.until not in ("seen", "part"):
            poll(lambda: bool(self._streams(ask)), self.row.until)
            return b""
        server = stack.enter_context(self.listener.accept()[0])
        server.settimeout(20)
        assert server.recv(65536)
        if self.row.until == "seen":
            return b""
        server.sendall(PART)
        got = b""
        while not got.endswith(b"ab"):
            got += client.recv(65536)
        return got


@contextmanager
def runtime_socket(path: Path) -> Iterator[Callable[[str], str]]:
    """A function that gives the answer to one command."""

    def ask(text: str) -> str:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(20)
            sock.connect(str(path))
            sock.sendall(text.encode() + b"\n")
            found = b""
            while part := sock.recv(65536):
                found += part
        return found.decode()

    poll(path.exists, "the runtime socket")
    yield ask


def line_of(log: socket.socket, name: str) -> str:
    """The next log line of a frontend; messages about servers are passed over."""
    while True:
        text = log.recv(65536).decode().partition("]: ")[2].strip()
        if text.startswith(name + " "):
            return text


def played(product: Product, folder: Path) -> dict[str, tuple[str, str]]:
    """Every row once in one process: the log line and the first line that the client got."""
    found = {}
    with ExitStack() as stack:
        ports = stack.enter_context(Reservation())
        log = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        log.bind(("127.0.0.1", 0))
        log.settimeout(20)
        up = stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        places = {name: Place(i, row, ports, stack) for i, (name, row) in enumerate(ROWS.items())}
        path = folder / f"{product.name}.sock"
        text = HEAD.replace("{path}", str(path)).replace("{syslog}", str(log.getsockname()[1]))
        text += "".join(place.section(up) for place in places.values())
        stack.enter_context(product.start(text, [place.port for place in places.values()]))
        ask = stack.enter_context(runtime_socket(path))
        for name, place in places.items():
            if place.row.own is not None and product.name != "pyhaproxy":
                continue
            if place.row.server == BACKUP:
                ask(f"set server {place.name}/p health down")
            got = place.play(ask)
            found[name] = line_of(log, place.name), got
    return found


_played: dict[str, dict[str, tuple[str, str]]] = {}


def results(product: Product, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    if product.name not in _played:
        _played[product.name] = played(product, tmp_path_factory.mktemp("codes"))
    return _played[product.name]


@pytest.mark.parametrize("name", ROWS)
def test_ends_as_in_haproxy(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    row = ROWS[name]
    line, got = results(pyhaproxy(), tmp_path_factory)[name]
    assert line.split()[2] == row.code
    if row.own is None:
        assert (line, got) == results(haproxy26(), tmp_path_factory)[name]
    else:
        assert got == row.own


# Where each pair of letters of manual 8.5 that can be brought about is seen: a case of tests/oracle/http, or a row of above.
SEEN = {
    "--": "end-http-ok", "CC": "end-http-hangs-leave", "CD": "end-http-leave-reset", "cD": "end-http-deaf", "CH": "end-http-leave",
    "cH": "end-http-body-late", "CQ": "end-http-queue-leave", "CR": "end-http-part", "cR": "end-http-part-late", "CL": "desync-req-chunk-32-bit",
    "LR": "end-http-redirect", "LH": "end-http-return-response", "SC": "end-http-refused", "sC": "end-http-hangs", "SD": "big-get-short",
    "sD": "end-http-stalls", "SH": "end-http-resets", "sH": "end-http-silent", "sQ": "end-http-queue-late", "SQ": "ps-full",
    "PD": "end-http-content-response", "PH": "end-http-bad-head", "PR": "end-http-deny", "IR": "large-redirect",
    "KT": "killed in a tarpit", "KR": "killed while its body comes", "KQ": "killed in the queue", "KC": "killed while connecting",
    "KH": "killed without a reply", "KD": "killed within the reply", "DC": "down while connecting", "DH": "down without a reply",
    "DD": "down within the reply", "UC": "up while connecting", "UH": "up without a reply", "UD": "up within the reply",
}  # fmt: skip
# Pairs of the manual that are not seen, and why.
UNSEEN = {
    "CT": "a client that leaves a tarpit is logged as refused (PR in 2.8, PT in 2.6)",
    "PT": "the same",
    "PC": "connections to servers have no limit of their own in a worker",
    "RC": "haproxy says SC when source ports or descriptors run out, and so do we",
}
MANUAL = "-- CC CD cD CH cH CQ CR cR CT LR SC sC SD sD SH sH sQ PC PD PH PR PT RC".split()
LETTERS = re.compile(r" ([CSPLRIDUKcs-][RQCHDLT-])(?:[NIDVEOU-][NIUPRD-])? [N0-9]+/")


def test_every_pair_of_the_manual_has_its_place() -> None:
    assert set(MANUAL) <= {*SEEN, *UNSEEN}
    assert set("CSPLIDUKcs-") == {pair[0] for pair in SEEN}
    assert set("RQCHDLT-") == {pair[1] for pair in SEEN}


def test_cases_show_the_pairs_they_stand_for() -> None:
    """What the cases log beside haproxy is compared elsewhere; here only that the list above is true."""
    wanted = {ident: pair for pair, ident in SEEN.items() if ident not in ROWS}
    found = run_cases(pyhaproxy(), TEMPLATES, [case for case in CASES if case.id in wanted], 0.3)
    wrong = {}
    for ident, pair in wanted.items():
        result = found[ident]
        pairs = [] if isinstance(result, str) else [m[1] for line in result.logs if (m := LETTERS.search(line))]
        if pair not in pairs:
            wrong[ident] = (pair, pairs or result)
    assert not wrong
