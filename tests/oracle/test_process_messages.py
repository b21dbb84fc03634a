"""A life under signals beside the real haproxy: the same messages (sorted, since processes race) and the same end."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.harness.ports import Reservation

HAPROXY = shutil.which("haproxy") or "/usr/sbin/haproxy"
ROOT = Path(__file__).parents[2]
PROGRAMS = {"haproxy": [HAPROXY], "pyhaproxy": [sys.executable, "-m", "haproxy_py"]}
CONFIG = """\
global
  nbthread 1
{extra}
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend f
  bind 127.0.0.1:{port}
backend b
  server s 127.0.0.1:{port}
"""
INTERNAL = ("<HTTPCLIENT>", "haproxy version is", "path to executable is")
DEADLINE_S = 20.0


def until(true: Callable[[], object], what: str, seconds: float = DEADLINE_S) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"timed out waiting for: {what}"
        time.sleep(0.02)


def hear_interrupts() -> None:
    """A background job of a shell ignores SIGINT, and so would the programs below it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Life:
    """One program from start to end; `said` are its messages without pids and without what only HAProxy has inside."""

    def __init__(self, program: Sequence[str], folder: Path, flags: Sequence[str], extra: str = "") -> None:
        self.folder = folder
        self.ports = Reservation()
        self.port = self.ports.take()
        self.config = folder / "x.cfg"
        self.log = folder / "stderr"
        self.extra = extra
        self.ours = program is PROGRAMS["pyhaproxy"]
        self.master = "-W" in flags
        self.write()
        with self.log.open("wb") as log:
            env = os.environ | {"PYTHONPATH": str(ROOT)}
            command = [*program, *flags, "-f", "x.cfg"]
            self.process = subprocess.Popen(command, cwd=folder, stderr=log, env=env, preexec_fn=hear_interrupts)

    def write(self, more: str = "") -> None:
        self.config.write_text(CONFIG.format(port=self.port, extra=self.extra) + more)

    def listening(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 20).close()
        except OSError:
            return False
        return True

    def up(self) -> None:
        until(lambda: self.process.poll() is not None or self.listening(), "its port")

    def ready_for(self, signum: int) -> bool:
        """Whether haproxy has its handler by now. pyhaproxy loses no signal from the first bound port on; nor does haproxy
        without a master have one for SIGTERM and SIGINT."""
        if self.ours or not self.master and signum in (signal.SIGTERM, signal.SIGINT):
            return True
        return self.masked(signum, "SigCgt")

    def masked(self, signum: int, *kinds: str) -> bool:
        """Whether one of these lines of its status has the signal."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        masks = re.findall(rf"^(?:{'|'.join(kinds)}):\t([0-9a-f]{{16}})$", status, re.MULTILINE)
        return any(int(mask, 16) >> (signum - 1) & 1 for mask in masks)

    def said(self) -> list[str]:
        lines = self.log.read_text().split("\n")
        kept = [line for line in lines if line and not any(word in line for word in INTERNAL)]
        return sorted(re.sub(r"\(\d+\)", "(PID)", re.sub(r"FE: \d+", "FE: N", line)) for line in kept)

    def send(self, signum: int, word: str, times: int = 1) -> None:
        """Send a signal and wait until `word` was said so many times."""
        until(lambda: self.ready_for(signum), "a handler")
        os.kill(self.process.pid, signum)
        until(lambda: self.log.read_text().count(word) >= times, f"{word}; said {self.said()}")

    def end(self, signum: int) -> tuple[int, list[str]]:
        """Send a signal that ends it; again where haproxy's master lost it, which it does right after its start."""
        until(lambda: self.ready_for(signum), "a handler")
        for _ in range(int(DEADLINE_S)):
            os.kill(self.process.pid, signum)
            try:
                return self.process.wait(2.0), self.said()
            except subprocess.TimeoutExpired:
                assert not self.ours, f"still there after signal {signum}; said {self.said()}"
        raise AssertionError(f"signal {signum} does not end it; said {self.said()}")


def both(tmp_path: Path, flags: Sequence[str], story: Callable[[Life], tuple[int, list[str]]], extra: str = "") -> None:
    """Tell the same story to both programs and compare how it ended."""
    ends = {}
    for name, program in PROGRAMS.items():
        (tmp_path / name).mkdir()
        life = Life(program, tmp_path / name, flags, extra)
        try:
            life.up()
            ends[name] = story(life)
        finally:
            life.ports.release()
            if life.process.poll() is None:
                life.process.kill()
                life.process.wait()
    assert ends["pyhaproxy"] == ends["haproxy"]


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_one_process_ends(tmp_path: Path, signum: int) -> None:
    both(tmp_path, ["-db"], lambda life: life.end(signum))


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_master_ends(tmp_path: Path, signum: int) -> None:
    def story(life: Life) -> tuple[int, list[str]]:
        until(lambda: "Loading success." in life.log.read_text(), "success")
        return life.end(signum)

    both(tmp_path, ["-W"], story)


def test_pause_and_resume(tmp_path: Path) -> None:
    def story(life: Life) -> tuple[int, list[str]]:
        life.send(signal.SIGTTOU, "Paused frontend f.")
        life.send(signal.SIGTTIN, "Resumed frontend f.")
        return life.end(signal.SIGUSR1)

    both(tmp_path, ["-db"], story)


