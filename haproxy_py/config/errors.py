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


PLAIN = "parsing [{}] : "  # how HAProxy introduces most faults of a line
GLUED = "parsing [{}]: "  # what its line reader and some old keywords print
SERVER = "[{}] : "  # faults of server lines


@dataclass(frozen=True, slots=True)
class Fault:
    """One message. `where` None: not about one place. `form` is one of PLAIN, GLUED, SERVER."""

    level: Level
    text: str
    where: Where | None = None
    form: str = PLAIN

    def __str__(self) -> str:
        return self.form.format(self.where) + self.text if self.where else self.text


class ConfigError(Exception):
    """A fault that ends the current line. `text` without place; the reader adds it."""

    def __init__(self, text: str, where: Where | None = None, form: str = PLAIN) -> None:
        super().__init__(text)
        self.text = text
        self.where = where
        self.form = form


@dataclass(slots=True)
class Faults:
    """Everything that was found, in order. Nothing stops at the first."""

    found: list[Fault] = field(default_factory=list)

    def alert(self, text: str, where: Where | None = None, form: str = PLAIN) -> None:
        self.found.append(Fault(Level.ALERT, text, where, form))

    def warning(self, text: str, where: Where | None = None, form: str = PLAIN) -> None:
        self.found.append(Fault(Level.WARNING, text, where, form))

    def notice(self, text: str, where: Where | None = None, form: str = PLAIN) -> None:
        self.found.append(Fault(Level.NOTICE, text, where, form))

    def diag(self, text: str, where: Where | None = None, form: str = PLAIN) -> None:
        self.found.append(Fault(Level.DIAG, text, where, form))

    @property
    def fatal(self) -> bool:
        return any(f.level is Level.ALERT for f in self.found)


def format_fault(fault: Fault, pid: int) -> str:
    """One fault as HAProxy writes it to stderr: `[ALERT]    (pid) : config : parsing [f:l] : text`, no line end.

    Texts of several lines bring their own layout ("   | " before each further line, or the caret of the line reader).
    """
    return f"{'[' + fault.level.name + ']':<10} ({pid}) : config : {fault}"
