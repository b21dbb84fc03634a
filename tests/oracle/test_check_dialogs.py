"""Every kind of check against the same scripted servers, by the real haproxy and by ours: what is sent, and how it is judged.

One process of each product checks them all; `option log-health-checks` tells every first finding.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Callable

import pytest

from haproxy_py import features
from tests.harness.checks import Bench
from tests.harness.ports import Reservation
from tests.harness.products import haproxy26, lacking_oracle
from tests.harness.syslog import Syslog
from tests.oracle.check_dialogs import DIALOGS, HOLD, PAUSE, RESET, WAIT, Dialog

FIRST = re.compile(r"Health check for server (b\d+)/s (\w+), reason: (.*), check duration: \d+ms, status: (.*)\.$")
HELLO_TIME = slice(11, 15)  # of an SSLv3 hello
WAIT_SECONDS = 20.0
GONE_SECONDS = 2.0
HEAD = "defaults\n mode {mode}\n{log} timeout connect 3s\n timeout check 3s\n timeout client 1s\n timeout server 1s\n option log-health-checks\n"
EMPTY = ("failed", "Layer7 wrong status, code: 0", "0/1 DOWN")
# What newer ones than the packaged 2.6 say (seen with 2.8), which are followed.
NEWER = {
    "option redis-check / end": EMPTY,
    "option smtpchk / no goodbye": EMPTY,
    "option smtpchk / end": ("failed", "Layer7 invalid response", "0/1 DOWN"),
    "option pgsql-check user hap / end": ("failed", 'Layer7 wrong status, code: 0, info: "PostgreSQL unknown error"', "0/1 DOWN"),
    "option ldap-check / end": ("failed", 'Layer7 invalid response, info: "Not LDAPv3 protocol"', "0/1 DOWN"),
    "option tcp-check\n tcp-check expect ! string foo / end": ("succeeded", 'Layer7 check passed, code: 0, info: "(tcp-check)"', "1/1 UP"),
    "option tcp-check\n tcp-check expect string foo comment cc on-error bad:%[res.payload(0,0)] status-code int(7) / end": (
        "failed", 'Layer7 invalid response, info: "bad: comment: cc"', "0/1 DOWN"),
    "option tcp-check\n tcp-check expect binary 4f6a comment hey / silence": (
        "failed", "Layer7 timeout, info: \" at step 1 of tcp-check (expect binary '4F6A') comment: 'hey'\"", "0/1 DOWN"),
}  # fmt: skip
pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())


class Actor:
    """One scripted server. said: what its first visitor sent."""

    def __init__(self, dialog: Dialog) -> None:
        self.dialog = dialog
        self.said: bytes | None = None
        self.server: asyncio.Server | None = None

    async def open(self) -> int:
        self.server = await asyncio.start_server(self.play, "127.0.0.1", 0)
        return int(self.server.sockets[0].getsockname()[1])

    async def play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = bytearray()
        try:
            for act in self.dialog.acts:
                if isinstance(act, bytes):
                    writer.write(act)
                elif act == WAIT:
                    heard += await reader.read(65536)
                elif act == PAUSE:
                    await asyncio.sleep(0.05)
                elif act == RESET:
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                elif act == HOLD:
                    while more := await reader.read(65536):
                        heard += more
        except (OSError, asyncio.CancelledError):
            pass  # the visitor has gone
        finally:
            self.said = self.said or bytes(heard)  # a visit that is reset may lose its words to the reader
            writer.close()


def backends(ports: list[int]) -> str:
    """One backend a dialog."""
    return "".join(
        f"backend b{i}\n mode {'http' if 'httpchk' in dialog.lines else 'tcp'}\n{dialog.lines}\n server s 127.0.0.1:{port} check inter 1s rise 1 fall 1\n"
        for i, (dialog, port) in enumerate(zip(DIALOGS.values(), ports, strict=True))
    )


def found(lines: list[str]) -> dict[str, tuple[str, str, str]]:
    """The first finding of every backend: (outcome, reason, status)."""
    told: dict[str, tuple[str, str, str]] = {}
    for line in lines:
        match = FIRST.search(line)
        if match is not None:
            told.setdefault(match[1], (match[2], match[3], match[4]))
    return told


async def until_all(lines: Callable[[], list[str]]) -> dict[str, tuple[str, str, str]]:
    end = asyncio.get_running_loop().time() + WAIT_SECONDS
    while len(told := found(lines())) < len(DIALOGS) and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.02)
    return told


async def by_haproxy(ports: list[int]) -> dict[str, tuple[str, str, str]]:
    held, syslog = Reservation(), await Syslog().open()
    front = held.take()
    head = f"global\n log 127.0.0.1:{syslog.port} local0\n" + HEAD.format(mode="tcp", log=" log global\n")
    text = head + f"frontend f\n bind 127.0.0.1:{front}\n default_backend b0\n" + backends(ports)
    running = await asyncio.to_thread(haproxy26().start, text, [front])
    try:
        return await until_all(lambda: [line.decode("latin-1").rstrip("\n") for line in syslog.lines])
    finally:
        await asyncio.to_thread(running.stop)
        syslog.close()
        held.release()


async def by_ours(ports: list[int]) -> dict[str, tuple[str, str, str]]:
    features.load()
    bench = Bench(HEAD.format(mode="tcp", log="") + backends(ports))
    bench.start()
    try:
        return await until_all(lambda: [text for _, text in bench.logged])
    finally:
        bench.stop()


Told = dict[str, tuple[tuple[str, str, str] | None, bytes]]


async def observe(product: Callable[[list[int]], object]) -> Told:
    """Finding and bytes sent, by dialog."""
    actors = [Actor(dialog) for dialog in DIALOGS.values()]
    ports = [await actor.open() for actor in actors]
    told = await product(ports)  # type: ignore[misc]
    for actor in actors:
        assert actor.server is not None
        actor.server.close()
    end = asyncio.get_running_loop().time() + GONE_SECONDS
    while any(actor.said is None for actor in actors) and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.01)  # until each has noticed that a visitor has gone; one that only connects may never be seen
    return {name: (told.get(f"b{i}"), masked(name, actors[i].said)) for i, name in enumerate(DIALOGS)}


def masked(name: str, said: bytes | None) -> bytes:
    """An SSLv3 hello without its time."""
    if said and "ssl-hello" in name:
        changing = bytearray(said)
        changing[HELLO_TIME] = b"time"
        return bytes(changing)
    return said or b""


@pytest.fixture(scope="module")
def told() -> tuple[Told, Told]:
    """(by haproxy, by ours)."""

    async def both() -> tuple[Told, Told]:
        theirs, ours = await asyncio.gather(observe(by_haproxy), observe(by_ours))
        return theirs, ours

    return asyncio.run(both())


@pytest.mark.parametrize("name", list(DIALOGS))
def test_the_same_finding_and_the_same_words(name: str, told: tuple[Told, Told]) -> None:
    theirs, ours = told
    assert ours[name][0] is not None and theirs[name][0] is not None
    if name in NEWER:
        theirs = {name: (NEWER[name], theirs[name][1])}
    assert ours[name] == theirs[name]
