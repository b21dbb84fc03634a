"""Answers of nameservers as bytes: what HAProxy takes and what it counts as which fault; any bytes are survived."""

from __future__ import annotations

from collections.abc import Callable

import dns.flags
import dns.message
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.resolvers.message import AAAA, SRV, A, Record, Reply, Status, number_of, parse, question

NAME = "web.test"
Change = Callable[[dns.message.Message], None]


def answer(*records: tuple[str, str, str], code: int = 0, more: tuple[tuple[str, str, str], ...] = ()) -> dns.message.Message:
    made = dns.message.make_response(dns.message.make_query(NAME, "A", id=77))
    made.set_rcode(code)
    made.answer += [dns.rrset.from_text(name, 5, "IN", kind, text) for name, kind, text in records]
    made.additional += [dns.rrset.from_text(name, 5, "IN", kind, text) for name, kind, text in more]
    return made


def status(made: dns.message.Message) -> Status:
    return parse(made.to_wire(), NAME).status


def test_question() -> None:
    asked = dns.message.from_wire(question(NAME, SRV, 4711, 1400))
    assert (asked.id, str(asked.question[0].name), asked.question[0].rdtype) == (4711, "web.test.", SRV)
    assert asked.flags == dns.flags.RD and asked.edns == 0 and asked.payload == 1400
    with pytest.raises(ValueError, match="label"):
        question("a" * 64 + ".test", A, 1, 512)


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (answer((NAME + ".", "A", "10.0.0.1")), Status.VALID),
        (answer((NAME + ".", "TXT", "x")), Status.VALID),
        (answer(("WEB.test.", "A", "10.0.0.1")), Status.VALID),
        (answer(), Status.ANY),
        (answer(code=3), Status.NX),
        (answer(code=5), Status.REFUSED),
        (answer(code=2), Status.OTHER),
        (answer(code=4), Status.OTHER),
        (answer((NAME + ".", "CNAME", "b.test.")), Status.CNAME),
        (answer(("b.test.", "A", "10.0.0.1")), Status.INVALID),
        (answer(("b.test.", "A", "10.0.0.1"), (NAME + ".", "CNAME", "b.test.")), Status.INVALID),
    ],
)
def test_status(made: dns.message.Message, wanted: Status) -> None:
    assert status(made) is wanted


def test_truncated_and_no_question() -> None:
    made = answer((NAME + ".", "A", "10.0.0.1"))
    made.flags |= dns.flags.TC
    assert status(made) is Status.TRUNCATED
    made = answer((NAME + ".", "A", "10.0.0.1"))
    made.question = []
    assert status(made) is Status.INVALID
    made.question = dns.message.make_query("other.test", "A").question
    assert status(made) is Status.INVALID


def test_records_at_the_end_of_a_chain() -> None:
    made = answer((NAME + ".", "CNAME", "b.test."), ("b.test.", "CNAME", "c.test."), ("c.test.", "A", "10.0.0.1"), ("c.test.", "AAAA", "::1"))
    assert parse(made.to_wire(), NAME) == Reply(Status.VALID, (Record(A, "10.0.0.1"), Record(AAAA, "::1")))


def test_services_and_what_comes_along() -> None:
    made = answer((NAME + ".", "SRV", "1 256 8080 H1.test."), more=(("h1.test.", "A", "10.0.0.1"), ("h1.test.", "TXT", "x")))
    wanted = Reply(Status.VALID, (Record(SRV, "h1.test", 8080, 256),), (("h1.test", Record(A, "10.0.0.1")),))
    assert parse(made.to_wire(), NAME) == wanted


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 80), st.binary(max_size=12))
def test_any_bytes(noise: bytes, at: int, patch: bytes) -> None:
    """No bytes raise: noise, or a good answer with a few bytes changed."""
    good = answer((NAME + ".", "CNAME", "b.test."), ("b.test.", "SRV", "1 2 3 d.test."), more=(("d.test.", "A", "10.0.0.1"),)).to_wire()
    for data in (noise, good[:at] + patch + good[at + len(patch) :], good[:at]):
        assert isinstance(parse(data, NAME).status, Status)
        assert -1 <= number_of(data) <= 65535
