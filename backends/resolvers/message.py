"""Questions and answers of DNS as bytes: what is sent, and what an answer is worth (RFC 1035, RFC 2782, RFC 6891).

No socket and no clock. The order in which faults are looked for is HAProxy's, since its counters show it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset

A, AAAA, SRV, CNAME = 1, 28, 33, 5
NXDOMAIN, REFUSED = 3, 5
HEADER = 12
SMALLEST_EDNS = 512


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


def parse(data: bytes, name: str) -> Reply:
    """What an answer to a question about `name` says. Never raises, whatever the bytes."""
    if len(data) < HEADER:
        return Reply(Status.INVALID)
    code = data[3] & 0x0F
    if code:
        return Reply({NXDOMAIN: Status.NX, REFUSED: Status.REFUSED}.get(code, Status.OTHER))
    if data[4:6] != b"\0\1":
        return Reply(Status.INVALID)
    if data[6:8] == b"\0\0":
        return Reply(Status.ANY)
    if data[2] & 0x02:
        return Reply(Status.TRUNCATED)
    try:
        told = dns.message.from_wire(data, ignore_trailing=True, one_rr_per_rrset=True)
        return _answer(told, dns.name.from_text(name))
    except (dns.exception.DNSException, ValueError, IndexError, AttributeError, UnicodeError, NotImplementedError):
        return Reply(Status.INVALID)


def _answer(told: dns.message.Message, name: dns.name.Name) -> Reply:
    """The chain of CNAMEs from the name that was asked for, then records."""
    if told.question[0].name != name:
        return Reply(Status.INVALID)
    expected, last = name, 0
    found = []
    for one in told.answer:
        if one.name != expected:
            return Reply(Status.INVALID)
        last = int(one.rdtype)
        if last == CNAME:
            expected = one[0].target
        else:
            found += _records(one)
    if last == CNAME:
        return Reply(Status.CNAME)
    more = ((_plain(one.name), record) for one in told.additional for record in _records(one))
    return Reply(Status.VALID, tuple(dict.fromkeys(found)), tuple((n, r) for n, r in more if r.kind != SRV))


def _records(one: dns.rrset.RRset) -> list[Record]:
    """The records of a set that count here."""
    kind = int(one.rdtype)
    if kind in (A, AAAA):
        return [Record(kind, str(row.address)) for row in one]
    if kind == SRV:
        return [Record(SRV, _plain(row.target), int(row.port), int(row.weight)) for row in one]
    return []


def _plain(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()
