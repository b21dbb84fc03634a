"""`option smtpchk` (manual 4.2): greeting, HELO or EHLO, QUIT, each answered with a 2xx (RFC 5321 4.2)."""

from __future__ import annotations

import re

from backends.checks.kinds import first_line, kind
from backends.checks.rules import Connect
from backends.checks.status import L7OK, L7RSP, L7STS, Finding
from backends.checks.tcp import Hear, Say, TcpStep
from haproxy_py.config.line import Line

REPLY = re.compile(rb"[0-9]{3}[ \r]")
GREETING = re.compile(rb"2[0-9]{2}[ \r]")
GOOD = re.compile(rb"2[0-9]{2}[- \r]")
WHOLE = re.compile(rb"(?:2[0-9]{2}-[^\n]*\n)*2[0-9]{2}(?: [^\n]*)?\r?\n")  # to the end of the last line
LEAST = 4  # bytes that tell a reply


def _code(received: bytes) -> int:
    digits = re.match(rb"[0-9]{3}", received)
    return int(digits[0]) if digits else 0


def _told(received: bytes) -> str:
    return first_line(received[LEAST:].lstrip(b" "))


def greeting(received: bytes, ended: bool, notes: dict[str, str]) -> Finding | bool | None:
    """What the server says first."""
    if len(received) < LEAST and not ended:
        return None
    if not REPLY.match(received):
        return Finding(L7RSP, 0, first_line(received))
    return True if GREETING.match(received) else Finding(L7STS, _code(received), _told(received))


def welcome(received: bytes, ended: bool, notes: dict[str, str]) -> Finding | bool | None:
    """The answer to HELO, all its lines: the rest would be taken for that to QUIT. A bad one may still be followed by a good one."""
    if WHOLE.match(received):
        return True
    return Finding(L7STS, _code(received), _told(received)) if ended else None


def farewell(received: bytes, ended: bool, notes: dict[str, str]) -> Finding | None:
    """The answer to QUIT."""
    if len(received) < LEAST and not ended:
        return None
    return Finding(L7OK if GOOD.match(received) else L7STS, _code(received), _told(received))


@kind("smtpchk", args=(0, 2))
def script(line: Line) -> list[TcpStep]:
    """option smtpchk [HELO|EHLO DOMAIN]; anything else stands for HELO localhost."""
    hello, domain = (line.arg(0), line.arg(1)) if line.arg(1) and line.arg(0) in ("HELO", "EHLO") else ("HELO", "localhost")
    return [
        Connect(default=True, linger=True),
        Hear("custom", judge=greeting),
        Say(f"{hello} {domain}\r\n".encode("utf-8", "surrogateescape")),
        Hear("custom", judge=welcome),
        Say(b"QUIT\r\n"),
        Hear("custom", judge=farewell),
    ]
