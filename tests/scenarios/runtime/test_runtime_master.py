"""The master's socket (-S): processes, reloads, and the workers behind it."""

from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path

from tests.harness.runtime_client import ask_master, talk
from tests.scenarios.runtime.stage import Stage, stage, until

FLAGS = ("-W", "-db", "-S", "{folder}/master,mode,600")
ROW = re.compile(r"(\d+) +(master|worker) +(\d+)(?: \[failed: (\d+)\])? +\dd\d\dh\d\dm\d\ds +3\.2\.0 +")


def master(on: Stage, command: str) -> str:
    """One line; the client's end says that no more comes."""
    return ask_master(on.folder / "master", command)


def processes(on: Stage) -> list[tuple[int, str, int]]:
    """(pid, type, reloads) of show proc."""
    return [(int(pid), kind, int(n)) for pid, kind, n, _ in ROW.findall(master(on, "show proc"))]


def test_processes_and_commands_for_workers() -> None:
    with stage(flags=FLAGS) as on:
        assert (on.folder / "master").stat().st_mode & 0o777 == 0o600
        told = processes(on)
        assert [(kind, n) for _, kind, n in told] == [("master", 0), ("worker", 0), ("worker", 0)]
        assert [pid for pid, _, _ in told] == [on.running.pid, *on.workers()]
        pid = told[1][0]
        assert master(on, "@1 get weight b/s1") == "1 (initial 1)\n\n"
        assert master(on, f"@!{pid} set server b/s1 weight 9;@2 get weight b/s1") == "\n9 (initial 1)\n\n"
        assert master(on, "@1 get weight b/s1 <<\nx\n").startswith("9 (initial 1)")
        assert master(on, "@3 show version") == "Can't find the target PID matching the prefix '@3'\n"
        assert master(on, "@!1 show version") == "Can't find the target PID matching the prefix '@!1'\n"
        assert master(on, "user;@1 disable server b/s1;show cli level;reload") == (
            "Permission denied\n\nuser\n\nPermission denied\n\n"
        )
        said = talk(on.folder / "master", [b"prompt\n", b"@1\n", b"get weight b/s1\n", b"@\n", b"show cli level\n", b"quit\n"])
        first = f"{pid}> ".encode()
        assert said == [b"master> ", first, b"9 (initial 1)\n\n" + first, b"master> ", b"admin\n\nmaster> ", b"", b"<end>"]


def test_reload_and_the_workers_that_finish() -> None:
    """The answer comes from the new master; an old worker with a connection stays, is listed and can be spoken to."""
    with stage(flags=FLAGS) as on:
        old = on.workers()
        held = socket.create_connection(("127.0.0.1", on.port), 10)
        held.sendall(b"GET / HT")
        until(lambda: on.ask("show sess").count(" fe=f ") == 1, "the connection")
        on.ask("set server b/s1 weight 5")
        assert master(on, "reload").startswith("Success=1\n--\n")
        until(lambda: len([p for p in processes(on) if p[2] == 1 and p[1] == "worker"]) == 1, "one old worker")
        left = next(pid for pid, kind, n in processes(on) if kind == "worker" and n == 1)
        assert left in old
        assert master(on, f"@!{left} get weight b/s1") == "5 (initial 1)\n\n"
        assert master(on, "@1 get weight b/s1") == "1 (initial 1)\n\n"
        assert " fe=f " in master(on, f"@!{left} show sess")
        held.sendall(b"TP/1.1\r\nhost: x\r\n\r\n")
        assert held.recv(100).startswith(b"HTTP/1.1 200")
        held.close()
        until(lambda: left not in [pid for pid, _, _ in processes(on)], "it has finished")
        assert processes(on)[0][2] == 1


def test_a_broken_file_is_told_and_changes_nothing() -> None:
    with stage(flags=FLAGS) as on:
        before = on.workers()
        path = Path(on.running.folder, "haproxy.cfg")
        good = path.read_text()
        path.write_text(good + "  nonsense\n")
        said = master(on, "reload")
        assert said.startswith("Success=0\n--\n") and "unknown keyword 'nonsense'" in said
        assert on.workers() == before
        assert "1 [failed: 1]" in master(on, "show proc")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            path.write_text(good + f"frontend other\n  bind 127.0.0.1:{taken.getsockname()[1]}\n")
            assert "cannot bind socket (Address already in use)" in master(on, "reload")
        told = master(on, "show proc")
        assert "2 [failed: 2]" in told and "# old workers" not in told
        assert processes(on) == [(on.running.pid, "master", 2), *((pid, "worker", 2) for pid in before)]
        assert master(on, "@1 show version") == "3.2.0\n\n"
        os.kill(before[0], signal.SIGKILL)
        until(lambda: len(set(on.workers()) - {before[0]}) == 2, "dead workers are still replaced")
        path.write_text(good)
        assert master(on, "reload").startswith("Success=1\n")
        assert "3 [failed: 0]" in master(on, "show proc")
        assert on.get() == 200


def test_files_of_sockets_over_a_reload() -> None:
    """They get the mode that is wanted now, and come back when somebody has removed them."""
    with stage(flags=FLAGS) as on:
        path = Path(on.running.folder, "haproxy.cfg")
        path.write_text(path.read_text().replace("/admin level", "/admin mode 606 level"))
        assert master(on, "reload").startswith("Success=1\n")
        assert on.admin.stat().st_mode & 0o777 == 0o606
        for name in ("admin", "user", "master"):
            (on.folder / name).unlink()
        on.running.process.send_signal(signal.SIGUSR2)
        until(lambda: all((on.folder / name).exists() for name in ("admin", "user", "master")), "their files")
        until(lambda: processes(on)[0][2] == 2, "the second reload")
        assert on.admin.stat().st_mode & 0o777 == 0o606 and (on.folder / "master").stat().st_mode & 0o777 == 0o600
        assert on.ask("get weight b/s1") == "1 (initial 1)\n"
