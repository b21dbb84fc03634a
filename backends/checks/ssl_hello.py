"""`option ssl-hello-chk` (manual 4.2): an SSLv3 client hello, answered with any TLS record of handshake or alert."""

from __future__ import annotations

import struct
import time

from backends.checks.kinds import empty, kind
from backends.checks.status import L6OK, L6RSP, L6TOUT, Finding
from backends.checks.tcp import Hear, Say, TcpStep
from haproxy_py.config.line import Line

LEAST = 5  # bytes of a record's header
ALERT, HANDSHAKE, CLIENT_HELLO, SSL3 = 0x15, 0x16, 1, 0x0300
RANDOM = b"HAPROXYSSLCHK\nHAPROXYSSLCHK\n"
CIPHERS = b"".join(struct.pack(">H", number) for number in (*range(0x01, 0x1C), *range(0x2F, 0x3B)))


def hello() -> bytes:
    """The record; the hello carries the time (RFC 6101 5.6.1.2)."""
    body = struct.pack(">HI", SSL3, int(time.time()) & 0xFFFFFFFF) + RANDOM + b"\0"
    body += struct.pack(">H", len(CIPHERS)) + CIPHERS + b"\x01\x00"
    message = bytes([CLIENT_HELLO]) + struct.pack(">I", len(body))[1:] + body
    return struct.pack(">BHH", HANDSHAKE, SSL3, len(message)) + message


def answer(received: bytes, ended: bool, notes: dict[str, str]) -> Finding | None:
    """Judge the first record."""
    if len(received) < LEAST and not ended:
        return None
    if not received:
        return empty(L6RSP, 2)
    return Finding(L6OK if received[0] in (ALERT, HANDSHAKE) else L6RSP)


@kind("ssl-hello-chk")
def script(line: Line) -> list[TcpStep]:
    """The whole dialog."""
    return [Say(maker=hello), Hear("custom", judge=answer, tout_status=L6TOUT)]
