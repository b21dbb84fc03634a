"""`_getsocks` and `-x` beside the real haproxy: each gives its listening sockets to the other, and nothing is refused."""

from __future__ import annotations

import array
import contextlib
import re
import socket
import struct
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from frontends import handing
from tests.adversity.group import poll
from tests.harness.ports import Reservation
from tests.harness.products import Product, Running, haproxy26, haproxy28, lacking_oracle, pyhaproxy

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle() or "-")

CONFIG = """
global
    nbthread {workers}
    stats socket {folder}/give level user expose-fd listeners
    stats socket {folder}/keep level admin
defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
frontend f
    bind 127.0.0.1:{port}
    bind {folder}/f.sock
    bind abns@{abstract}
    http-request return status 200 content-type text/plain string {name}
"""
MORE = "    bind 127.0.0.1:{} interface lo\n"
PRODUCTS = {"pyhaproxy": pyhaproxy, "haproxy": haproxy26, "haproxy-2.8": haproxy28}
REQUEST = b"GET / HTTP/1.0\r\n\r\n"


class Stage:
    """Places that stay the same from one program to the next."""

    def __init__(self, folder: Path, ports: Reservation) -> None:
        self.folder = folder
        self.port = ports.take()
        self.tied = ports.take()

    def config(self, name: str, workers: int = 1) -> str:
        """A configuration whose replies say `name`."""
        abstract = f"pyhaproxy-{self.port}"
        text = CONFIG.format(folder=self.folder, port=self.port, name=name, workers=workers, abstract=abstract)
        return text.replace("    http-request", MORE.format(self.tied) + "    http-request")

    def start(self, product: Product, name: str, former: Running | None = None, workers: int = 1) -> Running:
        """Start a program; with `former` it takes its sockets and lets it finish, and that is waited for."""
        if former is None:
            running = product.start(self.config(name, workers), [self.port])
            poll((self.folder / "give").exists, "the runtime socket")
            return running
        flags = ("-db", "-x", str(self.folder / "give"), "-sf", str(former.pid))
        running = Running(product, self.config(name, workers), flags)
        poll(lambda: former.process.poll() is not None or running.process.poll() is not None, "the former process ends")
        assert running.process.poll() is None, running.stderr()
        return running

    def reply(self) -> bytes:
        """Whole reply on the TCP address. Raises: OSError: refused or cut."""
        with socket.create_connection(("127.0.0.1", self.port), 20) as sock:
            sock.sendall(REQUEST)
            found = b""
            while data := sock.recv(4096):
                found += data
        return found


@pytest.fixture
def stage() -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="hand-") as folder, Reservation() as ports:
        yield Stage(Path(folder), ports)


