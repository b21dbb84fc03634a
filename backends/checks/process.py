"""One run of a program that checks a server: started without a shell, watched by its descriptor, ended at its time.

Life: start(), then `done(finding)` exactly once, or cancel(). Whatever happens, the program is waited for: no zombie stays.
Out of time it gets SIGTERM, its finding is told, and a second later SIGKILL if it is still there (with all its process group).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import select
import signal
import sys
from collections.abc import Callable

from backends.checks.external import Command
from backends.checks.status import PROCERR, PROCOK, PROCTOUT, SOCKERR, Finding
from haproxy_py.engine.shm import ServerSlot

NO_PROGRAM = 255  # the code of a program that could not be run
GRACE_S = 1.0  # from SIGTERM to SIGKILL
LAST_MS = 100  # how long the end of a killed program is waited for when nobody is there to be told
DEFAULTS = (signal.SIGPIPE, signal.SIGUSR2, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD)


OUT_OF_TIME: set[Process] = set()  # told as such, not ended yet


def end_late_ones() -> None:
    """Kill what is only waited for: nobody checks any more."""
    for each in list(OUT_OF_TIME):
        each.cancel()


def spawn(command: Command, arguments: list[str], environment: dict[str, str]) -> int:
    """Start it in a process group of its own, without our descriptors but stdout and stderr. Returns its pid. Raises: OSError."""
    wrong = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    for place in command.places():
        try:
            return _spawn(place, arguments, environment)
        except OSError as refused:
            if refused.errno == errno.ENOEXEC:  # a script that does not say whose: the shell's, as execvp does it
                return _spawn("/bin/sh", ["sh", place, *arguments[1:]], environment)
            if refused.errno not in (errno.ENOENT, errno.ENOTDIR):
                wrong = refused
    raise wrong


def _spawn(place: str, arguments: list[str], environment: dict[str, str]) -> int:
    nothing = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
    return os.posix_spawn(
        place, arguments, environment, file_actions=[nothing], setpgroup=0, setsigmask=(), setsigdef=DEFAULTS
    )


class Process:
    """See the module."""

    def __init__(self) -> None:
        self.pid = 0
        self.fd = -1
        self.loop: asyncio.AbstractEventLoop | None = None
        self.done: Callable[[Finding], None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self, command: Command, slot: ServerSlot, host: str, port: int, limit_ms: int, done: Callable[[Finding], None]) -> None:
        """Run it. limit_ms: until it is out of time."""
        self.done = done
        if not command.allowed:
            self._tell(Finding(SOCKERR, 0, os.strerror(errno.EAGAIN)))
            return
        try:
            self.pid = spawn(command, command.arguments(host, port), command.environment(slot, host, port))
        except OSError as wrong:
            self._not_run(wrong)
            return
        try:
            self.fd = os.pidfd_open(self.pid)
        except OSError as wrong:  # no descriptor left: it cannot be watched, so it must not run
            self._signal(signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self._tell(Finding(SOCKERR, 0, os.strerror(wrong.errno or 0)))
            return
        self.loop = asyncio.get_running_loop()
        self.loop.add_reader(self.fd, self._ended)
        self._timer = self.loop.call_later(limit_ms / 1000, self._late)

    def _not_run(self, wrong: OSError) -> None:
        """What a fork of ours that cannot exec says, and how it ends; without room for a process, as fork fails."""
        reason = os.strerror(wrong.errno or 0)
        if wrong.errno in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE):
            self._tell(Finding(SOCKERR, 0, reason))
            return
        told = f"Failed to exec process for external health check: {reason}. Aborting."
        with contextlib.suppress(OSError):
            print(f"{'[ALERT]':<10} ({os.getpid()}) : {told}", file=sys.stderr, flush=True)
        self._tell(Finding(PROCERR, NO_PROGRAM))

    def cancel(self) -> None:
        """End it without a finding."""
        self.done = None
        if self.fd < 0:
            return
        self._signal(signal.SIGKILL)
        watch = select.poll()
        watch.register(self.fd, select.POLLIN)
        if watch.poll(LAST_MS):
            self._ended()

    def _tell(self, finding: Finding) -> None:
        done, self.done = self.done, None
        if done is not None:
            done(finding)

    def _signal(self, number: int) -> None:
        """To the program and those that it has started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _late(self) -> None:
        assert self.loop is not None
        if self.done is None:
            self._signal(signal.SIGKILL)
            return
        self._signal(signal.SIGTERM)
        self._timer = self.loop.call_later(GRACE_S, self._late)
        OUT_OF_TIME.add(self)
        self._tell(Finding(PROCTOUT))

    def _ended(self) -> None:
        """It has ended: wait for it, close its descriptor, tell."""
        assert self.loop is not None
        self.loop.remove_reader(self.fd)
        if self._timer is not None:
            self._timer.cancel()
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        self.fd = -1
        OUT_OF_TIME.discard(self)
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1
        self._tell(Finding(PROCERR, code) if code else Finding(PROCOK))
