"""Removed words, known words and near misses."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haproxy_py.config import known


def test_lists_are_there() -> None:
    """The data files were not installed."""
    assert {"global", "frontend", "peers"} <= known.words("sections")
    assert "ssl" in known.words("bind") and "maxconn" in known.words("cfg-global")


@pytest.mark.parametrize("word", sorted(known.words("cfg-proxy-removed")))
def test_every_removed_word_says_so(word: str) -> None:
    """A removed keyword is refused without a reason."""
    assert word in known.removed(word, "arg")


def test_replacements() -> None:
    gone = "directive is not supported anymore since HAProxy 2.1."
    assert known.removed("reqidel") == f"The 'reqidel' {gone} Use 'http-request del-header' instead."
    assert known.removed("rspirep") == f"The 'rspirep' {gone} Use 'http-response replace-header' instead."
    assert known.removed("clitimeout") == f"the 'clitimeout' {gone} Use 'timeout client'."
    assert known.removed("monitor-net", "10.0.0.1") == (
        "'monitor-net' doesn't exist anymore. Please use 'http-request return status 200 if { src 10.0.0.1 }' instead."
    )
    assert known.removed("bind") == ""


@pytest.mark.parametrize(
    ("word", "near"),
    [("maxcon", "maxconn"), ("wieght", "weight"), ("httplgo", "httplog"), ("foo", "tfo"), ("zzzzzzzz", ""), ("", "")],
)
def test_nearest(word: str, near: str) -> None:
    candidates = {"maxconn", "weight", "httplog", "tfo", "name"}
    assert known.nearest(word, candidates) == near
    assert known.maybe(word, candidates) == (f"; did you mean '{near}' maybe ?" if near else "")


@settings(max_examples=200)
@given(st.text("abc", max_size=8), st.text("abc", max_size=8))
def test_distance(a: str, b: str) -> None:
    """Distance is symmetric, 0 for equals only, and cut off at the limit."""
    d = known.distance(a, b, 20)
    assert d == known.distance(b, a, 20)
    assert (d == 0) == (a == b)
    assert known.distance(a, b, 1) == min(d, 2)
