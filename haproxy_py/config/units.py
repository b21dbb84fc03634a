"""Delays and sizes as the manual writes them (2.5 Time format, 2.8 Size format).

parse_time and parse_size raise a UnitError whose `kind` lets a keyword use its own words; its text is the general one.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from haproxy_py.config.errors import ConfigError

MAX_MS = 2147483647
MAX_SIZE = 4294967295
US = {"us": 1, "ms": 1000, "s": 10**6, "m": 60 * 10**6, "h": 3600 * 10**6, "d": 86400 * 10**6}
KILO = {"": 0, "k": 10, "m": 20, "g": 30}
_TIME = re.compile(r"([0-9]+)(us|ms|s|m|h|d)?(.?)", re.DOTALL)
_SIZE = re.compile(r"([0-9]+)([kKmMgG]?)(.?)", re.DOTALL)
_INT = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")


class UnitError(ConfigError):
    """kind: "char" (`char` does not belong there), "overflow" or "underflow" (`text_given` holds the argument)."""

    def __init__(self, kind: str, given: str, char: str = "") -> None:
        self.kind = kind
        self.given = given
        self.char = char
        super().__init__(self.words("this argument"))

    def words(self, name: str) -> str:
        """The complaint about an argument of the keyword `name`, as most keywords put it."""
        if self.kind == "overflow":
            limit = "maximum value is 2147483647 ms or ~24.8 days"
            return f"timer overflow in argument '{self.given}' to '{name}' ({limit})"
        if self.kind == "underflow":
            return f"timer underflow in argument '{self.given}' to '{name}' (minimum non-null value is 1 ms)"
        return f"unexpected character '{self.char}' in '{name}'"


def parse_time(text: str, unit: str = "ms", surplus: Callable[[str], None] | None = None) -> int:
    """Turn a configured delay into whole `unit`s ("ms", "us" or "s"); parts are rounded up, so only 0 gives 0.

    Args: text: digits, then an optional us, ms, s, m, h or d; no unit means `unit`. surplus: told about characters
    behind a unit ("15min"), which HAProxy only warns about; without it they are refused.
    Returns: 0 <= n <= 2**31-1.  Raises: UnitError for a sign, an unknown unit, surplus characters, overflow.
    Source: manual 2.5.
    """
    found = _TIME.match(text)
    if not found:
        raise UnitError("char", text, text[:1])
    digits, given, more = found.groups()
    if more:
        if not given or surplus is None:
            raise UnitError("char", text, more)
        surplus(
            f"unexpected character '{more}' after the timer value '{text}', only (us=microseconds,ms=milliseconds,s=seconds,"
            "m=minutes,h=hours,d=days) are supported. This will be reported as an error in next versions."
        )
    if len(digits.lstrip("0")) > 20:
        raise UnitError("overflow", text)
    micro = int(digits) * US[given or unit]
    value = -(-micro // US[unit])
    if value > MAX_MS:
        raise UnitError("overflow", text)
    return value


def parse_size(text: str) -> int:
    """Turn a configured size (digits, then an optional k, m or g, powers of 1024) into bytes.

    Returns: 0 <= n < 2**32.  Raises: UnitError. Source: manual 2.8.
    """
    found = _SIZE.match(text)
    if not found:
        raise UnitError("char", text, text[:1])
    digits, scale, surplus = found.groups()
    if surplus:
        raise UnitError("char", text, surplus)
    if len(digits.lstrip("0")) > 12:
        raise UnitError("overflow", text)
    value = int(digits) << KILO[scale.lower()]
    if value > MAX_SIZE:
        raise UnitError("overflow", text)
    return value


def leading_int(text: str) -> int:
    """What C's atol gives: the number that a text begins with, 0 when there is none, kept within 32 bits.

    HAProxy reads many counts this way, so `maxconn 12a` is 12 there; keywords that must agree with it use this.
    """
    found = _INT.match(text)
    if not found or len(found.group(1)) > 24:
        return 0 if not found else MAX_MS
    return max(-MAX_MS - 1, min(MAX_MS, int(found.group(1))))


def atoi(text: str) -> int:
    """What C's atoi gives: leading_number() cut to 32 bits, so that 4294967297 is 1 and 2147483648 is negative."""
    return ((leading_number(text) + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)


def strict_int(text: str) -> int | None:
    """A decimal number and nothing else, or None."""
    return int(text) if re.fullmatch(r"[+-]?[0-9]{1,18}", text) else None


def leading_number(text: str) -> int:
    """What C's atoll gives: as leading_int(), kept within 64 bits."""
    found = _INT.match(text)
    if not found:
        return 0
    return max(-(1 << 63), min((1 << 63) - 1, int(found.group(1)[:40])))
