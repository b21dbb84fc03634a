"""`option pgsql-check` (manual 4.2): a start-up message; the server asks for authentication (PostgreSQL protocol 3.0)."""

from __future__ import annotations

import re
import struct

from backends.checks.kinds import c_string, kind
from backends.checks.status import L7OK, L7RSP, L7STS, Finding
from backends.checks.tcp import Hear, Say, TcpStep
from haproxy_py.config.line import Line

PROTOCOL = 3 << 16
LEAST = 9  # bytes of the shortest authentication request
AUTHENTICATION = re.compile(rb"R\0\0\0.\0\0\0[\0\2\3\4\5\6\7\x09\x0a]", re.DOTALL)
ERROR_TEXT = 6  # an ErrorResponse's first field: type, length, field code


def startup(user: str) -> bytes:
    """The message that opens a session."""
    fields = b"user\0" + user.encode("utf-8", "surrogateescape") + b"\0\0"
    return struct.pack(">II", 8 + len(fields), PROTOCOL) + fields


def answer(received: bytes, ended: bool, notes: dict[str, str]) -> Finding | None:
    """Judge what the server has said so far."""
    if len(received) < 5 and not ended:
        return None
    if received.startswith(b"E"):
        return Finding(L7RSP, 0, c_string(received[ERROR_TEXT:]))
    if len(received) < LEAST and not ended:
        return None
    good = AUTHENTICATION.match(received)
    return Finding(L7OK, 0, "PostgreSQL server is ok") if good else Finding(L7STS, 0, "PostgreSQL unknown error")


@kind("pgsql-check", args=(0, 2))
def script(line: Line) -> list[TcpStep]:
    """option pgsql-check user NAME."""
    if line.arg(0) != "user" or not line.arg(1):
        line.fail("'option pgsql-check' expects 'user <username>' as argument.")
    return [Say(startup(line.arg(1))), Hear("custom", judge=answer)]
