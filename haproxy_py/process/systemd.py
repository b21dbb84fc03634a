"""sd_notify: one datagram to $NOTIFY_SOCKET (sd_notify(3)); nothing happens where it is not set."""

from __future__ import annotations

import os
import socket
import time


class Notifier:
    """Tells systemd the states of a `Type=notify` service. address: value of NOTIFY_SOCKET, None: silent."""

    def __init__(self, address: str | None) -> None:
        self.address = "\0" + address[1:] if address and address.startswith("@") else address

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
