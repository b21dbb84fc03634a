"""Messages, version texts, limits, privileges, handover and systemd, each by itself."""

from __future__ import annotations

import json
import os
import resource
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from haproxy_py.config.errors import Fault, Level, Where
from haproxy_py.config.keywords import process as words
from haproxy_py.config.model import Config, Global
from haproxy_py.process import about, background, limits, privileges, reexec
from haproxy_py.process.options import Options
from haproxy_py.process.output import Console
from haproxy_py.process.settings import Settings, default_workers, settings
from haproxy_py.process.supervisor import describe
from haproxy_py.process.systemd import Notifier, watchdog_period
from haproxy_py.process.types import StartError


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def console(said: list[str]) -> Console:
    return Console(write=said.append)


def test_messages_have_haproxys_form(console: Console, said: list[str]) -> None:
    console.pid = 7
    console.notice("a")
    console.warning("b")
    console.alert("c")
    assert said[0] == "[NOTICE]   (7) : a\n"
    assert said[1].startswith("[NOTICE]   (7) : haproxy version is 3.2.0-pyhaproxy")
    assert said[2].startswith("[NOTICE]   (7) : path to executable is ")
    assert said[3:] == ["[WARNING]  (7) : b\n", "[ALERT]    (7) : c\n"]


def test_quiet_says_nothing_but_remembers(said: list[str]) -> None:
    console = Console(quiet=True, write=said.append)
    console.faults([Fault(Level.WARNING, "x", Where("f", 1))])
    console.alert("y")
    assert not said and console.warned


def test_faults(console: Console, said: list[str]) -> None:
    console.preface, console.pid = False, 7
    console.faults([Fault(Level.ALERT, "wrong", Where("f.cfg", 3)), Fault(Level.NOTICE, "hm")])
    assert said == ["[ALERT]    (7) : config : parsing [f.cfg:3] : wrong\n", "[NOTICE]   (7) : config : hm\n"]
    assert not console.warned


def test_version_texts() -> None:
    assert about.version_text().startswith("HAProxy version 3.2.0-pyhaproxy-")
    text = about.build_text()
    assert "\n  TARGET  = linux-glibc\n" in text
    line = next(line for line in text.split("\n") if line.startswith("Feature list : "))
    assert "+OPENSSL" in line.split() and "+SYSTEMD" in line.split() and "-LUA" in line.split() and "-QUIC" in line.split()
    assert "Usage : " in about.usage_text()


def test_describe_a_wait_status() -> None:
    assert describe(0) == (0, "Exit")
    assert describe(1 << 8) == (1, "Exit")
    assert describe(9) == (137, "Killed")
    assert describe(15) == (143, "Terminated")


@pytest.mark.parametrize(
    ("told", "hard", "maxconn", "descriptors"),
    [
        (Settings(maxconn=1000), 4096, 1000, 2045),
        (Settings(maxconn=10, ulimit_n=5000), 4096, 10, 5000),
        (Settings(), 20045, 10000, 20045),
        (Settings(), 10, 100, 10),
        (Settings(), -1, 524265, 1048576),
        (Settings(fd_hard_limit=2045), -1, 1000, 2045),
        (Settings(ulimit_n=2045), 4096, 1000, 2045),
    ],
)
def test_maxconn_and_descriptors(told: Settings, hard: int, maxconn: int, descriptors: int) -> None:
    assert limits.plan(told, 3, 10, hard) == limits.Plan(maxconn, descriptors)


def test_an_impossible_limit(console: Console, said: list[str]) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        with pytest.raises(StartError) as wrong:
            limits.raise_descriptors(2**31, Settings(), console, "prog")
        assert wrong.value.texts == (f"[prog.main()] Cannot raise FD limit to {2**31}, limit is {hard}.",)
        limits.raise_descriptors(2**31, Settings(strict_limits=False), console, "prog")
        assert said[-1].endswith(f"Cannot raise FD limit to {2**31}, limit is {hard}.\n")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_command_line_wins() -> None:
    config = Config(Global(Where("f", 1)))
    config.globals[words.MAXCONN] = 10
    config.globals[words.PIDFILE] = "/a"
    config.globals[words.DAEMON] = True
    config.globals[words.NBTHREAD] = 3
    assert settings(config, Options()).maxconn == 10
    found = settings(config, Options(maxconn=20, pidfile="/b", foreground=True))
    assert (found.maxconn, found.pidfile, found.daemon, found.workers, found.supervised) == (20, "/b", False, 3, True)
    assert settings(config, Options(debug=True)).daemon is False
    assert settings(config, Options()).daemon is True


