"""One logical line under parsing: its words, its place, and the usual argument readers with HAProxy's complaints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, TypeVar

from haproxy_py.config.errors import PLAIN, ConfigError, Faults, Where
from haproxy_py.config.units import UnitError, leading_int, parse_size, parse_time, strict_int

if TYPE_CHECKING:
    from haproxy_py.config.model import Config, Item, Setting

T = TypeVar("T")


@dataclass(slots=True)
class Line:
    """words[0] is the keyword (for two-word keywords words[0] and words[1]; arguments start at `first`)."""

    words: list[str]
    where: Where
    faults: Faults
    config: Config
    section: Item | None = None
    negated: bool = False  # "no ..."
    is_default: bool = False  # "default option ..."
    first: int = 1  # index of the first argument
    quoted: list[bool] = field(default_factory=list)

    def fail(self, text: str, form: str = PLAIN) -> NoReturn:
        """End this line with an alert."""
        raise ConfigError(text, self.where, form)

    def warn(self, text: str, form: str = PLAIN) -> None:
        self.faults.warning(text, self.where, form)

    def alert(self, text: str, form: str = PLAIN) -> None:
        """Report an alert and go on with the line."""
        self.faults.alert(text, self.where, form)

    @property
    def args(self) -> list[str]:
        return self.words[self.first :]

    def arg(self, i: int, default: str = "") -> str:
        """Argument i from 0 behind the keyword."""
        at = self.first + i
        return self.words[at] if at < len(self.words) else default

    @property
    def keyword(self) -> str:
        """The keyword's words, for messages."""
        return " ".join(self.words[: self.first])

    def set(self, item: Item, setting: Setting[T], value: T) -> None:
        """Give `item` a setting and remember where that was said."""
        item[setting] = value
        item.said[setting] = self.where

    def time(self, i: int, unit: str = "ms") -> int:
        """Argument i as a delay in milliseconds (or microseconds with unit="us"); fails in HAProxy's words."""
        try:
            return parse_time(self.arg(i), unit, self.warn)
        except UnitError as wrong:
            raise ConfigError(wrong.words(self.keyword), self.where) from None

    def size(self, i: int) -> int:
        """Argument i as a size in bytes."""
        try:
            return parse_size(self.arg(i))
        except UnitError as wrong:
            raise ConfigError(wrong.words(self.keyword), self.where) from None

    def count(self, i: int, least: int = -(2**31), most: int = 2**31 - 1) -> int:
        """Argument i as C's atol reads it: what HAProxy does with most counts. Something behind the digits is warned about.

        Fails outside of least..most.
        """
        text = self.arg(i)
        value = leading_int(text)
        if strict_int(text) is None:
            self.warn(f"'{self.keyword}' expects a number: '{text}' counts as {value}.")
        if not least <= value <= most:
            self.fail(f"'{self.keyword}' expects a numeric value between {least} and {most} (got {value})")
        return value

    def number(self, i: int, least: int | None = None, most: int | None = None) -> int:
        """Argument i as a decimal number, nothing else, within its range."""
        value = strict_int(self.arg(i))
        if value is None:
            text = self.arg(i)
            at = next((k for k, c in enumerate(text) if not ("0" <= c <= "9" or (k == 0 and c in "+-"))), 0)
            self.fail(f"'{self.keyword}' : unexpected character '{text[at : at + 1]}' in integer value '{text}'")
        if (least is not None and value < least) or (most is not None and value > most):
            bounds = f"between {least} and {most}" if most is not None else f"of at least {least}"
            self.fail(f"'{self.keyword}' expects a numeric value {bounds} (got {value})")
        return value
