"""Ports from the kernel that stay ours until a proxy listens on them; who listens already."""

import re
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

LISTEN_STATE = "0A"
UNIX_LISTENS = "00010000"
RUNTIME_SOCKET = re.compile(r"^\s*stats\s+socket\s+(?:unix@)?(/\S+)", re.MULTILINE)


class Reservation:
    """Bound, never listening sockets: nobody else gets these ports, yet a proxy can still bind them.

    Linux lets a second socket bind when both have SO_REUSEADDR and none listens, and when both have SO_REUSEPORT.
    """

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def take(self) -> int:
        """Returns: a port of 127.0.0.1 that refuses connections until somebody listens on it."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(("127.0.0.1", 0))
        self._held.append(sock)
        return int(sock.getsockname()[1])

    def release(self) -> None:
        """Give all ports back."""
        for sock in self._held:
            sock.close()
        self._held.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.release()


def listening_ports() -> set[int]:
    """Returns: every TCP port on which some process of this machine listens (Linux: /proc/net/tcp and tcp6)."""
    found: set[int] = set()
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        path = Path(name)
        if path.exists():
            found.update(_listening(path.read_text()))
    return found


def _listening(table: str) -> set[int]:
    rows = (line.split() for line in table.split("\n")[1:])
    return {int(row[1].rpartition(":")[2], 16) for row in rows if len(row) > 3 and row[3] == LISTEN_STATE}


def runtime_sockets(config: str) -> list[str]:
    """Returns: the paths of the `stats socket` lines of a configuration."""
    return RUNTIME_SOCKET.findall(config)


def listening_at(path: str) -> bool:
    """Does somebody accept connections at this path (Linux: /proc/net/unix)?

    HAProxy listens under a name of its own first, PATH.PID.tmp, and renames it: the kernel shows the first name forever.
    """
    rows = (line.split() for line in Path("/proc/net/unix").read_text().split("\n")[1:])
    bound = (row[7] for row in rows if len(row) > 7 and row[3] == UNIX_LISTENS)
    return Path(path).exists() and any(each == path or each.startswith(f"{path}.") and each.endswith(".tmp") for each in bound)
