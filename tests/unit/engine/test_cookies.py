"""The cookie editor: what it steps over, what it leaves out, and that nobody else's cookie is ever lost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haproxy_py.engine.cookies import date_of, date_text, pairs, without

ANY = st.binary(max_size=60)
TRICKY = st.lists(
    st.sampled_from([b"SID=a", b"SID", b"SID = b", b"x=1", b"y", b"$Path=/", b"z=\"a;b\"", b"w=\"", b"", b" ", b"; ", b";", b",", b", ", b"=", b"\t", b"\\", b"\""]),
    max_size=12,
).map(b"".join)  # fmt: skip


@pytest.mark.parametrize(
    ("field", "left"),
    [
        (b"SID=a", None),
        (b"x=1", b"x=1"),
        (b"SID=a; x=1", b"x=1"),
        (b"x=1; SID=a", b"x=1"),
        (b"x=1;SID=a;y=2", b"x=1; y=2"),
        (b"x=1 ; SID=a ,y=2", b"x=1, y=2"),
        (b"$Version=1; SID=a; $Path=/", None),
        (b"x=\"SID=a; \"; SID=b", b"x=\"SID=a; \""),
        (b"SID", b"SID"),
        (b"", b""),
    ],
)
def test_left_out(field: bytes, left: bytes | None) -> None:
    assert without(field, b"SID") == left


def test_pairs() -> None:
    assert pairs(b"a = 1; b=\"x;\\\"y\" ,c;=d;e=") == [(b"a", b"1"), (b"b", b'"x;\\"y"'), (b"c", None), (b"", b"d"), (b"e", b"")]
    assert pairs(b"a,b=1, c=2", False) == [(b"a,b", b"1")] + [(b"c", b"2")]


def others(field: bytes) -> list[tuple[bytes, bytes | None]]:
    """Cookies that are not ours, in order; empty places between delimiters and attributes of cookies do not count."""
    return [pair for pair in pairs(field) if pair[0] != b"SID" and not pair[0].startswith(b"$") and pair != (b"", None)]


@settings(max_examples=200, deadline=None)
@given(st.one_of(ANY, TRICKY))
def test_nothing_of_others_is_lost(field: bytes) -> None:
    """Leaving our cookie out changed, lost or reordered another one, or left one of ours."""
    left = without(field, b"SID")
    assert others(left or b"") == others(field)
    assert not [value for name, value in pairs(left or b"") if name == b"SID" and value is not None]


@settings(max_examples=200, deadline=None)
@given(st.one_of(ANY, TRICKY))
def test_every_byte_is_stepped_over_once(field: bytes) -> None:
    """Stepping ends, whatever the bytes, and names and values come from the field in order."""
    at = 0
    for name, value in pairs(field):
        at = field.index(name, at) + len(name)
        if value is not None:
            at = field.index(value, at) + len(value)


@given(st.integers(min_value=1, max_value=2**32 - 4))
def test_dates(seconds: int) -> None:
    text = date_text(seconds)
    assert len(text) == 5
    assert seconds <= date_of(text) < seconds + 4


def test_what_is_no_date() -> None:
    assert [date_of(text) for text in (b"", b"AAA", b"AAAA!", b"AAA A")] == [-1] * 4
