"""Clients of the runtime socket: public ones unchanged, and those that mean no good. Traffic never waits for either."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Iterator

import pytest
from haproxyadmin import haproxy

from tests.harness.runtime_client import ask, connect
from tests.scenarios.runtime.stage import Stage, stage, until


@pytest.fixture(scope="module")
def on() -> Iterator[Stage]:
    with stage(workers=1, timeout="1s", maxconn=10) as made:
        yield made


def resident_kb(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as numbers:
        return int(numbers.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def flows(on: Stage) -> None:
    """Traffic flows."""
    assert on.get() == 200


@pytest.mark.skipif(not shutil.which("socat"), reason="socat is not installed")
def test_socat(on: Stage) -> None:
    done = subprocess.run(
        ["socat", "stdio", f"unix-connect:{on.admin}"], input=b"show version;get weight b/s1\n", capture_output=True, timeout=10
    )
    assert done.stdout == b"3.2.0\n\n1 (initial 1)\n\n"


def test_haproxyadmin(on: Stage) -> None:
    """A public client library, unchanged."""
    admin = haproxy.HAProxy(socket_file=str(on.admin))
    assert admin.version == "3.2.0"
    assert [front.name for front in admin.frontends()] == ["f"]
    server = admin.server("s1", backend="b")[0]
    assert server.setweight(7)
    assert on.ask("get weight b/s1") == "7 (initial 1)\n"
    server.setstate("disable")
    assert server.status == "MAINT"
    server.setstate("enable")
    assert server.setweight(1)
    assert admin.frontend("f").setmaxconn(123)
    assert admin.frontend("f").maxconn == 123
    assert admin.clearcounters()
    assert int(admin.uptimesec) >= 0


def test_haproxyadmin_sees_one_program() -> None:
    """Two workers, whose numbers the library takes for those of one process."""
    with stage(workers=2) as two:
        assert [two.get() for _ in range(6)] == [200] * 6
        until(lambda: two.stat("scur", "f", "FRONTEND") == "0", "the end of all")
        admin = haproxy.HAProxy(socket_file=str(two.admin))
        front, back = admin.frontend("f"), admin.backends("b")[0]
        assert [front.metric(name) for name in ("scur", "stot", "req_tot", "hrsp_2xx")] == [0, 6, 6, 6]
        assert (back.status, back.requests, [server.name for server in back.servers()]) == ("UP", 6, ["s1", "s2"])
        server = back.server("s1")
        assert (server.requests, server.weight, server.address) == (6, "1", "127.0.0.1")
        for word, shown in (("drain", "DRAIN"), ("ready", "no check"), ("maint", "MAINT"), ("ready", "no check")):
            assert server.setstate(word) and server.status == shown
        assert front.disable() and front.status == "PAUSED" and front.enable() and front.status == "OPEN"
        assert admin.setmaxconn(500) and admin.maxconn == 500
        assert admin.clearcounters(True) and front.metric("stot") == 0


def test_every_cut_of_a_payload(on: Stage) -> None:
    sent = b"get weight b/s1 <<END\nx;y\n\nz\nEND\n"
    for at in range(1, len(sent)):
        with connect(on.admin) as sock:
            sock.sendall(sent[:at])
            time.sleep(0.002)
            sock.sendall(sent[at:])
            assert sock.recv(100) == b"1 (initial 1)\n\n"
            assert sock.recv(100) == b""


def test_a_megabyte_of_payload_is_refused(on: Stage) -> None:
    before = resident_kb(on.running.pid)
    for _ in range(3):
        with connect(on.admin) as sock, contextlib.suppress(OSError):
            sock.sendall(b"add map x <<\n" + b"k v\n" * 250000)
            assert sock.recv(1000).startswith(b"The command is too big for the buffer size.")
    flows(on)
    assert resident_kb(on.running.pid) - before < 4096


def greedy(on: Stage) -> list[socket.socket]:
    """Clients who ask for much and never read."""
    clients = [connect(on.admin) for _ in range(5)]
    for sock in clients:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            sock.sendall(b"prompt\n" + b"show stat;show info;help;" * 600 + b"\n")
    return clients


def is_cut_off(sock: socket.socket) -> bool:
    """The other side has left; what it has sent is not looked at."""
    poll = select.poll()
    poll.register(sock, select.POLLHUP)
    return bool(poll.poll(0))


def test_a_client_that_never_reads_holds_up_nobody() -> None:
    """Its stats timeout is longer than anybody here waits."""
    with stage(workers=1, timeout="10m") as on:
        before = resident_kb(on.running.pid)
        clients = greedy(on)
        flows(on)
        assert on.ask("show version") == "3.2.0\n"
        assert resident_kb(on.running.pid) - before < 8192
        assert not any(map(is_cut_off, clients))
        for sock in clients:
            sock.close()


def test_a_client_that_never_reads_is_cut_off(on: Stage) -> None:
    clients = greedy(on)
    until(lambda: all(map(is_cut_off, clients)), "the end of all greedy clients")
    flows(on)
    for sock in clients:
        sock.close()


def test_a_thousand_half_open_clients(on: Stage) -> None:
    """stats maxconn are taken, the others wait in the kernel's queue or are turned away by it; nothing grows."""
    before = resident_kb(on.running.pid)
    held: list[socket.socket] = []
    for _ in range(1000):
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        try:
            sock.connect(str(on.admin))
        except BlockingIOError:
            sock.close()
            continue
        with contextlib.suppress(OSError):
            sock.sendall(b"show")
        held.append(sock)
    for _ in range(5):
        flows(on)
    assert resident_kb(on.running.pid) - before < 4096
    for sock in held:
        sock.close()
    until(lambda: on.ask("show version") == "3.2.0\n", "the socket is free again")


def test_levels_modes_and_owners_of_the_file() -> None:
    more = "global\n  stats socket {0} mode 600 level operator\n"
    with stage(workers=1) as on, stage(workers=1, more=more.format(on.folder / "other")):
        other = on.folder / "other"
        assert stat.S_IMODE(other.stat().st_mode) == 0o600
        assert ask(other, "show cli level") == b"operator\n\n"
        assert ask(on.folder / "user", "show cli level") == b"user\n\n"
