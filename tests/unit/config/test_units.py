"""Delays and sizes (manual 2.5, 2.8)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haproxy_py.config.units import UnitError, leading_int, parse_size, parse_time, strict_int


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [("0", "ms", 0), ("10", "ms", 10), ("10ms", "ms", 10), ("10s", "ms", 10000), ("1m", "ms", 60000), ("1h", "ms", 3600000),
     ("1d", "ms", 86400000), ("1us", "ms", 1), ("1001us", "ms", 2), ("5", "s", 5), ("1500ms", "s", 2), ("2ms", "us", 2000),
     ("2147483647", "ms", 2147483647), ("007", "ms", 7)],
)  # fmt: skip
def test_time(text: str, unit: str, value: int) -> None:
    assert parse_time(text, unit) == value


@pytest.mark.parametrize(
    ("text", "kind", "char"),
    [("", "char", ""), ("x", "char", "x"), ("-1", "char", "-"), ("1x", "char", "x"), ("1sx", "char", "x"), ("1u", "char", "u"),
     ("2147483648", "overflow", ""), ("25d", "overflow", ""), ("9" * 4000, "overflow", ""), ("1\u0661", "char", "\u0661")],
)  # fmt: skip
def test_bad_time(text: str, kind: str, char: str) -> None:
    with pytest.raises(UnitError) as caught:
        parse_time(text)
    assert (caught.value.kind, caught.value.char) == (kind, char)


def test_surplus_is_only_told() -> None:
    """HAProxy warns about `15min` and takes 15 minutes."""
    told: list[str] = []
    assert parse_time("15min", "ms", told.append) == 900000
    assert told[0].startswith("unexpected character 'i' after the timer value '15min', only (us=microseconds,")


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("16384", 16384), ("16k", 16384), ("1M", 1 << 20), ("2g", 1 << 31)])
def test_size(text: str, value: int) -> None:
    assert parse_size(text) == value


@pytest.mark.parametrize("text", ["", "k", "1x", "1kb", "-1", "4g", "9" * 50])
def test_bad_size(text: str) -> None:
    with pytest.raises(UnitError):
        parse_size(text)


@pytest.mark.parametrize(("text", "value"), [("12a", 12), ("a", 0), ("", 0), (" -3", -3), ("+4", 4), ("9" * 30, 2147483647)])
def test_leading_int(text: str, value: int) -> None:
    """As C's atol."""
    assert leading_int(text) == value


@settings(max_examples=200)
@given(st.text(max_size=30))
def test_never_surprises(text: str) -> None:
    """A text made a reader raise something else than UnitError."""
    for read in (parse_time, parse_size):
        try:
            assert 0 <= read(text) < 2**32
        except UnitError:
            pass
    leading_int(text)
    assert strict_int(text) is None or text.lstrip("+-").isascii()
