"""The master (-W): messages, reload in place, and what a reload must never break."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.scenarios.process.fakeproxy import FakeProxy, children, free_port, until

Start = Callable[..., FakeProxy]


def reloaded(proxy: FakeProxy, times: int = 1, word: str = "Loading success.") -> None:
    """SIGUSR2, then wait for its outcome."""
    proxy.kill(signal.SIGUSR2)
    until(lambda: proxy.said().count(word) >= times, f"{word} {times} times; said: {proxy.said()}")


def test_start_and_stop_messages(fake: Start) -> None:
    proxy = fake("-W", workers=1).serving()
    worker = children(proxy.pid)
    assert len(worker) == 1, "one worker under the master, also with nbthread 1"
    assert f"[NOTICE]   ({proxy.pid}) : New worker ({worker[0]}) forked\n" in proxy.said()
    until(lambda: f"[NOTICE]   ({proxy.pid}) : Loading success.\n" in proxy.said(), "success")
    proxy.kill(signal.SIGTERM)
    assert proxy.ended() == 0
    assert f"[WARNING]  ({proxy.pid}) : Exiting Master process...\n" in proxy.said()
    assert f"[ALERT]    ({proxy.pid}) : Current worker ({worker[0]}) exited with code 143 (Terminated)\n" in proxy.said()
    assert f"[WARNING]  ({proxy.pid}) : All workers exited. Exiting... (0)\n" in proxy.said()


def test_soft_stop_of_a_master(fake: Start) -> None:
    proxy = fake("-W").serving()
    proxy.kill(signal.SIGUSR1)
    assert proxy.ended() == 0
    assert proxy.said().count("exited with code 0 (Exit)") == 2


@pytest.mark.parametrize("signum", [signal.SIGUSR2, signal.SIGHUP])
def test_reload_keeps_pid_and_runs_the_new_configuration(fake: Start, signum: int) -> None:
    proxy = fake("-W").serving()
    old = children(proxy.pid)
    proxy.configure("two")
    proxy.kill(signum)
    proxy.serving("two")
    until(lambda: len(children(proxy.pid)) == 2 and not set(children(proxy.pid)) & set(old), "old workers leave")
    assert "Reloading HAProxy" in proxy.said()
    for pid in old:
        until(lambda pid=pid: f"Former worker ({pid}) exited with code 0 (Exit)" in proxy.said(), "its end is told")  # type: ignore[misc]


def test_reload_lets_old_connections_finish(fake: Start) -> None:
    proxy = fake("-W").serving()
    held = proxy.connect(b"hold")
    owner = int(held.recv(100).split()[0])
    proxy.configure("two")
    reloaded(proxy, 2)
    proxy.serving("two")
    assert owner in children(proxy.pid), "it serves its connection"
    held.sendall(b"still there")
    held.close()
    until(lambda: owner not in children(proxy.pid), "it leaves behind its last connection")


def test_the_listening_socket_survives(fake: Start) -> None:
    """A connection that waits in the accept queue over the reload is answered by the new workers."""
    proxy = fake("-W").serving()
    for pid in children(proxy.pid):
        os.kill(pid, signal.SIGTTOU)
    waiting = socket.create_connection(("127.0.0.1", proxy.port), 20)
    proxy.configure("two")
    reloaded(proxy, 2)
    waiting.sendall(b"x")
    assert waiting.recv(100).split()[1] in (b"one", b"two")
    waiting.close()


def sockets_of(pid: int) -> int:
    """How many sockets a process has open."""
    return sum("socket:" in os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))


def test_many_reloads_lose_no_connection(fake: Start) -> None:
    proxy = fake("-W").serving()
    before = sockets_of(proxy.pid)
    for number in range(2, 7):
        proxy.configure(f"c{number}")
        proxy.kill(signal.SIGUSR2)
        while proxy.ask()[1] != f"c{number}":
            assert proxy.process.poll() is None
    until(lambda: len(children(proxy.pid)) == 2, "only the newest workers are left")
    until(lambda: sockets_of(proxy.pid) == before, "nothing of the former configurations is left open")


def test_a_bad_configuration_leaves_the_old_one_serving(fake: Start) -> None:
    proxy = fake("-W").serving()
    old = children(proxy.pid)
    proxy.configure("two", more="  nonsense\n")
    reloaded(proxy, 1, "Loading failure!")
    assert f"[ALERT]    ({proxy.pid}) : config : parsing [{proxy.config}:12] : unknown keyword 'nonsense'" in proxy.said()
    assert children(proxy.pid) == old and proxy.answers("one")
    os.kill(old[0], signal.SIGKILL)
    until(lambda: len(set(children(proxy.pid)) - set(old)) == 1, "dead workers are still replaced")
    proxy.configure("three")
    proxy.kill(signal.SIGUSR2)
    proxy.serving("three")


def test_what_cannot_be_built_leaves_the_old_one_serving(fake: Start) -> None:
    proxy = fake("-W").serving()
    proxy.configure("unbuildable")
    reloaded(proxy, 1, "Loading failure!")
    assert "config : no such certificate" in proxy.said()
    assert proxy.answers("one")


@pytest.mark.parametrize("fault", ["bind", "start"])
def test_failures_behind_the_exec_leave_the_old_workers_serving(fake: Start, fault: str) -> None:
    """An address in use, or workers that cannot start: the former workers go on, and the next reload works."""
    proxy = fake("-W").serving()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        if fault == "bind":
            proxy.configure("two", address=f"127.0.0.1:{taken.getsockname()[1]}")
        else:
            proxy.configure("die-at-start")
        reloaded(proxy, 1, "Loading failure!")
        assert ("Address already in use" if fault == "bind" else "told to die") in proxy.said()
        assert proxy.answers("one")
        proxy.configure("three")
        proxy.kill(signal.SIGUSR2)
        proxy.serving("three")
    proxy.kill(signal.SIGTERM)
    assert proxy.ended() == 0


def test_an_address_that_is_no_longer_wanted_is_closed(fake: Start) -> None:
    proxy = fake("-W").serving()
    before, proxy.port = proxy.port, free_port()
    proxy.configure("two")
    proxy.kill(signal.SIGUSR2)
    proxy.serving("two")

    def refused() -> bool:
        try:
            socket.create_connection(("127.0.0.1", before), 20).close()
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:
            return False  # it came in while the socket was closed
        return False

    until(refused, "the old port is closed")


def test_systemd_is_told(fake: Start, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path_factory.mktemp("s") / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        proxy = fake("-Ws").serving()
        assert manager.recv(500).split(b"\n") == [b"READY=1", b"MAINPID=%d" % proxy.pid, b"STATUS=Ready."]
        proxy.kill(signal.SIGUSR2)
        assert manager.recv(500).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert manager.recv(500).startswith(b"READY=1\n")
        proxy.kill(signal.SIGTERM)
        assert manager.recv(500) == b"STOPPING=1"
        assert proxy.ended() == 0


@pytest.fixture
def manager(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """What systemd listens on for a service that has to give a sign of life every 100 ms."""
    path = tmp_path_factory.mktemp("s") / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(path))
        sock.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        monkeypatch.setenv("WATCHDOG_USEC", "100000")
        yield sock


def told(manager: socket.socket) -> bytes:
    """The next thing that is no sign of life."""
    while (said := manager.recv(500)) == b"WATCHDOG=1":
        pass
    return said


def test_systemd_gets_signs_of_life(fake: Start, manager: socket.socket) -> None:
    proxy = fake("-Ws").serving()
    assert told(manager).startswith(b"READY=1\n")
    assert [manager.recv(500) for _ in range(3)] == [b"WATCHDOG=1"] * 3
    proxy.kill(signal.SIGTERM)
    assert told(manager) == b"STOPPING=1"
    assert proxy.ended() == 0


def test_systemd_gets_signs_of_life_while_a_configuration_is_tried(fake: Start, manager: socket.socket, tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    os.mkfifo(slow)
    proxy = fake("-Ws").serving()
    assert told(manager).startswith(b"READY=1\n")
    proxy.configure(f"first {slow}")
    proxy.kill(signal.SIGUSR2)
    assert told(manager).startswith(b"RELOADING=1\n")
    assert [manager.recv(500) for _ in range(5)] == [b"WATCHDOG=1"] * 5, "while the child opens the file"
    slow.write_bytes(b"")
    assert told(manager).startswith(b"READY=1\n")
