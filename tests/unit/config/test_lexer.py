"""Words of a line: quotes, escapes, variables, positions of faults (manual 2.2, 2.3)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haproxy_py.config import lexer

ENV = {"A": "1", "LIST": "one two  three", "EMPTY": ""}


def words(line: str) -> list[str]:
    return list(lexer.split(line, ENV.get))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", []),
        ("  \t ", []),
        ("a b\tc", ["a", "b", "c"]),
        ("a b\r", ["a", "b"]),
        ("a b\rc", ["a", "b"]),
        ("a \rb", ["a", "b"]),
        ("a\\\tb", ["a\\", "b"]),
        ("a # b", ["a"]),
        ("a#b c", ["a"]),
        (r"a\#b", ["a#b"]),
        ('"a#b"', ["a#b"]),
        (r"a\ b", ["a b"]),
        (r"a\.b", [r"a\.b"]),
        (r'"a\.b"', [r"a\.b"]),
        (r"'a\'", ["a\\"]),
        (r"a\\b", [r"a\b"]),
        (r"a\$b", [r"a\$b"]),
        (r'"\$A"', ["$A"]),
        ("$A", ["$A"]),
        ('"$A"', ["1"]),
        ('"${A}"x', ["1x"]),
        ('"${NO-d e}"', ["d e"]),
        ('"${A-d}"', ["1"]),
        ('"${EMPTY-d}"', [""]),
        ('"${NO}"', [""]),
        ('"${LIST}"', ["one two  three"]),
        ('"${LIST[*]}"', ["one", "two", "three"]),
        ('"x${LIST[*]}y"', ["xone", "two", "threey"]),
        ('"${NO[*]}" z', ["z"]),
        ("\"a b\"'c d'e", ["a bc de"]),
        ("\"a'b\"", ["a'b"]),
        (r"\n\r\t\x41", ["\n\r\tA"]),
        (r"\xc3\xa9", ["é"]),
        (r"\xff", ["\udcff"]),
        (r"\x41\x00b", ["A"]),
        ("a\\", ["a\\"]),
        ("a\x0bb\x0cc", ["a", "b", "c"]),
        ("a\u00a0b\u2028c", ["a\u00a0b\u2028c"]),
        ('foo ""', ["foo", ""]),
    ],
)
def test_words(line: str, expected: list[str]) -> None:
    """A line was cut differently from HAProxy."""
    assert words(line) == expected


@pytest.mark.parametrize(
    ("line", "what", "at"),
    [
        ('  description "abc', "unmatched quote", 14),
        ("x 'y", "unmatched quote", 2),
        ('x "a$1"', "forbidden first char in environment variable name", 5),
        ('x "$"', "forbidden first char in environment variable name", 4),
        ('x "${}"', "forbidden first char in environment variable name", 5),
        ('x "${.NO}"', "forbidden first char in environment variable name", 5),
        ('x "${A"', "unmatched brace in environment variable name", 4),
        ('x "${A-"', "unmatched brace in environment variable name", 4),
        ('x "${A[*}"', "truncated or invalid word expansion sequence", 6),
        (r"x \x4", "truncated or invalid hexadecimal sequence", 2),
        (r"é \xzz", "truncated or invalid hexadecimal sequence", 3),
    ],
)
def test_faults(line: str, what: str, at: int) -> None:
    """A fault of a line has another name or place than HAProxy gives it."""
    with pytest.raises(lexer.LexError) as caught:
        words(line)
    assert (caught.value.what, caught.value.at) == (what, at)


def test_quoted_flags() -> None:
    """The flags tell which words were protected."""
    cut = lexer.split("a 'b' c\\ d e", ENV.get)
    assert cut.quoted == [False, True, True, False]


def test_caret() -> None:
    """The line is shown from its first word; a far place is shown in a window."""
    assert lexer.caret('  a "b', 4) == '\n  a "b\n    ^'
    far = lexer.caret("x" * 90 + '"' + "y" * 60, 90).split("\n")
    assert far[1] == "  ..." + "x" * 37 + '"' + "y" * 36 + "..."
    assert far[2] == "  " + " " * 40 + "^"


@settings(max_examples=200)
@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1), max_size=10))
def test_round_trip(expected: list[str]) -> None:
    """A quoted word did not come back."""
    assert words(" ".join(lexer.quote(word) for word in expected)) == expected


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes(line: bytes) -> None:
    """A line raised something else than LexError."""
    try:
        words(line.decode("utf-8", "surrogateescape"))
    except lexer.LexError as wrong:
        assert 0 <= wrong.at <= len(line)


@settings(max_examples=100)
@given(st.text("ab \t#", max_size=40))
def test_fast_way_agrees(line: str) -> None:
    """Lines without special characters are cut the same way by both cutters."""
    plain = line.replace("#", "")
    assert words(plain) == words(plain + " #")
