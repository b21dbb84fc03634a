"""One line of text -> its words: quotes, escapes, comments, environment variables (manual 2.2 and 2.3).

Words are cut as bytes and decoded as UTF-8 with surrogateescape, so that any byte survives. Most lines hold none of the
special characters: those are split without looking at each character.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Lookup = Callable[[str], "str | None"]

MAX_WORDS = 64  # HAProxy's limit of words on a line
SHOWN = 80  # columns of a line that a message shows

_SPECIAL = re.compile(r"[\"'\\#\x00]|\r(?!\Z)")
_WORD = re.compile(r"[^ \t\n\v\f\r]+")
_BLANK = b" \t\n\v\f\r"
_PLAIN = re.compile(rb"[^ \t\n\v\f\r\"'\\#]+")
_WEAK = re.compile(rb"[^\"\\$\r]+")
_NAME = re.compile(rb"\.?[A-Za-z_][A-Za-z0-9_]*")
_HEX = re.compile(rb"[0-9A-Fa-f]{2}")
_ESCAPED = {0x6E: 10, 0x72: 13, 0x74: 9}  # n r t
_SELF = frozenset(b" #\\\"'")


class LexError(Exception):
    """A line that cannot be cut into words. `at`: offset in the line of the offending byte, from 0."""

    def __init__(self, what: str, at: int) -> None:
        super().__init__(what)
        self.what = what
        self.at = at


class Words(list[str]):
    """The words of a line. `quoted` tells, word by word, whether quotes or escapes took part in it."""

    __slots__ = ("quoted",)

    def __init__(self, words: list[str], quoted: list[bool]) -> None:
        super().__init__(words)
        self.quoted = quoted


def split(line: str, lookup: Lookup) -> Words:
    """Cut one line (without its LF).

    Args: lookup: value of an environment (or pseudo) variable, None when it is not set.
    Raises: LexError. Source: manual 2.2, 2.3.
    """
    if not _SPECIAL.search(line):
        words = _WORD.findall(line)
        return Words(words, [False] * len(words))
    return _Cutter(line.encode("utf-8", "surrogateescape"), lookup).run()


class _Cutter:
    """The slow way: byte by byte, with states."""

    def __init__(self, text: bytes, lookup: Lookup) -> None:
        self.text = text
        self.lookup = lookup
        self.words: list[str] = []
        self.quoted: list[bool] = []
        self.word: bytearray | None = None
        self.special = False

    def end_word(self) -> None:
        if self.word is None:
            return
        body = bytes(self.word).partition(b"\0")[0]  # a \x00 ends a word, as it ends a C string
        self.words.append(body.decode("utf-8", "surrogateescape"))
        self.quoted.append(self.special)
        self.word, self.special = None, False

    def open_word(self) -> bytearray:
        if self.word is None:
            self.word = bytearray()
        return self.word

    def run(self) -> Words:
        text, at, end = self.text, 0, len(self.text)
        while at < end:
            c = text[at]
            if c == 13 and self.word is not None:
                break  # a CR behind a word ends the line
            if c in _BLANK:
                self.end_word()
                at += 1
            elif c == 0x23:  # '#'
                break
            elif c == 0x22:
                at = self.weak(at)
            elif c == 0x27:
                at = self.strong(at)
            elif c == 0x5C:
                at = self.escape(at, in_quotes=False)
            else:
                found = _PLAIN.match(text, at)
                stop = found.end() if found else at + 1
                self.open_word().extend(text[at:stop])
                at = stop
        self.end_word()
        return Words(self.words, self.quoted)

    def escape(self, at: int, *, in_quotes: bool) -> int:
        """A backslash at `at`: \\n \\r \\t \\xHH, a protected character, or itself."""
        text = self.text
        word = self.open_word()
        after = text[at + 1] if at + 1 < len(text) else -1
        if after in _ESCAPED:
            word.append(_ESCAPED[after])
        elif after in _SELF or (in_quotes and after == 0x24):
            word.append(after)
        elif after == 0x78:
            digits = _HEX.match(text, at + 2)
            if not digits:
                raise LexError("truncated or invalid hexadecimal sequence", at)
            word.append(int(digits.group(), 16))
            self.special = True
            return at + 4
        else:
            word.append(0x5C)
            return at + 1
        self.special = True
        return at + 2

    def strong(self, at: int) -> int:
        """A single quote at `at`: nothing is special before the next one."""
        end = self.text.find(b"'", at + 1)
        stray = self.text.find(b"\r", at + 1)
        if end < 0 or 0 <= stray < end:
            raise LexError("unmatched quote", at)
        self.open_word().extend(self.text[at + 1 : end])
        self.special = True
        return end + 1

    def weak(self, quote: int) -> int:
        """A double quote at `quote`: escapes and variables work inside."""
        text, at = self.text, quote + 1
        self.open_word()
        self.special = True
        while at < len(text):
            c = text[at]
            if c == 0x22:
                return at + 1
            if c == 0x5C:
                at = self.escape(at, in_quotes=True)
            elif c == 0x24:
                at = self.variable(at)
            elif c == 13:
                break
            else:
                found = _WEAK.match(text, at)
                stop = found.end() if found else at + 1
                self.open_word().extend(text[at:stop])
                at = stop
        raise LexError("unmatched quote", quote)

    def variable(self, dollar: int) -> int:
        """`$NAME`, `${NAME}`, `${NAME-default}`, `${NAME[*]}` at `dollar`."""
        text, at = self.text, dollar + 1
        braced = text[at : at + 1] == b"{"
        brace = at
        at += braced
        found = _NAME.match(text, at)
        name = found.group().decode() if found else ""
        if not found or (name[0] == "." and name not in PSEUDO):
            raise LexError("forbidden first char in environment variable name", at)
        value = self.lookup(name)
        at = found.end()
        if not braced:
            self.open_word().extend((value or "").encode("utf-8", "surrogateescape"))
            return at
        several = text[at : at + 3] == b"[*]"
        if not several and text[at : at + 1] == b"[":
            raise LexError("truncated or invalid word expansion sequence", at)
        if several:
            at += 3
        elif text[at : at + 1] == b"-":
            stop = text.find(b"}", at)
            if stop < 0:
                raise LexError("unmatched brace in environment variable name", brace)
            if value is None:
                value = text[at + 1 : stop].decode("utf-8", "surrogateescape")
            at = stop
        if text[at : at + 1] != b"}":
            raise LexError("unmatched brace in environment variable name", brace)
        self.expand(value or "", several)
        return at + 1

    def expand(self, value: str, several: bool) -> None:
        """Put a value into the current word; as a list, each blank in it begins a new word."""
        body = value.encode("utf-8", "surrogateescape")
        if not several:
            self.open_word().extend(body)
            return
        pieces = body.split()
        if not pieces and self.word is not None and not self.word:
            self.word = None  # an empty list is no argument at all
        for i, piece in enumerate(pieces):
            if i:
                self.end_word()
                self.special = True
            self.open_word().extend(piece)


PSEUDO = frozenset({".FILE", ".LINE", ".SECTION"})


def caret(line: str, at: int) -> str:
    """The two rows that HAProxy prints below a message: the line, made printable and cut around `at`, and a caret.

    Args: at: offset in bytes, from 0.
    """
    raw = line.encode("utf-8", "surrogateescape")
    body = raw.lstrip(_BLANK)
    at -= len(raw) - len(body)
    show = "".join(chr(c) if 32 <= c < 127 else " " if c in _BLANK else "?" for c in body)
    if at >= SHOWN:
        left = at - SHOWN // 2 + 3
        show, at = f"...{show[left : left + SHOWN - 6]}...", SHOWN // 2
    return f"\n  {show[:SHOWN]}\n  {' ' * at}^"


def quote(word: str) -> str:
    """A word written so that split() gives it back."""
    if word and not re.search(r"[\s\"'\\#\x00-\x1f$]", word):
        return word
    out = []
    for c in word:
        if c in " #\\\"$":
            out.append("\\" + c)
        elif c < " ":
            out.append(f"\\x{ord(c):02x}")
        else:
            out.append(c)
    return '"' + "".join(out) + '"'
