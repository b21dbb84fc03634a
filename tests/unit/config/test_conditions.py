"""Conditions of .if and -cc (manual 2.4)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haproxy_py.config.conditions import ConditionError, check_condition, version_number
from haproxy_py.version import EMULATED

ENV = {"HOME": "/home/x"}
BEHIND = "of predicate 'streq' used in conditional expression"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", False), ("0", False), ("1", True), ("-1", True), ("00", False), ("!0", True), ("!!1", True), ("! 0", True),
        ("1 && 0", False), ("1&&1", True), ("0 || 1", True), ("0||0", False), ("1 || 1 && 0", True), ("(1 || 1) && 0", False),
        ("0 || 1 && 0", False), ("defined(HOME)", True), ("defined(NOPE)", False), ("defined", False),
        ("streq(a,a)", True), ("streq(a,b)", False), ("strneq(a,b)", True), ("strstr(abc,b)", True), ("strstr(abc,x)", False),
        ("streq( a , a)", False), ("streq('a,b',\"a,b\")", True), (r"streq(a\,b,'a,b')", True), ("(streq(a,a))", True),
        ("feature(OPENSSL)", True), ("feature(QUIC)", False), ("version_atleast(3.2)", True), ("version_atleast(3.2.0)", True),
        ("version_atleast(3.2.1)", False), ("version_atleast(3.2-dev7)", True), ("version_atleast(3.3-dev1)", False),
        ("version_before(3.3)", True), ("version_before(3.2.0)", False), ("version_atleast(2)", True),
        ("ssllib_name_startswith(OpenSSL)", True), ("openssl_version_atleast(1.0)", True), ("openssl_version_before(1.0)", False),
        ("enabled(EPOLL)", True), ("enabled(foo)", False), ("fips_mode", False), ("awslc_api_atleast(1)", False),
    ],
)  # fmt: skip
def test_value(text: str, value: bool) -> None:
    assert check_condition(text, ENV) is value


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("foo", "unparsable conditional expression 'foo'"),
        ("0 && foo", "unparsable conditional expression 'foo'"),
        ("1 1", "unexpected character '1' at the end of conditional expression '1 1'"),
        ("1)", "unexpected character ')' at the end of conditional expression '1)'"),
        ("(1", "expected ')' after conditional expression '(1'"),
        ("!", "unparsable conditional expression '!'"),
        ("streq(a)", f"missing arguments (got 1/2), type 'string' expected in argument 1 {BEHIND}"),
        ("streq(a,b,c)", f"expected ')' before ',c)' in argument 1 {BEHIND}"),
    ],
)  # fmt: skip
def test_fault(text: str, what: str) -> None:
    with pytest.raises(ConditionError) as caught:
        check_condition(text, ENV)
    assert caught.value.what == what


def test_versions_sort() -> None:
    """Development versions come before the release they lead to."""
    order = ["2.9", "3.0-dev1", "3.0-dev12", "3.0", "3.0.1", "3.1", EMULATED]
    assert sorted(order, key=version_number) == order
    assert version_number("2.4-dev19-abc123-5") > version_number("2.4-dev19")


@settings(max_examples=200)
@given(st.text("01!()&| abstreqdefined,'\"\\.", max_size=60))
def test_any_text(text: str) -> None:
    """A condition raised something else than ConditionError, or did not end."""
    try:
        check_condition(text, ENV)
    except ConditionError as wrong:
        assert 0 <= wrong.at <= len(text)


def test_depth_is_bounded() -> None:
    with pytest.raises(ConditionError):
        check_condition("(" * 100000 + "1" + ")" * 100000, ENV)