def test_a_reload_and_a_failed_one(tmp_path: Path) -> None:
    def story(life: Life) -> tuple[int, list[str]]:
        until(lambda: "Loading success." in life.log.read_text(), "success")
        life.send(signal.SIGUSR2, "Former worker")
        life.write("  nonsense\n")
        life.send(signal.SIGUSR2, "Loading failure!")
        return life.end(signal.SIGTERM)

    both(tmp_path, ["-W"], story)


@pytest.mark.parametrize("flags", [["-db"], ["-W"]])
def test_signals_that_end_nobody(tmp_path: Path, flags: list[str]) -> None:
    """SIGALRM, SIGPIPE and, without a master, SIGUSR2; who ends by SIGTERM afterwards has outlived them."""

    def story(life: Life) -> tuple[int, list[str]]:
        if flags == ["-W"]:
            until(lambda: "Loading success." in life.log.read_text(), "success")
        for signum in (signal.SIGALRM, signal.SIGPIPE, *([signal.SIGUSR2] if flags == ["-db"] else [])):
            until(lambda signum=signum: life.masked(signum, "SigCgt", "SigIgn", "SigBlk"), "a handler")  # type: ignore[misc]
            os.kill(life.process.pid, signum)
        return life.end(signal.SIGTERM)

    both(tmp_path, flags, story)


def test_states_are_told(tmp_path: Path) -> None:
    """SIGHUP without a master: each server and proxy."""

    def story(life: Life) -> tuple[int, list[str]]:
        life.send(signal.SIGHUP, "SIGHUP: Proxy b ")
        code, said = life.end(signal.SIGTERM)
        return code, [re.sub(r"\(FE\+BE\): \d+", "(FE+BE): N", line) for line in said]

    both(tmp_path, ["-db"], story)


def test_a_reload_that_wants_a_port_of_somebody_else(tmp_path: Path) -> None:
    """The old workers serve on; HAProxy pauses and resumes its listeners meanwhile, which we need not."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        def story(life: Life) -> tuple[int, list[str]]:
            until(lambda: "Loading success." in life.log.read_text(), "success")
            life.write(f"frontend g\n  bind 127.0.0.1:{taken.getsockname()[1]}\n")
            life.send(signal.SIGUSR2, "Loading failure!")
            until(life.listening, "its port")
            code, said = life.end(signal.SIGTERM)
            said = [re.sub(r"\[\S+\.main\(\)\]", "[PATH.main()]", line) for line in said]
            return code, [line for line in said if "Paused " not in line and "Resumed " not in line]

        both(tmp_path, ["-W"], story)


def reload(life: Life, times: int) -> None:
    """SIGUSR2, until a configuration was loaded so many times in all."""
    end = time.monotonic() + DEADLINE_S
    while life.log.read_text().count("Loading success.") < times:
        assert time.monotonic() < end, life.said()
        life.send(signal.SIGUSR2, "")
        with contextlib.suppress(AssertionError):
            until(lambda: life.log.read_text().count("Loading success.") >= times, "success", DEADLINE_S if life.ours else 3.0)


@pytest.mark.parametrize("most", [0, 1])
def test_workers_end_behind_too_many_reloads(tmp_path: Path, most: int) -> None:
    """mworker-max-reloads: a worker whose connection keeps it is ended by SIGTERM. How workers end is compared, not how often: a
    signal that haproxy's master has lost is sent again."""
    ends = {"with code 143 (Terminated)", "with code 0 (Exit)"} if most else {"with code 143 (Terminated)"}

    def story(life: Life) -> tuple[int, list[str]]:
        until(lambda: "Loading success." in life.log.read_text(), "success")
        with socket.create_connection(("127.0.0.1", life.port), DEADLINE_S) as held:
            held.sendall(b"GET / HT")
            for number in range(most + 1):
                reload(life, number + 2)
            until(lambda: all(end in life.log.read_text() for end in ends), f"ends of workers; said {life.said()}")
        code, said = life.end(signal.SIGTERM)
        return code, sorted({line for line in said if "Former worker" in line})

    both(tmp_path, ["-W"], story, f"  mworker-max-reloads {most}")


@pytest.mark.parametrize(
    ("flags", "extra"),
    [
        (["-db", "-sf", "12x"], ""),
        (["-W", "-S", "/nonexistent/x"], ""),
        (["-W", "-S", "ipv4@127.0.0.1:x"], ""),
        (["-db"], "  stats socket /nonexistent/x"),
        (["-db"], "  chroot /nonexistent"),
        (["-db"], "  group nosuchgroup"),
        (["-D"], "  pidfile /nonexistent/x"),
    ],
)
def test_refusals(tmp_path: Path, flags: list[str], extra: str) -> None:
    def story(life: Life) -> tuple[int, list[str]]:
        code = life.process.wait(DEADLINE_S)
        return code, [re.sub(r"\[\S+\.main\(\)\]", "[PATH.main()]", line) for line in life.said()]

    both(tmp_path, flags, story, extra)
