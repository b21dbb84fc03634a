"""Answers of nameservers as bytes: any bytes give a status, and no answer takes long."""

from __future__ import annotations

import struct

from hypothesis import given, settings
from hypothesis import strategies as some

from backends.resolvers import wire
from backends.resolvers.message import SRV, A, Record, Reply, Status, is_host, parse, question

NAME = b"\3web\4test\0"
BACK = b"\xc0\x0c"


def answer(*rows: bytes, more: int = 0) -> bytes:
    return struct.pack(">HHHHHH", 1, 0x8180, 1, len(rows) - more, 0, more) + NAME + b"\0\1\0\1" + b"".join(rows)


def row(owner: bytes, kind: int, data: bytes) -> bytes:
    return owner + struct.pack(">HHIH", kind, 1, 5, len(data)) + data


ADDRESS = row(BACK, A, b"\x7f\0\0\1")


@settings(max_examples=200, deadline=None)
@given(some.lists(some.tuples(some.integers(3, 60), some.integers(0, 255)), max_size=5), some.integers(0, 70), some.booleans())
def test_any_bytes(changes: list[tuple[int, int]], length: int, services: bool) -> None:
    data = bytearray(answer(ADDRESS, row(BACK, SRV, b"\0\1\0\1\0\1" + NAME)))
    for at, byte in changes:
        data[at % len(data)] = byte
    assert isinstance(parse(bytes(data[:length]), "web.test", services).status, Status)


def test_a_question_is_not_an_answer() -> None:
    assert parse(question("web.test", A, 7, 512), "web.test") == Reply(Status.ANY)


def test_names_that_are_chains_cost_little() -> None:
    """64 KiB of targets of 120 labels, read label by label: dozens of names per label were seconds of work once."""
    long = b"\1a" * 120 + b"\0"
    first = row(BACK, SRV, b"\0\1\0\1\0\1" + long)
    to = struct.pack(">H", 0xC000 | 12 + len(NAME) + 4 + 2 + 10 + 6)
    rows = [first, *(row(BACK, SRV, struct.pack(">HHH", 1, 1, i) + to) for i in range(3250))]
    found, records, _ = wire.read(answer(*rows), b"web.test", True)
    assert (found, len(records)) == (wire.READ, 3251)


def test_targets_that_no_host_has() -> None:
    """Such a record is passed over."""
    rows = [row(BACK, SRV, b"\0\1\0\1\0\1" + each) for each in (b"\3a b\0", b"\1*\0", b"\2h1\4test\0")]
    assert parse(answer(*rows), "web.test", True).records == (Record(SRV, "h1.test", 1, 1),)


def test_hosts() -> None:
    names = ["a", "a.b", "a_b.c-d", "1.2", "", ".", "a.", ".a", "a..b", "a b", "\xe9", "a\n"]
    assert [is_host(each) for each in names] == [True] * 4 + [False] * 8


def test_case_is_nothing() -> None:
    """As in HAProxy 2.8; 2.6 minds it."""
    alias = answer(row(BACK, 5, b"\1X\0"), row(b"\1x\0", A, b"\x7f\0\0\1"))
    assert parse(alias, "WEB.test").records == (Record(A, "127.0.0.1"),)
    told = answer(row(BACK, SRV, b"\0\1\0\1\0\1\1H\0"), row(b"\1h\0", A, b"\x7f\0\0\1"), more=1)
    assert parse(told, "web.test", True).addresses == (("h", Record(A, "127.0.0.1")),)
