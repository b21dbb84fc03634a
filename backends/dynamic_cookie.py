"""Cookies that HAProxy makes up for servers: a digest of the backend's key, the server's address and its port.

Two load balancers with the same key and servers give the same cookies (manual 4.2, cookie dynamic, dynamic-cookie-key).
"""

from __future__ import annotations

import struct
from ipaddress import ip_address

_MASK = 2**64 - 1
_P1, _P2, _P3, _P4, _P5 = (
    0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5,
)  # fmt: skip


def _turned(value: int, bits: int) -> int:
    return (value << bits | value >> (64 - bits)) & _MASK


def _round(lane: int, word: int) -> int:
    return _turned((lane + word * _P2) & _MASK, 31) * _P1 & _MASK


def xxh64(data: bytes, seed: int = 0) -> int:
    """The 64-bit xxHash of `data`: 0 <= digest < 2**64. Source: the algorithm's specification (xxhash.com)."""
    at = len(data) & ~31
    if at:
        lanes = [(seed + first) & _MASK for first in (_P1 + _P2, _P2, 0, -_P1)]
        for i, word in enumerate(struct.unpack(f"<{at // 8}Q", data[:at])):
            lanes[i & 3] = _round(lanes[i & 3], word)
        acc = sum(_turned(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & _MASK
        for lane in lanes:
            acc = ((acc ^ _round(0, lane)) * _P1 + _P4) & _MASK
    else:
        acc = seed + _P5 & _MASK
    return _finished(_rest((acc + len(data)) & _MASK, data[at:]))


def _rest(acc: int, tail: bytes) -> int:
    """The last bytes, fewer than 32: by eight, four and one."""
    at = 0
    while len(tail) - at >= 8:
        word = int.from_bytes(tail[at : at + 8], "little")
        acc = (_turned(acc ^ _round(0, word), 27) * _P1 + _P4) & _MASK
        at += 8
    if len(tail) - at >= 4:
        acc ^= int.from_bytes(tail[at : at + 4], "little") * _P1 & _MASK
        acc = (_turned(acc, 23) * _P2 + _P3) & _MASK
        at += 4
    for byte in tail[at:]:
        acc = _turned(acc ^ (byte * _P5 & _MASK), 11) * _P1 & _MASK
    return acc


def _finished(acc: int) -> int:
    acc = (acc ^ acc >> 33) * _P2 & _MASK
    acc = (acc ^ acc >> 29) * _P3 & _MASK
    return acc ^ acc >> 32


def dynamic_cookie(key: bytes, host: str, port: int) -> bytes:
    """The cookie of a server: 16 hexadecimal digits; b"" when it has no IP address (only those get one).

    Args: key: of dynamic-cookie-key. host: IP text, "" none. port: 0..65535.
    """
    try:
        address = ip_address(host).packed
    except ValueError:
        return b""
    return b"%016x" % xxh64(key + address + struct.pack(">I", port))
