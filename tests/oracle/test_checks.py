"""The same servers with the same troubles, checked by the real haproxy and by ours: the same lines, but for durations."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import struct
from collections.abc import Callable

import pytest

from tests.harness.checks import Bench
from tests.harness.ports import Reservation
from tests.harness.products import haproxy26
from tests.harness.syslog import Syslog

CI = os.environ.get("CI") == "true"
STEP_SECONDS = 20.0
PATIENCE = "1s"
PATIENT = ("http, every check", "script in parts")  # those whose servers are silent for once
SETTLED = 10  # connections: a server that has passed a few checks falls after `fall` failures, a new one after the first
ANSWERS = {
    "ok": b"HTTP/1.1 200 Fine\r\ncontent-length: 2\r\n\r\nok",
    "bad": b"HTTP/1.1 200 Fine\r\ncontent-length: 3\r\n\r\nbad",
    "404": b"HTTP/1.1 404 Gone\r\ncontent-length: 0\r\n\r\n",
    "500": b"HTTP/1.1 500 No Luck\r\ncontent-length: 0\r\n\r\n",
    "garbage": b"what is it that you want?\r\n\r\n",
    "nothing": b"",
    "half": b"HTTP/1.1 200 Fine\r\nfoo: b",
}
HTTP_STEPS = ["500", "ok", "404", "ok", "garbage", "ok", "nothing", "ok", "half", "ok", "silent", "ok", "reset", "ok", "refuse", "ok"]
CONFIGS = {
    "http": (" option httpchk GET /health", HTTP_STEPS),
    "http, every check": (" option httpchk\n option log-health-checks", HTTP_STEPS),
    "disable-on-404": (" option httpchk\n http-check disable-on-404", ["404", "ok", "404", "500", "ok"]),
    "disable-on-404, every check": (
        " option httpchk\n http-check disable-on-404\n option log-health-checks", ["404", "ok", "404", "500", "ok"]),
    "expect string": (" option httpchk\n http-check expect string ok comment hello", ["bad", "ok", "404", "ok"]),
    "expect not string": (" option httpchk\n http-check expect ! string bad", ["bad", "ok"]),
    "expect regex": (" option httpchk\n http-check expect rstring ^o.$", ["bad", "ok"]),
    "expect rstatus": (" option httpchk\n http-check expect ! rstatus ^[45]", ["500", "ok", "404", "ok"]),
    "expect field": (" option httpchk\n http-check expect hdr name content-length value 2", ["bad", "ok"]),
    "script": (
        " option tcp-check\n tcp-check send GET\\ /\\ HTTP/1.0\\r\\n\\r\\n\n tcp-check expect string ok", ["bad", "ok", "nothing", "ok", "silent", "ok", "reset", "ok", "refuse", "ok"]),
    "script in parts": (
        (" option tcp-check\n tcp-check connect\n tcp-check comment first\n tcp-check send-binary 500d0a0d0a\n"
        " tcp-check expect rstring ^HTTP comment mine\n tcp-check expect ! binary 626164\n tcp-check connect\n"
        " tcp-check send x\\r\\n\\r\\n\n tcp-check expect rstring o.$"), ["garbage", "ok", "nothing", "ok", "silent", "ok", "reset", "ok", "refuse", "ok"]),
    "script without words": (" option tcp-check", ["refuse", "ok"]),
    "script of a connect": (" option tcp-check\n tcp-check connect", ["refuse", "ok"]),
    "script that only speaks": (" option tcp-check\n option log-health-checks\n tcp-check send x", ["refuse", "ok"]),
    "connect": ("", ["refuse", "ok"]),
    "connect, every check": (" option log-health-checks", ["refuse", "ok"]),
}  # fmt: skip
SERVERS = " server s 127.0.0.1:{port} check inter 30ms rise 2 fall 3{more}\n server t 127.0.0.1:{port}{spare}\n"
MASK = re.compile(r"check duration: \d+ms")
pytestmark = pytest.mark.timeout(90)


class Patient:
    """A server whose trouble can be changed. mode: a key of ANSWERS, silent, reset or refuse. seen: connections so far."""

    def __init__(self) -> None:
        self.mode = "ok"
        self.seen = 0
        self.ports = Reservation()
        self.port = self.ports.take()
        self.server: asyncio.Server | None = None

    async def set(self, mode: str) -> None:
        self.mode = mode
        if mode == "refuse" and self.server is not None:
            self.server.close()
            self.server = None
        elif mode != "refuse" and self.server is None:
            self.server = await asyncio.start_server(self.answer, "127.0.0.1", self.port, reuse_address=True, reuse_port=True)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.seen += 1
        try:
            if not await reader.readuntil(b"\r\n\r\n"):
                return
            if self.mode == "silent":
                await reader.read()
            elif self.mode == "reset":
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                writer.write(ANSWERS[self.mode])
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the checker has seen enough
        finally:
            writer.close()

    def close(self) -> None:
        if self.server is not None:
            self.server.close()
        self.ports.release()


async def until(condition: Callable[[], bool], what: str) -> None:
    """Poll, with a deadline that is a fault of the test when it is reached."""
    end = asyncio.get_running_loop().time() + STEP_SECONDS
    while not condition():
        assert asyncio.get_running_loop().time() < end, f"waited in vain for {what}"
        await asyncio.sleep(0.002)


async def drive(patient: Patient, steps: list[str], verbose: bool, lines: Callable[[], list[str]]) -> list[str]:
    """Go through the steps; each of them changes the server's state, which is waited for. Returns every line, masked.

    Checks have passed before the first step: the one that is under way when the trouble begins decides nothing then.
    (Mere connects are reset before the server sees them, and have no middle.)

    verbose: every check is logged, so the first one is too.
    """
    if verbose:
        await until(lambda: bool(lines()), "the first check")
    if set(steps) - {"refuse", "ok"}:
        await until(lambda: patient.seen >= SETTLED, "the first checks")
    for step in steps:
        changes = sum(is_change(line) for line in lines())
        await patient.set(step)
        await until(lambda seen=changes: sum(map(is_change, lines())) > seen, f"a change after {step}")  # type: ignore[misc]
    return [MASK.sub("check duration: Nms", line) for line in lines()]


def is_change(line: str) -> bool:
    return re.search(r"Server b/s is", line) is not None


def configuration(text: str, patient: Patient, spare: str) -> str:
    """Limits so long that a loaded machine changes no verdict; only a silent server lets them run out."""
    return f"backend b\n timeout connect 20s\n timeout check {PATIENCE}\n{text}\n" + SERVERS.format(port=patient.port, more="", spare=spare)


async def by_haproxy(text: str, steps: list[str], spare: str) -> list[str]:
    """What the oracle logs, as "<severity> text"."""
    patient, syslog = Patient(), await Syslog().open()
    front = patient.ports.take()
    await patient.set("ok")
    head = f"global\n log 127.0.0.1:{syslog.port} local0\n" + TIMEOUTS + f"frontend f\n bind 127.0.0.1:{front}\n default_backend b\n"
    running = await asyncio.to_thread(haproxy26().start, head + configuration(text, patient, spare), [front])
    try:
        return await drive(patient, steps, "log-health-checks" in text, lambda: [severity(line) for line in syslog.lines])
    finally:
        await asyncio.to_thread(running.stop)
        syslog.close()
        patient.close()


def severity(line: bytes) -> str:
    found = re.match(rb"<(\d+)>.*?\]: (.*)\n", line, re.DOTALL)
    assert found is not None
    return f"<{int(found[1]) % 8}> {found[2].decode()}"


async def by_ours(text: str, steps: list[str], spare: str) -> list[str]:
    """What our checker logs."""
    patient = Patient()
    await patient.set("ok")
    bench = Bench(configuration(text, patient, spare))
    bench.start()
    try:
        return await drive(patient, steps, "log-health-checks" in text, lambda: [f"<{level}> {line}" for level, line in bench.logged])
    finally:
        bench.stop()
        patient.close()


TIMEOUTS = (
    "defaults\n mode http\n log global\n timeout connect 20s\n timeout client 20s\n timeout server 20s\n"
)


@pytest.mark.parametrize("spare", ["", " backup"])
@pytest.mark.parametrize("name", list(CONFIGS))
def test_the_same_lines(name: str, spare: str) -> None:
    oracle = haproxy26()
    if oracle.missing:
        pytest.fail(oracle.missing) if CI else pytest.skip(oracle.missing)
    text, steps = CONFIGS[name]
    if spare or name not in PATIENT:  # three seconds each
        steps = [step for at, step in enumerate(steps) if step != "silent" and steps[max(0, at - 1)] != "silent"]

    async def both() -> tuple[list[str], list[str]]:
        theirs, ours = await asyncio.gather(by_haproxy(text, steps, spare), by_ours(text, steps, spare))
        return theirs, ours

    theirs, ours = asyncio.run(both())
    assert ours == theirs
