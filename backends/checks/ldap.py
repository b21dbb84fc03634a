"""`option ldap-check` (manual 4.2): an anonymous simple bind, LDAPv3 (RFC 4511 4.2)."""

from __future__ import annotations

from backends.checks.kinds import kind
from backends.checks.status import L7OK, L7RSP, L7STS, Finding
from backends.checks.tcp import Hear, Say, TcpStep
from haproxy_py.config.line import Line

BIND = bytes.fromhex("300c020101 6007 020103 0400 8000")
LEAST = 14  # bytes of the shortest bind response
SEQUENCE, RESULT, BIND_RESPONSE = 0x30, b"\x0a\x01", b"\x02\x01\x01\x61"
STRANGER = Finding(L7RSP, 0, "Not LDAPv3 protocol")
REFUSED = "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9"


def _length(received: bytes, at: int) -> tuple[int, int]:
    """(length, index behind it) of a BER length at `at`; (-1, at): not a whole or sane one."""
    if at >= len(received):
        return -1, at
    first = received[at]
    if first < 0x80:
        return first, at + 1
    size = first & 0x7F
    if not 1 <= size <= 4 or at + 1 + size > len(received):
        return -1, at
    return int.from_bytes(received[at + 1 : at + 1 + size], "big"), at + 1 + size


def answer(received: bytes, ended: bool, notes: dict[str, str]) -> Finding | None:
    """Judge what the server has said so far."""
    if len(received) < LEAST and not ended:
        return None
    if not received or received[0] != SEQUENCE:
        return STRANGER
    length, at = _length(received, 1)
    if length < 0 or at + length > len(received):
        return Finding(L7RSP) if ended else None
    if received[at : at + 4] != BIND_RESPONSE:
        return STRANGER
    _, at = _length(received, at + 4)
    if received[at : at + 2] != RESULT or at + 2 >= len(received):
        return STRANGER
    code = received[at + 2]
    return Finding(L7STS, code, REFUSED) if code else Finding(L7OK, 0, "Success", fleeting=True)


@kind("ldap-check")
def script(line: Line) -> list[TcpStep]:
    """The whole dialog."""
    return [Say(BIND), Hear("custom", judge=answer)]
