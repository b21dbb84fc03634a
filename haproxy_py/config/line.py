"""One logical line under parsing: its words, its place, and the usual argument readers with HAProxy's complaints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from haproxy_py.config.errors import ConfigError, Faults, Where
from haproxy_py.config.units import parse_size, parse_time

if TYPE_CHECKING:
    from haproxy_py.config.model import Config, Item


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

    def fail(self, text: str) -> NoReturn:
        """End this line with an alert."""
        raise ConfigError(text, self.where)

    def warn(self, text: str) -> None:
        self.faults.warning(text, self.where)

    @property
    def args(self) -> list[str]:
        return self.words[self.first :]

    def arg(self, i: int, default: str = "") -> str:
        """Argument i from 0 behind the keyword."""
        at = self.first + i
        return self.words[at] if at < len(self.words) else default

    def time(self, i: int, unit: str = "ms") -> int:
        """Argument i as a delay in milliseconds (or microseconds with unit="us"); fails in HAProxy's words."""
        return parse_time(self.arg(i), unit)

    def size(self, i: int) -> int:
        """Argument i as a size in bytes."""
        return parse_size(self.arg(i))
