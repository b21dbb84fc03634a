"""Log targets that are slow, gone or many, with two workers, beside the real haproxy: traffic goes on, and rings deliver what they hold."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.adversity.group import poll
from tests.harness.ports import Reservation
from tests.harness.products import Product, Running, haproxy26, haproxy28, lacking_oracle, pyhaproxy
from tests.harness.wire import take_turns

pytestmark = [pytest.mark.timeout(120), pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())]
PRODUCTS = [haproxy26(), pyhaproxy()]
NEWEST = [product for product in (haproxy28(), pyhaproxy()) if not product.missing]
CONFIG = """global
    stats socket {sock} level admin
    nbthread 2
{ring}
defaults
    mode http
    timeout connect 5s
    timeout client 20s
    timeout server 5s
frontend f
    bind 127.0.0.1:{port}
{logs}
    log-format "seen %HU {filler}"
    http-request return status 200
"""
RING = """ring r
    format rfc5424
    maxlen {maxlen}
    size 32768
    timeout connect 5s
    timeout server 10s
    server s 127.0.0.1:{port} log-proto {proto}
"""


@dataclass
class Server:
    """A log server on a reserved port that can be opened and closed; `data` is what each connection brought."""

    port: int
    data: list[bytearray] = field(default_factory=list)
    held: list[socket.socket] = field(default_factory=list)

    def open(self) -> None:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen()
        self.held.append(listener)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.held.append(client)
            self.data.append(bytearray())
            threading.Thread(target=self._read, args=(client, self.data[-1]), daemon=True).start()

    def _read(self, client: socket.socket, into: bytearray) -> None:
        try:
            while piece := client.recv(65536):
                into += piece
        except OSError:
            return

    def close(self) -> None:
        """The end of it and of all its connections."""
        for sock in self.held:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()
        self.held.clear()

    def has(self, text: bytes) -> bool:
        return any(text in one for one in self.data)


@dataclass
class Stage:
    running: Running
    sock: Path
    port: int

    def ask(self, paths: list[str]) -> None:
        """One request per path, over connections that take turns."""
        take_turns(self.port, paths, 4)

    def connect(self, command: str) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(20)
        sock.connect(str(self.sock))
        sock.sendall(command.encode() + b"\n")
        return sock


@contextmanager
def stage(
    product: Product, folder: Path, port: int, logs: list[str], ring: str = "", filler: str = ""
) -> Iterator[Stage]:
    sock = folder / "sock"
    text = CONFIG.format(
        sock=sock, port=port, logs="\n".join(f"    log {one}" for one in logs), ring=ring, filler=filler
    )
    with product.start(text, [port]) as running:
        yield Stage(running, sock, port)


def datagrams(sock: socket.socket, into: set[bytes]) -> None:
    """The paths in the messages that wait."""
    sock.setblocking(False)
    while True:
        try:
            into.update(re.findall(rb"seen (/\S+)", sock.recv(65536)))
        except BlockingIOError:
            return


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_targets_that_stall_or_fail_hold_up_nobody(product: Product, tmp_path: Path) -> None:
    """No such socket, a datagram socket and a stream that nobody reads, a server that refuses: all at once, and one that is well."""
    paths = [f"/{number}" for number in range(200)]
    with (
        Reservation() as ports,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as full,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stalled,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as good,
    ):
        full.bind(str(tmp_path / "full"))
        stalled.bind(str(tmp_path / "stalled"))
        stalled.listen(1)
        good.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        good.bind(("127.0.0.1", 0))
        port, dead = ports.take(), ports.take()
        logs = [f"{tmp_path / 'absent'} local0", f"{tmp_path / 'full'} local0", f"uxst@{tmp_path / 'stalled'} local0",
                f"tcp@127.0.0.1:{dead} local0", f"127.0.0.1:{good.getsockname()[1]} format raw local0"]  # fmt: skip
        with stage(product, tmp_path, port, logs, filler="x" * 300) as made:
            found: set[bytes] = set()
            for i in range(0, len(paths), 20):
                made.ask(paths[i : i + 20])
                datagrams(good, found)
            poll(lambda: datagrams(good, found) or len(found) == len(paths), "every message at the one that is well")
            told = re.findall(r"\[ALERT\] +\(\d+\) : (send.*)", made.running.stderr())
            assert set(told) == {"sendmsg()/writev() failed in logger #1: No such file or directory (errno=2)"}


@pytest.mark.parametrize("proto", ["legacy", "octet-count"])
@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_a_ring_keeps_what_is_logged_while_its_server_is_away(product: Product, proto: str, tmp_path: Path) -> None:
    with Reservation() as ports:
        port, server = ports.take(), Server(ports.take())
        server.open()
        with stage(
            product, tmp_path, port, ["ring@r local0"], RING.format(maxlen=400, port=server.port, proto=proto)
        ) as made:
            made.ask(["/first"])
            poll(lambda: server.has(b"seen /first"), "the first message")
            server.close()
            poll(lambda: not _connected(server.port), "the end of the server, seen by the product")
            names = {b"away%d" % number for number in range(20)}
            made.ask([f"/{name.decode()}" for name in names])
            server.open()
            poll(lambda: all(server.has(b"seen /%b " % name) for name in names), "what was logged while nobody listened")
            made.ask(["/back"])
            poll(lambda: server.has(b"seen /back "), "what is logged from then on")
            server.close()
            for one in server.data:
                _well_framed(bytes(one), octets=proto == "octet-count")


def _connected(port: int) -> bool:
    """Whether somebody holds a connection to this port that he has not closed (Linux: established, or closed by the other side)."""
    rows = (row.split() for row in Path("/proc/net/tcp").read_text().split("\n")[1:])
    return any(row[2].endswith(f":{port:04X}") and row[3] in ("01", "08") for row in rows if len(row) > 3)


def _well_framed(data: bytes, *, octets: bool) -> None:
    """RFC 6587: `LENGTH SP TEXT`, or lines. The last message may be cut off."""
    while octets and data:
        length, _, data = data.partition(b" ")
        assert re.fullmatch(rb"[0-9]{1,4}", length)
        assert data[: int(length)].startswith(b"<134>1 ")
        data = data[int(length) :]
    if not octets:
        assert all(line.startswith(b"<134>1 ") for line in data.split(b"\n")[:-1])


@pytest.mark.parametrize(
    "words,wanted", [("local0", 200), ("len 200 local0", 199), ("len 201 local0", 200), ("len 80 local0", 79)]
)
@pytest.mark.parametrize("product", NEWEST, ids=lambda product: product.name)
def test_a_message_is_cut_at_the_ring_and_at_the_length_of_the_line(
    product: Product, words: str, wanted: int, tmp_path: Path
) -> None:
    """`len` has room for a line end that rings do not keep."""
    with Reservation() as ports:
        port, server = ports.take(), Server(ports.take())
        server.open()
        ring = RING.format(maxlen=200, port=server.port, proto="octet-count")
        with stage(product, tmp_path, port, [f"ring@r {words}"], ring, "x" * 300) as made:
            made.ask(["/a"])
            poll(lambda: any(len(one) >= wanted for one in server.data), "the message")
        server.close()
        text = next(bytes(one) for one in server.data if one)
        assert text.startswith(b"%d <134>1 " % wanted)


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_events_of_an_empty_ring_are_shown_as_they_come(product: Product, tmp_path: Path) -> None:
    """`show events r -w -n` from before the first message, of both workers."""
    ring = "ring r\n    format raw\n    size 32768\n"
    with Reservation() as ports, stage(product, tmp_path, ports.take(), ["ring@r local0"], ring) as made:
        with made.connect("show events r -w -n") as watching:
            got, number = b"", 0
            more = _reader(watching)

            def seen() -> bool:
                nonlocal got, number
                number += 1
                made.ask([f"/{number}"])  # until the command has begun
                got += more()
                return b"seen /" in got

            poll(seen, "a message")
            made.ask(["/last"])

            def ended() -> bool:
                nonlocal got
                got += more()
                return b"seen /last" in got

            poll(ended, "the last message")
        with made.connect("show events r") as whole:
            text = b""
            while piece := whole.recv(65536):
                text += piece
        assert [line for line in text.split(b"\n") if line][-1].startswith(b"seen ")


def _reader(sock: socket.socket) -> Callable[[], bytes]:
    """What has come, without waiting for it."""
    sock.setblocking(False)

    def read() -> bytes:
        try:
            return sock.recv(65536)
        except BlockingIOError:
            return b""

    return read
