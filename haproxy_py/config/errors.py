"""Where a fault is, how it is worded, and how the faults of a whole file are collected (manual 2; management manual 3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a configuration: file as given on the command line, line from 1 (0: the whole file)."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Level(IntEnum):
    """Severity words of HAProxy's messages; ALERT makes a configuration unusable."""

    DIAG = 0
    NOTICE = 1
    WARNING = 2
    ALERT = 3


@dataclass(frozen=True, slots=True)
class Fault:
    """One message. `where` None: not about one place."""

    level: Level
    text: str
    where: Where | None = None

    def __str__(self) -> str:
        return f"parsing [{self.where}] : {self.text}" if self.where else self.text


class ConfigError(Exception):
    """A fault that ends the current line. `text` without place; the reader adds it."""

    def __init__(self, text: str, where: Where | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.where = where


@dataclass(slots=True)
class Faults:
    """Everything that was found, in order. Nothing stops at the first."""

    found: list[Fault] = field(default_factory=list)

    def alert(self, text: str, where: Where | None = None) -> None:
        self.found.append(Fault(Level.ALERT, text, where))

    def warning(self, text: str, where: Where | None = None) -> None:
        self.found.append(Fault(Level.WARNING, text, where))

    def notice(self, text: str, where: Where | None = None) -> None:
        self.found.append(Fault(Level.NOTICE, text, where))

    def diag(self, text: str, where: Where | None = None) -> None:
        self.found.append(Fault(Level.DIAG, text, where))

    @property
    def fatal(self) -> bool:
        return any(f.level is Level.ALERT for f in self.found)
