"""Starting: background, pid files, older processes, privileges, limits, and every way in which it can fail."""

from __future__ import annotations

import os
import resource
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scenarios.process.fakeproxy import FakeProxy, alive, children, stat, until

Start = Callable[..., FakeProxy]


@pytest.mark.parametrize(("flags", "workers"), [(["-D"], 1), (["-D", "-db"], 2), (["-D", "-W"], 1), (["-d", "-W", "-D"], 2)])
def test_daemon(fake: Start, tmp_path: Path, flags: list[str], workers: int) -> None:
    pidfile = tmp_path / "pid"
    proxy = fake(*flags, "-p", str(pidfile), workers=workers)
    assert proxy.ended() == 0, proxy.said()
    pid = int(pidfile.read_text())
    family = [pid, *children(pid)]
    try:
        assert pidfile.read_bytes() == b"%d\n" % pid
        assert proxy.answers(), "it serves when the command returns"
        assert stat(pid)[3] == str(pid), "a session of its own"
        for member in family:
            assert [os.readlink(f"/proc/{member}/fd/{fd}") for fd in (0, 1, 2)] == ["/dev/null"] * 3
        os.kill(pid, signal.SIGTERM)
        until(lambda: not any(alive(member) for member in family), "its end")
    finally:
        for member in family:
            if alive(member):
                os.kill(member, signal.SIGKILL)


def test_a_daemon_that_cannot_start_says_so(fake: Start) -> None:
    for answer in ("die-at-start", "unbuildable"):
        assert fake("-D", answer=answer).ended() == 1


def test_foreground_flags_win_over_daemon(fake: Start, tmp_path: Path) -> None:
    proxy = fake("-db", extra=f"  daemon\n  pidfile {tmp_path}/pid").serving()
    assert proxy.process.poll() is None
    assert not (tmp_path / "pid").exists(), "only a daemon or a master writes it"


def test_a_master_in_the_foreground_writes_its_pid(fake: Start, tmp_path: Path) -> None:
    proxy = fake("-W", "-p", str(tmp_path / "pid")).serving()
    assert (tmp_path / "pid").read_text() == f"{proxy.pid}\n"


def test_address_in_use(fake: Start) -> None:
    first = fake().serving()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        proxy = fake(extra=f"frontend g\n  bind 127.0.0.1:{port}")
        assert proxy.ended() == 1
    assert f" for frontend g: cannot bind socket (Address already in use) for [127.0.0.1:{port}]\n" in proxy.said()
    assert ".main()] Some protocols failed to start their listeners! Exiting.\n" in proxy.said()
    assert first.answers()


@pytest.mark.parametrize("flag", ["-sf", "-st"])
def test_older_processes_are_dismissed(fake: Start, flag: str) -> None:
    old = fake().serving()
    new = fake(flag, str(old.pid), str(2**22 + 1), answer="two").serving("two")
    assert old.ended() == (0 if flag == "-sf" else -signal.SIGTERM)
    assert new.answers("two")


def test_a_new_process_takes_the_port_of_an_older_one(fake: Start) -> None:
    old = fake().serving()
    new = fake("-sf", str(old.pid), answer="two", port=old.port)
    assert old.ended() == 0
    assert new.serving("two").answers("two")
    assert "Address already in use" not in new.said()


def test_a_failing_start_leaves_older_processes_alone(fake: Start) -> None:
    old = fake().serving()
    assert fake("-sf", str(old.pid), answer="die-at-start").ended() == 1
    assert old.answers()


@pytest.mark.parametrize(
    ("extra", "text"),
    [
        ("  user nosuchuser", "cannot find user id for 'nosuchuser' (0:Success)"),
        ("  chroot /nonexistent", ".main()] Cannot chroot(/nonexistent)."),
        ("  maxconn 2000000000", ".main()] Cannot raise FD limit to "),
        ("  daemon\n  pidfile /nonexistent/pid", ".main()] Cannot create pidfile /nonexistent/pid"),
        ("  zero-warning\n  ulimit-n 10000\n  ulimit-n 10000", "Some warnings were found and 'zero-warning' is set. Aborting."),
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_refusals(fake: Start, extra: str, text: str, workers: int) -> None:
    proxy = fake(extra=extra, workers=workers)
    assert proxy.ended() == 1
    assert text in proxy.said()
    assert "Traceback" not in proxy.said()


def test_limits_without_strictness(fake: Start) -> None:
    proxy = fake(extra="  maxconn 2000000000\n  no strict-limits").serving()
    assert "[WARNING]" in proxy.said() and "Cannot raise FD limit to" in proxy.said()


def test_descriptors_are_raised(fake: Start) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    proxy = fake(extra="  maxconn 3000", workers=1).serving()
    soft, _ = resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE)
    assert soft >= 6000 or soft == before[1]


needs_root = pytest.mark.parametrize("workers", [1, 2] if os.getuid() == 0 else [])


@needs_root
@pytest.mark.parametrize("flags", [[], ["-W"]])
def test_privileges_are_dropped(fake: Start, tmp_path: Path, workers: int, flags: list[str]) -> None:
    """Without a master every process gives them up, under a master the workers do; death signals survive it."""
    jail = tmp_path / "jail"
    jail.mkdir()
    proxy = fake(*flags, workers=workers, extra=f"  uid 65534\n  gid 65534\n  chroot {jail}").serving()
    until(lambda: len(children(proxy.pid)) == (workers if flags or workers > 1 else 0), "all workers")
    dropped = children(proxy.pid) if flags else [proxy.pid, *children(proxy.pid)]
    for pid in dropped:
        until(lambda pid=pid: "Uid:\t65534" in Path(f"/proc/{pid}/status").read_text(), "it has started")  # type: ignore[misc]
        status = Path(f"/proc/{pid}/status").read_text()
        assert "Uid:\t65534\t65534\t65534\t65534" in status and "Gid:\t65534\t65534\t65534\t65534" in status
        assert "Groups:\t \n" in status or "Groups:\t\n" in status
        assert os.readlink(f"/proc/{pid}/root") == str(jail)
    mine = children(proxy.pid)
    proxy.kill(signal.SIGKILL)
    until(lambda: not any(alive(pid) for pid in mine), "workers end with their supervisor")
