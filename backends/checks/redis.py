"""`option redis-check` (manual 4.2): PING, and the server says PONG."""

from __future__ import annotations

from backends.checks.kinds import first_line, kind
from backends.checks.status import L7OK, L7STS, Finding
from backends.checks.tcp import Hear, Say, TcpStep
from haproxy_py.config.line import Line

PING = b"*1\r\n$4\r\nPING\r\n"
PONG = b"+PONG\r\n"


def answer(received: bytes, ended: bool, notes: dict[str, str]) -> Finding | None:
    """Judge what the server has said so far."""
    if PONG in received:
        return Finding(L7OK, 0, "Redis server is ok")
    return Finding(L7STS, 0, first_line(received)) if ended else None


@kind("redis-check")
def script(line: Line) -> list[TcpStep]:
    """The whole dialog."""
    return [Say(PING), Hear("custom", judge=answer)]
