"""Processes under measurement: started in a session of their own, so that every child is found again."""

import os
import resource
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.harness.ports import listening_ports

_TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 30.0


@dataclass
class Group:
    """A started program and all its descendants (one session)."""

    name: str
    process: "subprocess.Popen[bytes]"
    errors: Path

    def pids(self) -> list[int]:
        """Returns: the living processes of the session."""
        return [pid for pid in _all_pids() if _session(pid) == self.process.pid]

    def cpu_seconds(self) -> float:
        """User and system time of all processes, reaped children included; 10 ms steps, or exact where the kernel tells."""
        return sum(_cpu(pid) for pid in self.pids())

    def pss_bytes(self) -> int:
        """Proportional memory of all processes."""
        return sum(_pss(pid) for pid in self.pids())

    def stop(self) -> None:
        """End the whole session."""
        for sig in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.pids():
                _kill(pid, sig)
            end = time.monotonic() + 3
            while self.pids() and time.monotonic() < end:
                self.process.poll()
                time.sleep(0.01)
        self.process.wait()


def start(name: str, command: list[str], ports: set[int], folder: Path, cpu: int | None, cwd: Path | None = None) -> Group:
    """Run `command` (on `cpu` if given) and wait until `ports` listen.

    Raises: RuntimeError with what it wrote to stderr when it ends early.
    """
    pinned = ["taskset", "-c", str(cpu), *command] if cpu is not None else command
    _many_files()
    errors = folder / f"{name}.err"
    with errors.open("wb") as err:
        process = subprocess.Popen(
            pinned, stdin=subprocess.DEVNULL, stdout=err, stderr=err, start_new_session=True, cwd=cwd
        )
    group = Group(name, process, errors)
    end = time.monotonic() + START_SECONDS
    while not ports <= listening_ports():
        if process.poll() is not None or time.monotonic() > end:
            group.stop()
            raise RuntimeError(f"{name} did not start: {errors.read_text()[-2000:]}")
        time.sleep(0.005)
    return group


def _many_files() -> None:
    """Children inherit the limit."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _fields(pid: int) -> list[str]:
    """Returns: the fields of /proc/PID/stat behind the name (state first), or nothing for a process that has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _session(pid: int) -> int:
    fields = _fields(pid)
    return int(fields[3]) if fields and fields[0] != "Z" else 0


def _cpu(pid: int) -> float:
    fields = _fields(pid)
    if not fields:
        return 0.0
    children = (int(fields[13]) + int(fields[14])) / _TICKS
    exact = _exact(pid)
    return children + (exact if exact else (int(fields[11]) + int(fields[12])) / _TICKS)


def _exact(pid: int) -> float:
    """Returns: seconds on the processor to the nanosecond, of all threads; 0.0 where the kernel does not keep them."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    except OSError:
        return 0.0


def _pss(pid: int) -> int:
    try:
        rows = Path(f"/proc/{pid}/smaps_rollup").read_text().split("\n")
    except OSError:
        return 0
    return sum(int(row.split()[1]) * 1024 for row in rows if row.startswith("Pss:"))


def _kill(pid: int, sig: int) -> None:
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        pass