def test_one_process_or_many() -> None:
    config = Config(Global(Where("f", 1)))
    assert settings(config, Options()).workers == default_workers() >= 1
    config.globals[words.NBTHREAD] = 1
    assert not settings(config, Options()).supervised
    assert settings(config, Options(master=True)).supervised


def refusal_in_a_child(work: Callable[[], None]) -> str:
    """The texts of the StartError that `work` raises in a forked child; empty: it raised none."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except StartError as wrong:
            os.write(writer, "\n".join(wrong.texts).encode())
        finally:
            os._exit(0)
    os.close(writer)
    told = os.read(reader, 1000).decode()
    os.close(reader)
    os.waitpid(pid, 0)
    return told


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (Settings(chroot="/nonexistent"), "[prog.main()] Cannot chroot(/nonexistent)."),
        (Settings(gid=1), "[prog.main()] Cannot set gid 1."),
        (Settings(uid=1), "[prog.main()] Cannot set uid 1."),
    ],
)
def test_privileges_that_cannot_be_changed(told: Settings, text: str) -> None:
    def work() -> None:
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        privileges.drop(told, Console(quiet=True), "prog")

    assert refusal_in_a_child(work) == text


def test_handover_is_taken_once_and_only_by_its_owner() -> None:
    told = json.dumps({"owner": 5, "descriptors": {"inet:*:80": 7}, "workers": [{"pid": 9, "reloads": 2}]})
    env = {reexec.VARIABLE: told}
    found = reexec.take(env, 5)
    assert found and found.descriptors == {"inet:*:80": 7} and found.workers == [reexec.Former(9, 2)]
    assert env == {} and reexec.take(env, 5) is None
    assert reexec.take({reexec.VARIABLE: told}, 6) is None


@pytest.mark.parametrize("raw", ["", "x", "[]", "{}", '{"owner":5,"descriptors":[],"workers":1}', "null"])
def test_a_damaged_handover_is_no_handover(raw: str) -> None:
    assert reexec.take({reexec.VARIABLE: raw}, 5) is None


def test_systemd_datagrams(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "n"))
        manager.settimeout(20)
        Notifier(str(tmp_path / "n")).ready("Fine.")
        assert manager.recv(200) == b"READY=1\nMAINPID=%d\nSTATUS=Fine." % os.getpid()
    Notifier(str(tmp_path / "n")).stopping()
    Notifier(None).stopping()


def test_systemd_abstract_socket() -> None:
    name = f"pyhaproxy-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name)
        manager.settimeout(20)
        Notifier("@" + name).stopping()
        assert manager.recv(200) == b"STOPPING=1"


def test_pid_files(tmp_path: Path) -> None:
    told = Settings(pidfile=str(tmp_path / "pid"), daemon=True)
    background.write_pid(background.open_pidfile(told, "prog"))
    assert (tmp_path / "pid").read_bytes() == b"%d\n" % os.getpid()
    assert background.open_pidfile(Settings(pidfile="/x"), "prog") == -1
    with pytest.raises(StartError, match="Cannot create pidfile /nonexistent/x"):
        background.open_pidfile(Settings(pidfile="/nonexistent/x", master=True), "prog")


def test_signals_to_the_dead_are_no_fault() -> None:
    background.signal_all([2**22 + 1, 1], 0)


def test_unused_descriptors_are_closed() -> None:
    reader, writer = os.pipe()
    background.close_unused({"a": reader, "b": writer}, {"x": writer})
    with pytest.raises(OSError):
        os.fstat(reader)
    os.close(writer)


@pytest.mark.parametrize(
    ("given", "period"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "x"}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
    ],
)
def test_watchdog_period(given: dict[str, str], period: float | None) -> None:
    assert watchdog_period(given, 7) == period
