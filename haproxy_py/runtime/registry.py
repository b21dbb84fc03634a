"""How a command of the runtime socket registers itself: one call beside its code, no other edit.

    @command("get weight", "get weight <bk>/<srv>", "report a server's current weight")
    def get_weight(call: Call) -> str:
        ...

The function gets a Call and returns text, an iterator of texts (long outputs are sent in slices) or an asynchronous
iterator; it may be a coroutine function. It raises Answer(text, severity) for a message. The core checks the level, the modes and the words before.
Source: management manual 9.3.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

Text = str | bytes | None | Iterator[str] | Iterator[bytes]
Output = Text | AsyncIterator[str] | Awaitable[Text]
F = TypeVar("F", bound=Callable[..., Output])


class Level(IntEnum):
    """What a connection may do (manual 5.1, level)."""

    USER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        return self.name.lower()


EMERG, ALERT, CRIT, ERR, WARNING, NOTICE, INFO, DEBUG = range(8)  # syslog's severities, for severity-output


class Answer(Exception):
    """A message that ends a command: printed with its severity where the connection asked for that."""

    def __init__(self, text: str, severity: int = ERR) -> None:
        super().__init__(text)
        self.text = text
        self.severity = severity


@dataclass(frozen=True, slots=True)
class Command:
    """One row. words: what it is called by; usage and about: its line of the help, usage "": it is not listed."""

    words: tuple[str, ...]
    usage: str
    about: str
    level: Level
    run: Callable[..., Output]  # gets a runtime.call.Call
    expert: bool
    experimental: bool
    module: str
    placeholder: bool = False  # it only says that it is not built; a registration that does takes its place

    @property
    def name(self) -> str:
        return " ".join(self.words)


COMMANDS: dict[tuple[str, ...], Command] = {}
MASTER_COMMANDS: dict[tuple[str, ...], Command] = {}


def command(
    name: str,
    usage: str = "",
    about: str = "",
    *,
    level: Level = Level.USER,
    expert: bool = False,
    experimental: bool = False,
    master: bool = False,
    worker: bool = True,
    placeholder: bool = False,
) -> Callable[[F], F]:
    """Register a function for the command `name` (one or more words). level: least level; master: also on the master's
    socket, worker: on the workers'. Raises: RuntimeError: two modules register one name."""
    words = tuple(name.split())

    def register(run: F) -> F:
        row = Command(words, usage, about, level, run, expert, experimental, run.__module__, placeholder)
        for table, wanted in ((COMMANDS, worker), (MASTER_COMMANDS, master)):
            if wanted and not (placeholder and words in table):
                if words in table and not table[words].placeholder:
                    raise RuntimeError(f"command {name!r} registered by {table[words].module} and {row.module}")
                table[words] = row
        return run

    return register


def find(words: list[str], table: dict[tuple[str, ...], Command]) -> Command | None:
    """The longest command that `words` begins with."""
    for n in range(min(len(words), 5), 0, -1):
        found = table.get(tuple(words[:n]))
        if found is not None:
            return found
    return None
