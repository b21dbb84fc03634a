"""`option spop-check` (manual 4.2): HAPROXY-HELLO with "healthcheck", answered with AGENT-HELLO (SPOE.txt 3.2).

Frames: 4 bytes of length, type, 4 bytes of flags, stream and frame number (varints), pairs of names and typed values.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from backends.checks.kinds import empty, kind
from backends.checks.status import L7OK, L7RSP, Finding
from backends.checks.tcp import Hear, Say, TcpStep
from haproxy_py.config.line import Line

HAPROXY_HELLO, AGENT_HELLO, AGENT_DISCONNECT = 1, 101, 102
FIN = 1
TRUE, UINT32, STRING = 0x11, 3, 8
FRAME_SIZE, SMALLEST = 16380, 256  # what we offer: a buffer less the length; what the protocol allows at least
VERSION = "2.0"
PASSED = Finding(L7OK, 0, "SPOA server is ok", fleeting=True)
# Status codes of a DISCONNECT frame (SPOE.txt 3.2.9)
REASONS = {
    0: "normal", 1: "I/O error", 2: "a timeout occurred", 3: "frame is too big", 4: "invalid frame received",
    5: "version value not found", 6: "max-frame-size value not found", 7: "capabilities value not found",
    8: "unsupported version", 9: "max-frame-size too big or too small", 10: "fragmentation not supported",
    11: "invalid interlaced frames", 12: "frame-id not found", 13: "resource allocation error",
}  # fmt: skip


class Malformed(ValueError):
    """A frame that cannot be read; the argument is one of REASONS."""


def varint(number: int) -> bytes:
    """A number as SPOP writes it (SPOE.txt 3.1)."""
    if number < 240:
        return bytes([number])
    out, number = [number & 15 | 240], (number - 240) >> 4
    while number >= 128:
        out.append(number & 127 | 128)
        number = (number - 128) >> 7
    return bytes([*out, number])


def text(value: str) -> bytes:
    """A string with its length."""
    return varint(len(value)) + value.encode("ascii")


class Reader:
    """Takes typed values from a frame. Raises: Malformed."""

    def __init__(self, frame: bytes, at: int) -> None:
        self.frame = frame
        self.at = at

    def byte(self) -> int:
        if self.at >= len(self.frame):
            raise Malformed(4)
        self.at += 1
        return self.frame[self.at - 1]

    def varint(self) -> int:
        value = self.byte()
        if value < 240:
            return value
        shift = 4
        while True:
            more = self.byte()
            value += more << shift
            shift += 7
            if more < 128:
                return value

    def string(self) -> bytes:
        length = self.varint()
        found = self.frame[self.at : self.at + length]
        if len(found) < length:
            raise Malformed(4)
        self.at += length
        return found

    def value(self) -> int | bytes | None:
        """A typed value: integers, strings; None for what has no meaning in a hello."""
        kind = self.byte() & 15
        if kind in (2, 3, 4, 5):
            return self.varint()
        if kind in (8, 9):
            return self.string()
        skipped = {6: 4, 7: 16}.get(kind, 0)
        self.at += skipped
        return None


def hello() -> bytes:
    """HAPROXY-HELLO that says that it is a check."""
    pairs = text("supported-versions") + bytes([STRING]) + text(VERSION)
    pairs += text("max-frame-size") + bytes([UINT32]) + varint(FRAME_SIZE)
    pairs += text("capabilities") + bytes([STRING]) + text("") + text("healthcheck") + bytes([TRUE])
    frame = bytes([HAPROXY_HELLO]) + struct.pack(">I", FIN) + b"\0\0" + pairs
    return struct.pack(">I", len(frame)) + frame


def pairs(frame: bytes) -> Iterator[tuple[bytes, int | bytes | None]]:
    """Names and values of a frame without its length, in their order. Raises: Malformed."""
    if not struct.unpack_from(">I", frame, 1)[0] & FIN:
        raise Malformed(10)
    if frame[5] or frame[6]:
        raise Malformed(4)
    reader = Reader(frame, 7)
    while reader.at < len(frame):
        yield reader.string(), reader.value()


def judged(frame: bytes) -> int:
    """0: a good AGENT-HELLO; else what is wrong, as in REASONS: the first bad value, then what is missing. Raises: Malformed."""
    if len(frame) < 7 or frame[0] not in (AGENT_HELLO, AGENT_DISCONNECT):
        return 4
    if frame[0] == AGENT_DISCONNECT:
        code = dict(pairs(frame)).get(b"status-code")
        return code if isinstance(code, int) and 0 < code else 4
    seen = set()
    for name, value in pairs(frame):
        wrong = _wrong(name, value)
        if wrong:
            return wrong
        seen.add(name)
    if b"version" not in seen:
        return 5
    return 0 if b"max-frame-size" in seen else 6


def _wrong(name: bytes, value: int | bytes | None) -> int:
    """What is wrong with one value of a hello."""
    if name == b"version":
        return 4 if not isinstance(value, bytes) else 0 if value.strip(b" ") == VERSION.encode("ascii") else 8
    if name == b"max-frame-size":
        return 4 if not isinstance(value, int) else 0 if SMALLEST <= value <= FRAME_SIZE else 9
    return 0


def answer(received: bytes, ended: bool, notes: dict[str, str]) -> Finding | None:
    """Judge what the agent has said so far."""
    if not received and ended:
        return empty(L7RSP, 2)
    length = int.from_bytes(received[:4], "big")
    if not ended and (len(received) < 4 or len(received) < 4 + length):
        return None
    try:
        wrong = judged(received[4 : 4 + length])
    except Malformed as fault:
        wrong = fault.args[0]
    return Finding(L7RSP, 0, REASONS.get(wrong, "unknown reason")) if wrong else PASSED


@kind("spop-check")
def script(line: Line) -> list[TcpStep]:
    """The whole dialog."""
    return [Say(hello()), Hear("custom", judge=answer)]
