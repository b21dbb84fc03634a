"""Leaving the terminal, pid files, and signals to older processes (management manual 3, -D -p -sf -st)."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable, Mapping

from haproxy_py.process.settings import Settings
from haproxy_py.process.types import StartError

_report_fd = -1  # of a daemon, until it has told its parent how the start went


def open_pidfile(settings: Settings, program: str) -> int:
    """Open the pid file of a daemon or master, while it can still be reached. -1: none. Raises: StartError."""
    if not settings.pidfile or not (settings.daemon or settings.master):
        return -1
    try:
        return os.open(settings.pidfile, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    except OSError:
        raise StartError(f"[{program}.main()] Cannot create pidfile {settings.pidfile}") from None


def write_pid(fd: int) -> None:
    """Write this process's id and close the file."""
    if fd >= 0:
        os.write(fd, b"%d\n" % os.getpid())
        os.close(fd)


def detach() -> None:
    """Go on in a child with a session of its own. The parent stays until report_success(), then exits with 0; should the
    child end before that, with 1."""
    global _report_fd
    reader, writer = os.pipe()
    if os.fork():
        os.close(writer)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os._exit(0 if os.read(reader, 1) == b"1" else 1)
    os.close(reader)
    os.setsid()
    _report_fd = writer


def report_success() -> None:
    """A daemon serves: let the parent go and cut the standard streams. Without detach() nothing happens."""
    global _report_fd
    if _report_fd < 0:
        return
    _cut_streams()
    os.write(_report_fd, b"1")
    os.close(_report_fd)
    _report_fd = -1


def leave_with_daemon() -> None:
    """In a daemon's worker: cut the standard streams too, and leave the report to the supervisor."""
    global _report_fd
    if _report_fd >= 0:
        _cut_streams()
        os.close(_report_fd)
        _report_fd = -1


def _cut_streams() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.close(null)


def signal_all(pids: Iterable[int], signum: int) -> None:
    """Signal processes; those that are gone or not ours are passed over, as HAProxy does."""
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, signum)


def close_unused(inherited: Mapping[str, int], used: Mapping[str, int]) -> None:
    """Close those descriptors of `inherited` that `used` does not have."""
    for fd in set(inherited.values()) - set(used.values()):
        os.close(fd)
