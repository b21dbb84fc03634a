"""sd_notify: one datagram to $NOTIFY_SOCKET (sd_notify(3)); nothing happens where it is not set."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Mapping


def watchdog_period(environment: Mapping[str, str], pid: int) -> float | None:
    """Seconds between two signs of life (half of what the manager allows), None: it expects none from this process (sd_watchdog_enabled(3))."""
    text = environment.get("WATCHDOG_USEC", "")
    if not (text.isascii() and text.isdecimal()) or int(text) == 0:
        return None
    return int(text) / 2e6 if environment.get("WATCHDOG_PID", str(pid)) == str(pid) else None


class Notifier:
    """Tells systemd the states of a `Type=notify` service (sd_notify(3)).

    address: value of NOTIFY_SOCKET, None: silent. period_s: see watchdog_period().
    """

    def __init__(self, address: str | None, period_s: float | None = None) -> None:
        self.address = "\0" + address[1:] if address and address.startswith("@") else address
        self.period_s = period_s if address else None
        self.due = None if self.period_s is None else time.monotonic() + self.period_s  # of the next sign of life

    @classmethod
    def from_environment(cls) -> Notifier:
        """What the service manager has asked this process for."""
        return cls(os.environ.get("NOTIFY_SOCKET"), watchdog_period(os.environ, os.getpid()))

    def alive(self) -> None:
        """Give the sign of life when it is due."""
        if self.due is not None and self.period_s is not None and time.monotonic() >= self.due:
            self.due = time.monotonic() + self.period_s
            self.send("WATCHDOG=1")

    def read(self, fd: int, most: int, until: float | None = None) -> bytes | None:
        """Wait for what comes on `fd`, at most `most` bytes, and give signs of life meanwhile.

        until: monotonic seconds, None: for ever. Returns: b"" at the end, None when nothing came in time.
        """
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        while True:
            waits = [at for at in (until, self.due) if at is not None]
            if poll.poll(max(0.0, min(waits) - time.monotonic()) * 1000 if waits else None):
                return os.read(fd, most)
            self.alive()
            if until is not None and time.monotonic() >= until:
                return None

    def send(self, *fields: str) -> None:
        """Send `NAME=value` fields; a manager that is not there is no fault of ours."""
        if not self.address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.sendto("\n".join(fields).encode(), self.address)
        except OSError:
            return

    def ready(self, status: str = "Ready.") -> None:
        """The configuration serves."""
        self.send("READY=1", f"MAINPID={os.getpid()}", f"STATUS={status}")

    def reloading(self) -> None:
        """A new configuration is being loaded."""
        self.send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", "STATUS=Reloading Configuration.")

    def stopping(self) -> None:
        """The service ends."""
        self.send("STOPPING=1")
