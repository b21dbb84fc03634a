"""`option mysql-check` (manual 4.2): the server's greeting, and with `user` a login without a password.

Packets: 3 bytes of length (little endian), a number, the body (MySQL client/server protocol).
"""

from __future__ import annotations

import struct

from backends.checks.kinds import c_string, empty, kind
from backends.checks.status import L7OK, L7RSP, L7STS, Finding
from backends.checks.tcp import Hear, Say, TcpStep
from haproxy_py.config.line import Line

ERROR = 0xFF
LEAST = 5  # header and one byte
QUIT = b"\x01\0\0\0\x01"


def packet(number: int, body: bytes) -> bytes:
    """A packet; bodies are short here."""
    return struct.pack("<I", len(body))[:3] + bytes([number]) + body


def login_41(user: bytes) -> bytes:
    """A login in the protocol of MySQL 4.1 and later, then COM_QUIT."""
    head = b"\x00\x82\x00\x00" + b"\x00\x80\x00\x01" + b"\x21" + bytes(23)
    return packet(1, head + user + b"\0\0") + QUIT


def login_old(user: bytes) -> bytes:
    """A login in the protocol before 4.1, then COM_QUIT."""
    return packet(1, b"\x00\x80" + b"\x00\x00\x01" + user + b"\0\0") + QUIT


def _judged(received: bytes, at: int, ended: bool) -> Finding | bool | None:
    """Judge the packet at `at`."""
    if len(received) - at < LEAST:
        return Finding(L7RSP) if ended else None
    length = int.from_bytes(received[at : at + 3], "little")
    if at + 4 + length > len(received):
        return Finding(L7RSP) if ended else None
    if received[at + 4] != ERROR:
        return True
    code = int.from_bytes(received[at + 5 : at + 7], "little")
    return Finding(L7STS, code, c_string(received[at + 7 : at + 4 + length]))


def greeting(received: bytes, ended: bool, notes: dict[str, str]) -> Finding | bool | None:
    """The server's first packet; its version is what a passed check tells."""
    judged = _judged(received, 0, ended)
    if judged is True:
        length = int.from_bytes(received[:3], "little")
        notes["version"], notes["next"] = c_string(received[5 : 4 + length]), str(4 + length)
    return judged


def greeting_first(received: bytes, ended: bool, notes: dict[str, str]) -> Finding | bool | None:
    """The greeting in front of the answer to a login, which has been sent before: HAProxy does not wait for the greeting."""
    return greeting(received, ended, notes) if received else empty(L7RSP, 3)


def alone(received: bytes, ended: bool, notes: dict[str, str]) -> Finding | bool | None:
    """The greeting as the whole check."""
    judged = greeting(received, ended, notes) if received else empty(L7RSP, 2)
    return Finding(L7OK, 0, notes["version"], fleeting=True) if judged is True else judged


def login(received: bytes, ended: bool, notes: dict[str, str]) -> Finding | bool | None:
    """The packet behind the greeting."""
    judged = _judged(received, int(notes["next"]), ended)
    return Finding(L7OK, 0, notes["version"], fleeting=True) if judged is True else judged


@kind("mysql-check", args=(0, 3))
def script(line: Line) -> list[TcpStep]:
    """option mysql-check [user NAME [post-41|pre-41]]."""
    if not line.args:
        return [Hear("custom", judge=alone)]
    if line.arg(0) != "user":
        line.fail(f"'option mysql-check' only supports optional values: 'user' (got '{line.arg(0)}').")
    if not line.arg(1):
        line.fail("'option mysql-check user' expects <username> as argument.")
    form = line.arg(2) or "post-41"
    if form not in ("post-41", "pre-41"):
        line.fail(f"keyword 'user' only supports 'post-41' and 'pre-41' (got '{form}').")
    user = line.arg(1).encode("utf-8", "surrogateescape")
    said = login_41(user) if form == "post-41" else login_old(user)
    return [Say(said), Hear("custom", judge=greeting_first), Hear("custom", judge=login)]