def inodes(port: int) -> set[str]:
    """The sockets of this machine that listen on a port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().split("\n")[1:-1]]
    return {row[9] for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port}


def conversation(path: Path, said: bytes) -> tuple[bytes, list[object]]:
    """Everything that comes back, and the addresses of the sockets that came with it."""
    data, found = b"", array.array("i")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20)
        sock.connect(str(path))
        sock.sendall(said)
        while True:
            some, ancillary, _, _ = sock.recvmsg(65536, socket.CMSG_SPACE(4 * 253))
            for _, _, raw in ancillary:
                found.frombytes(raw)
            if not some:
                return data, [address(fd) for fd in found]
            data += some


def address(fd: int) -> object:
    with socket.socket(fileno=fd) as sock:
        told = sock.getsockname()
    return re.sub(r"\.\d+\.tmp$", "", told) if isinstance(told, str) else told


def test_what_is_given_is_what_haproxy_gives(stage: Stage) -> None:
    def given(product: Product) -> list[object]:
        with stage.start(product, "x"):
            data, found = conversation(stage.folder / "give", b"_getsocks\n")
            number, told = struct.unpack("=i", data[:4])[0], handing.records(data[4:])
            assert number == len(found) == len(told) == 6
            silent = [
                conversation(stage.folder / "keep", said)
                for said in (b"_getsocks\n", b"_getsocks x\n", b"_getsocks;help\n")
            ]
            behind = conversation(stage.folder / "give", b"show cli level;_getsocks\n")
            assert behind[0].startswith(b"user\n\n\6\0\0\0") and len(behind[1]) == 6
            prompt = conversation(stage.folder / "give", b"prompt\n_getsocks\nhelp\n")
            assert prompt[0].startswith(b"\n> \6\0\0\0") and len(prompt[1]) == 6
            return [sorted(zip(map(str, found), told, strict=True)), silent]

    ours = given(pyhaproxy())
    assert ours == given(haproxy26())
    assert ours[1] == [(b"", [])] * 3


@pytest.mark.parametrize(
    ("giver", "taker"), [("haproxy", "pyhaproxy"), ("pyhaproxy", "haproxy"), ("pyhaproxy", "haproxy-2.8")]
)
def test_sockets_go_over(stage: Stage, giver: str, taker: str) -> None:
    if PRODUCTS[taker]().missing:
        taker = "haproxy"  # the newer one is not installed everywhere
    with stage.start(PRODUCTS[giver](), "one") as former:
        before = inodes(stage.port) | inodes(stage.tied)
        assert len(before) == 2 and stage.reply().endswith(b"one")
        with stage.start(PRODUCTS[taker](), "two", former) as running:
            assert inodes(stage.port) | inodes(stage.tied) == before, running.stderr()
            assert stage.reply().endswith(b"two")
            for where in (str(stage.folder / "f.sock"), f"\0pyhaproxy-{stage.port}".ljust(108, "\0")):
                with socket.socket(socket.AF_UNIX) as sock:
                    sock.settimeout(20)
                    sock.connect(where)
                    sock.sendall(REQUEST)
                    assert sock.recv(4096, socket.MSG_WAITALL).endswith(b"two")
            assert len(conversation(stage.folder / "give", b"_getsocks\n")[1]) == 6


class Crowd:
    """Connections opened all the time, each for one request; what went wrong is kept."""

    def __init__(self, stage: Stage, threads: int = 2) -> None:
        self.stage = stage
        self.faults: list[str] = []
        self.served: dict[bytes, int] = {}
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                name = self.stage.reply().rpartition(b"\r\n\r\n")[2]
                self.served[name] = self.served.get(name, 0) + 1
            except OSError as wrong:
                self.faults.append(repr(wrong))
            self._over.wait(0.001)

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def test_ten_hand_overs_refuse_nobody(stage: Stage) -> None:
    names = ["n0", *(f"n{n}" for n in range(1, 11))]
    with contextlib.ExitStack() as running:
        now = running.enter_context(stage.start(pyhaproxy(), names[0]))
        kept = inodes(stage.port)
        with Crowd(stage) as crowd:
            for n, name in enumerate(names[1:]):
                now = running.enter_context(stage.start(pyhaproxy(), name, now, workers=1 + n % 2))
                poll(lambda name=name: name.encode() in crowd.served or bool(crowd.faults), f"{name} serves")  # type: ignore[misc]
        assert crowd.faults == []
        assert set(crowd.served) == {name.encode() for name in names}
        assert inodes(stage.port) == kept


# what a giver sends: bytes, and how many descriptors go with the second part
BAD = {
    "nothing": ([], 0),
    "half a number": ([b"\5\0"], 0),
    "a number that is too large": ([b"\xff\xff\xff\xff"], 0),
    "none of five": ([b"\5\0\0\0"], 0),
    "one of two": ([b"\2\0\0\0", bytes(6)], 1),
    "three of two": ([b"\2\0\0\0", bytes(18)], 3),
    "a record that is missing": ([b"\2\0\0\0", bytes(6)], 2),
}


def give(path: Path, parts: Sequence[bytes], descriptors: int) -> threading.Thread:
    """A former process that is not what it should be."""
    door = socket.socket(socket.AF_UNIX)
    path.unlink(missing_ok=True)
    door.bind(str(path))
    door.listen()
    door.settimeout(30)

    def run() -> None:
        with door, door.accept()[0] as sock, contextlib.ExitStack() as made, contextlib.suppress(OSError):
            sock.settimeout(30)
            assert sock.recv(100) == b"_getsocks\n"
            for n, part in enumerate(parts):
                some = [made.enter_context(socket.socket()).fileno() for _ in range(descriptors * n)]
                sock.sendmsg([part], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", some))] if some else [])
                if some:
                    assert len(sock.recv(4)) == 4
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(100):
                pass

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def complaints(stage: Stage, product: Product, path: str) -> tuple[int, list[str]]:
    """Status and messages of a start with -x, without process ids."""
    with Running(product, stage.config("x"), ("-db", "-x", path)) as running:
        code = running.process.wait(60)
        lines = [re.sub(r"\(\d+\)", "(P)", line) for line in running.stderr().split("\n")]
    return code, [line for line in lines if line and not line.startswith("[NOTICE]")]


def test_a_socket_that_nobody_serves(stage: Stage) -> None:
    path = str(stage.folder / "none")
    ours = complaints(stage, pyhaproxy(), path)
    assert ours == complaints(stage, haproxy26(), path)
    assert ours[0] == 1 and len(ours[1]) == 2


@pytest.mark.parametrize("case", BAD)
def test_a_giver_that_fails(stage: Stage, case: str) -> None:
    path = stage.folder / "bad"
    thread = give(path, *BAD[case])
    with pytest.raises(handing.TakeFailure) as raised:
        handing.take(str(path))
    thread.join()
    thread = give(path, *BAD[case])
    code, said = complaints(stage, haproxy26(), str(path))
    thread.join()
    last = "[ALERT]    (P) : Failed to get the sockets from the old process!"
    assert (code, said) == (1, [f"[WARNING]  (P) : {raised.value}", last])


def test_no_socket_at_all_is_none(stage: Stage) -> None:
    thread = give(stage.folder / "bad", [b"\0\0\0\0"], 0)
    assert handing.take(str(stage.folder / "bad")) == []
    thread.join()
