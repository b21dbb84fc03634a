"""Starts fake_program.py and watches it: its messages, its processes, its answers. Everything polls with a deadline."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.harness.ports import Reservation

HELD = Reservation()
PROGRAM = Path(__file__).with_name("fake_program.py")
ROOT = PROGRAM.parents[3]
DEADLINE_S = 20.0
CONFIG = """\
global
  nbthread {workers}
  description {answer}
{extra}
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend f
  bind {address}
"""


def until(true: Callable[[], object], what: str) -> None:
    """Poll until `true()` holds; AssertionError naming `what` after the deadline."""
    end = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < end, f"timed out waiting for: {what}"
        time.sleep(0.01)


def free_port() -> int:
    """A port that nobody else gets until the tests have ended."""
    return HELD.take()


def stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; empty: there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    return bool(stat(pid)) and stat(pid)[0] not in "ZX"


def children(pid: int) -> list[int]:
    """Living children."""
    pids = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()]
    return sorted(p for p in pids if (s := stat(p)) and int(s[1]) == pid and s[0] not in "ZX")


def comm(pid: int) -> str:
    """The name that ps shows."""
    return Path(f"/proc/{pid}/comm").read_text().strip()


class FakeProxy:
    """One run. args: flags; the configuration file is written and given with -f."""

    def __init__(self, folder: Path, *args: str, workers: int = 2, answer: str = "one", extra: str = "", port: int = 0) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.config = folder / "haproxy.cfg"
        self.log = folder / "stderr"
        self.workers = workers
        self.forked = workers if workers > 1 or {"-W", "-Ws"} & set(args) else 0
        self.configure(answer, extra)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(PROGRAM), *args, "-f", str(self.config)],
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                cwd=folder,
                start_new_session=True,
            )
        self.pid = self.process.pid

    def configure(self, answer: str, extra: str = "", address: str = "", more: str = "") -> None:
        """Write the configuration file."""
        text = CONFIG.format(workers=self.workers, answer=answer, extra=extra, address=address or f"127.0.0.1:{self.port}")
        self.config.write_text(text + more)

    def said(self) -> str:
        """Everything on stderr."""
        return self.log.read_text()

    def connect(self, what: bytes = b"x") -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self.port), DEADLINE_S)
        sock.sendall(what)
        return sock

    def ask(self) -> tuple[int, str, int, int]:
        """(pid, answer, current connections, total connections) of whoever answers."""
        with self.connect() as sock:
            pid, answer, scur, stot = sock.recv(200).split()
        return int(pid), answer.decode(), int(scur), int(stot)

    def answers(self, answer: str = "one") -> bool:
        """Whether it serves with this answer."""
        try:
            return self.ask()[1] == answer
        except OSError:
            return False
        except ValueError:
            return False

    def serving(self, answer: str = "one") -> FakeProxy:
        """Wait until it answers so and has as many workers as it should, at least."""
        until(lambda: self.process.poll() is not None or self.answers(answer), f"answer {answer!r}; said: {self.said()}")
        until(lambda: self.process.poll() is not None or len(children(self.pid)) >= self.forked, "all workers")
        assert self.process.poll() is None, self.said()
        return self

    def kill(self, signum: int) -> None:
        os.kill(self.pid, signum)

    def ended(self) -> int:
        """Wait for its end; the exit status, negative for a signal."""
        return self.process.wait(DEADLINE_S)

    def cleanup(self) -> None:
        """End it and whatever it left behind in its session."""
        for pid in [*children(self.pid), self.pid]:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
