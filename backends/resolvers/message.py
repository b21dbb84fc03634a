"""Questions and answers of DNS as bytes: what is sent, and what an answer is worth (RFC 1035, RFC 2782, RFC 6891).

No socket and no clock. The order in which faults are looked for is HAProxy's, since its counters show it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

import dns.exception
import dns.message
import dns.rdatatype

from backends.resolvers import wire

A, AAAA, SRV = 1, 28, 33
NXDOMAIN, REFUSED = 3, 5
HEADER = 12
SMALLEST_EDNS = 512
HOST = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


class Status(Enum):
    """What an answer is: VALID, a fault (each has its counter), or TIMEOUT for none at all."""

    VALID = "valid"
    NX = "nx"
    REFUSED = "refused"
    OTHER = "other"
    ANY = "any_err"
    TRUNCATED = "truncated"
    INVALID = "invalid"
    CNAME = "cname_error"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Record:
    """kind: A, AAAA (value: IP text) or SRV (value: target without its last dot, in lower case; port, weight)."""

    kind: int
    value: str
    port: int = 0
    weight: int = 0

    @property
    def key(self) -> tuple[int, str, int]:
        """What makes it the same record as one seen before."""
        return self.kind, self.value, self.port


@dataclass(frozen=True, slots=True)
class Reply:
    """records: of the answer section, in its order; addresses: of the additional section, IP texts by name."""

    status: Status
    records: tuple[Record, ...] = ()
    addresses: tuple[tuple[str, Record], ...] = ()


def question(name: str, kind: int, number: int, payload: int) -> bytes:
    """One query. payload: largest answer that is taken. Raises: ValueError: no such name can be asked for."""
    try:
        asked = dns.message.make_query(name, dns.rdatatype.RdataType(kind), use_edns=0, payload=max(payload, SMALLEST_EDNS), id=number)
        return asked.to_wire()
    except dns.exception.DNSException as wrong:
        raise ValueError(f"{name}: {wrong}") from None


def number_of(data: bytes) -> int:
    """The query that an answer belongs to; -1 when it is too short to tell."""
    return int.from_bytes(data[:2], "big") if len(data) >= 2 else -1


def parse(data: bytes, name: str, services: bool = False) -> Reply:
    """What an answer to a question about `name` says; services: about its SRV records. Never raises, whatever the bytes."""
    code = data[3] & 0x0F if len(data) > 3 else 0
    if code:
        return Reply({NXDOMAIN: Status.NX, REFUSED: Status.REFUSED}.get(code, Status.OTHER))
    if len(data) < HEADER or data[4:6] != b"\0\1":
        return Reply(Status.INVALID)
    if data[6:8] == b"\0\0":
        return Reply(Status.ANY)
    if data[2] & 0x02:
        return Reply(Status.TRUNCATED)
    found, records, addresses = wire.read(data, name.encode("latin-1", "replace"), services)
    if found != wire.READ:
        return Reply(Status.CNAME if found == wire.OTHER_NAME else Status.INVALID)
    known = (Record(*row) for row in dict.fromkeys(records))
    taken = tuple(each for each in known if each.kind != SRV or is_host(each.value))
    return Reply(Status.VALID, taken, tuple((owner, Record(*row)) for owner, row in addresses))


def is_host(name: str) -> bool:
    """Whether a server may have this name: letters, digits, `-` and `_` between single dots."""
    return bool(HOST.fullmatch(name))
