"""Conditional blocks and messages: .if .elif .else .endif, .notice .warning .alert .diag (manual 2.4), and `-cc`.

    check_condition("version_atleast(3.0) && !defined(OLD)") -> True
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from haproxy_py.config.errors import GLUED, ConfigError, Faults, Where
from haproxy_py.version import EMULATED, FEATURES

_INTEGER = re.compile(r"[+-]?[0-9]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BLANKS = re.compile(r"[ \t\n\v\f\r]*")
MAX_DEPTH = 64  # brackets and exclamation marks within each other


class ConditionError(Exception):
    """A condition that cannot be understood. `rest`: the text from the place on; `at`: its offset in the condition."""

    def __init__(self, what: str, at: int, rest: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.at = at
        self.rest = rest


Env = Mapping[str, str]
Predicate = Callable[[list[str], Env], bool]


def version_number(text: str) -> tuple[int, int, int, int, int]:
    """`2.4-dev19` and the like as something that sorts: a release comes after its development versions.

    Missing parts count as zero; what is no number ends the version. Source: manual 2.4.
    """
    found = re.match(r"([0-9]{0,9})(?:\.([0-9]{1,9}))?(?:\.([0-9]{1,9}))?(?:-dev([0-9]{0,9}))?(?:.*?-([0-9]{1,9})\b)?", text)
    if not found:
        return (0, 0, 0, 0, 0)
    major, minor, patch, dev, commits = found.groups()
    stage = 10**9 if dev is None else int(dev or 0)
    return (int(major or 0), int(minor or 0), int(patch or 0), stage, int(commits or 0))


def _openssl(text: str) -> tuple[int, int, int, int]:
    """`3.0.2` or `1.1.1n` of OpenSSL."""
    found = re.match(r"([0-9]{1,9})(?:\.([0-9]{1,9}))?(?:\.([0-9]{1,9}))?([a-z])?", text)
    if not found:
        return (0, 0, 0, 0)
    letter = ord(found.group(4)) - 96 if found.group(4) else 0
    return (int(found.group(1)), int(found.group(2) or 0), int(found.group(3) or 0), letter)


def _our_openssl() -> tuple[int, int, int, int]:
    return _openssl(ssl.OPENSSL_VERSION.split(" ")[1])


# How many arguments, and what it tells. Several of HAProxy's polls and engines are one and the same here.
ENABLED = {"POLL": False, "EPOLL": True, "KQUEUE": False, "EVPORTS": False, "SPLICE": True, "GETADDRINFO": True, "REUSEPORT": True,
           "FAST-FORWARD": True, "SERVER-SSL-VERIFY": True}  # fmt: skip
PREDICATES: dict[str, tuple[int, Predicate]] = {
    "defined": (1, lambda a, env: a[0] in env),
    "enabled": (1, lambda a, env: ENABLED.get(a[0].upper(), False)),
    "feature": (1, lambda a, env: a[0] in FEATURES),
    "fips_mode": (0, lambda a, env: False),
    "streq": (2, lambda a, env: a[0] == a[1]),
    "strneq": (2, lambda a, env: a[0] != a[1]),
    "strstr": (2, lambda a, env: a[1] in a[0]),
    "version_atleast": (1, lambda a, env: version_number(EMULATED) >= version_number(a[0])),
    "version_before": (1, lambda a, env: version_number(EMULATED) < version_number(a[0])),
    "openssl_version_atleast": (1, lambda a, env: _our_openssl() >= _openssl(a[0])),
    "openssl_version_before": (1, lambda a, env: _our_openssl() < _openssl(a[0])),
    "ssllib_name_startswith": (1, lambda a, env: ssl.OPENSSL_VERSION.startswith(a[0])),
    "awslc_api_atleast": (1, lambda a, env: False),
    "awslc_api_before": (1, lambda a, env: False),
}


class _Parser:
    """A condition under evaluation. Both sides of `&&` and `||` are always parsed, so a fault shows in either."""

    def __init__(self, text: str, env: Env) -> None:
        self.text = text
        self.env = env
        self.at = 0
        self.depth = 0

    def blanks(self) -> None:
        found = _BLANKS.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def take(self, what: str) -> bool:
        self.blanks()
        if not self.text.startswith(what, self.at):
            return False
        self.at += len(what)
        return True

    def fail(self, at: int) -> ConditionError:
        return ConditionError(f"unparsable conditional expression '{self.text[at:]}'", at)

    def either(self) -> bool:
        value = self.both()
        while self.take("||"):
            other = self.both()
            value = value or other
        return value

    def both(self) -> bool:
        value = self.term()
        while self.take("&&"):
            other = self.term()
            value = value and other
        return value

    def term(self) -> bool:
        self.blanks()
        start = self.at
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail(start)
        try:
            if self.take("!"):
                if self.at >= len(self.text):
                    raise self.fail(start)
                return not self.term()
            if self.take("("):
                value = self.either()
                if not self.take(")"):
                    raise ConditionError(f"expected ')' after conditional expression '{self.text[start:]}'", start)
                return value
        finally:
            self.depth -= 1
        return self.number(start)

    def number(self, start: int) -> bool:
        found = _INTEGER.match(self.text, start)
        if found:
            self.at = found.end()
            return found.group().strip("+-0") != ""
        found = _NAME.match(self.text, start)
        if not found or found.group() not in PREDICATES:
            raise self.fail(start)
        self.at = found.end()
        count, call = PREDICATES[found.group()]
        return call(self.arguments(found.group(), count), self.env)

    def arguments(self, name: str, count: int) -> list[str]:
        """`(a,b)` behind a predicate; a missing argument of a one-argument predicate is empty."""
        behind = f"of predicate '{name}' used in conditional expression"
        if not self.text.startswith("(", self.at):
            if count > 1:
                raise ConditionError(f"missing arguments (got 0/{count}) {behind}", self.at)
            return [""] * count
        self.at += 1
        found = [self.word()]
        while len(found) < count and self.text.startswith(",", self.at):
            self.at += 1
            found.append(self.word())
        if len(found) < count:
            told = f"missing arguments (got {len(found)}/{count}), type 'string' expected in argument {len(found)} {behind}"
            raise ConditionError(told, self.at)
        rest = self.text[self.at :]
        if not rest.startswith(")"):
            before = f" before '{rest}'" if rest else ""
            raise ConditionError(f"expected ')'{before} in argument {len(found) - 1} {behind}", self.at)
        self.at += 1
        return found

    def word(self) -> str:
        """One argument; quotes and backslashes protect its delimiters (manual 2.2, second level)."""
        out, quote, text = [], "", self.text
        while self.at < len(text):
            c = text[self.at]
            if c == "\\" and quote != "'" and self.at + 1 < len(text):
                self.at += 1
                out.append({"n": "\n", "r": "\r", "t": "\t"}.get(text[self.at], text[self.at]))
            elif c == quote:
                quote = ""
            elif not quote and c in "\"'":
                quote = c
            elif not quote and c in ",)":
                break
            else:
                out.append(c)
            self.at += 1
        return "".join(out)


def check_condition(text: str, env: Env | None = None) -> bool:
    """Evaluate a condition as `.if` and `-cc` do; the empty one is false. Raises: ConditionError."""
    parser = _Parser(text, os.environ if env is None else env)
    parser.blanks()
    if parser.at == len(text):
        return False
    value = parser.either()
    parser.blanks()
    if parser.at < len(text):
        raise ConditionError(
            f"unexpected character '{text[parser.at]}' at the end of conditional expression '{text}'", parser.at
        )
    return value


class _Arm(Enum):
    TAKEN = 1  # its lines count
    WAITING = 2  # false so far: an .elif or .else may be taken
    DONE = 3  # an earlier arm was taken, or the block lies within one that is not


@dataclass(slots=True)
class Blocks:
    """The nesting of .if blocks in one file."""

    arms: list[_Arm] = field(default_factory=list)
    in_else: list[bool] = field(default_factory=list)

    @property
    def active(self) -> bool:
        """Whether the lines here count."""
        return not self.arms or self.arms[-1] is _Arm.TAKEN

    def directive(self, words: list[str], where: Where, faults: Faults, env: Env) -> bool:
        """Obey a line if it is a directive. Returns: whether it was one. Raises ConfigError."""
        name = words[0]
        if not name.startswith("."):
            return False
        if name in (".if", ".elif", ".else", ".endif"):
            self._block(name, words, where, env)
        elif name in (".notice", ".warning", ".alert", ".diag"):
            if self.active:
                self._message(name, words, where, faults)
        elif self.active:
            raise ConfigError(f"unknown directive '{name}'.", where, GLUED)
        return True

    def _message(self, name: str, words: list[str], where: Where, faults: Faults) -> None:
        if len(words) > 2:
            told = f"Unexpected argument '{words[2]}' for '{name}'. Use quotes if the message should contain spaces."
            raise ConfigError(told, where, GLUED)
        say = {".notice": faults.notice, ".warning": faults.warning, ".alert": faults.alert, ".diag": faults.diag}[name]
        say(f"'{words[1] if len(words) > 1 else ''}'.", where, GLUED)

    def _block(self, name: str, words: list[str], where: Where, env: Env) -> None:
        if name == ".if":
            outer = self.active
            self.arms.append(_Arm.DONE if not outer else _Arm.WAITING)
            self.in_else.append(False)
            if outer:
                self._judge(words, where, env)
            return
        if not self.arms:
            raise ConfigError(f"lone '{name}' with no matching '.if'.", where, GLUED)
        if name != ".elif" and len(words) > 1:
            raise ConfigError(f"Unexpected argument '{words[1]}' for '{name}'.", where, GLUED)
        if name == ".endif":
            self.arms.pop()
            self.in_else.pop()
            return
        if self.in_else[-1]:
            raise ConfigError(f"'{name}' after '.else' is not permitted.", where, GLUED)
        if name == ".else":
            self.in_else[-1] = True
        if self.arms[-1] is not _Arm.WAITING:
            self.arms[-1] = _Arm.DONE
        elif name == ".else":
            self.arms[-1] = _Arm.TAKEN
        else:
            self._judge(words, where, env)

    def _judge(self, words: list[str], where: Where, env: Env) -> None:
        """Evaluate the condition of .if or .elif; a faulty one leaves its block out."""
        text = " ".join(words[1:])
        try:
            value = check_condition(text, env)
        except ConditionError as wrong:
            self.arms[-1] = _Arm.DONE
            pad = " " * (len(words[0]) + 1 + wrong.at)
            told = f"{wrong.what} in '{words[0]}' at position {wrong.at + 1}:\n  {words[0]} {text}\n  {pad}^"
            raise ConfigError(told, where, GLUED) from None
        self.arms[-1] = _Arm.TAKEN if value else _Arm.WAITING

    def close(self, faults: Faults, where: Where) -> None:
        """The file ends: every block must have ended."""
        if self.arms:
            faults.alert("non-terminated '.if' block.", where, GLUED)
