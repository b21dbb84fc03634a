"""Types of engine.proxy_protocol for Python; the C side is in proxy_protocol.pxd."""

from collections.abc import Iterable
from typing import TypeAlias

Peer: TypeAlias = tuple[str, int]
Parsed: TypeAlias = tuple[int, int, bool, Peer | None, Peer | None, list[tuple[int, bytes]]]

def parse(data: bytes) -> Parsed | None: ...
def build(
    version: int,
    src: Peer | None = None,
    dst: Peer | None = None,
    *,
    tlvs: Iterable[tuple[int, bytes]] = (),
    crc: bool = False,
) -> bytes: ...
def checksum(data: bytes) -> int: ...
