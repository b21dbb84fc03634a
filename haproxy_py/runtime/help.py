"""`help`, and what is said about words that are no command: the nearest commands (management manual 9.3)."""

from __future__ import annotations

from collections.abc import Iterable

from haproxy_py.runtime.call import Call, Client
from haproxy_py.runtime.registry import Command, command

VALID = "The following commands are valid at this level:\n"
UNKNOWN = "Unknown command: '{}', but maybe one of the following ones is a better match:\n"
UNKNOWN_PLAIN = "Unknown command. Please enter one of the following commands only:\n"
COLUMN = 40
MOST = 5  # proposals
FOOT = ("help", "prompt", "quit")
Table = dict[tuple[str, ...], Command]


def line(row: Command) -> str:
    """A command's line of the help."""
    return f"  {row.usage:<{COLUMN - 1}} : {row.about}\n" if len(row.usage) < COLUMN else f"  {row.usage}: {row.about}\n"


def listed(table: Table, client: Client) -> list[Command]:
    """The commands that this connection is told about, in HAProxy's order; those that always stand at the end are not in it."""
    rows = (row for row in table.values() if row.usage and row.name not in FOOT)
    shown = [r for r in rows if (client.expert or not r.expert) and (client.experimental or not r.experimental)]
    return sorted(shown, key=lambda row: (row.words, row.usage))


def screen(head: str, rows: Iterable[Command], table: Table) -> str:
    """Head, rows, and the three commands that are always shown."""
    foot = [table[(name,)] for name in FOOT if (name,) in table]
    return head + "".join(line(row) for row in (*rows, *foot))


def matching(words: list[str], rows: list[Command]) -> tuple[list[Command], bool]:
    """(rows to show, whether they all begin with `words`): the beginning as far as it fits, then the nearest among these."""
    fit = rows
    for n, word in enumerate(words):
        closer = [row for row in fit if len(row.words) > n and row.words[n] == word]
        if not closer:
            if any(len(row.words) <= n for row in fit):
                return [row for row in fit if len(row.words) <= n], True
            return nearest(words, fit), False
        fit = closer
    return fit, True


def nearest(words: list[str], rows: list[Command]) -> list[Command]:
    """The MOST rows whose words are nearest to what was typed, in the order of the table."""
    text = " ".join(words)
    told = sorted(rows, key=lambda row: distance(text, row.name))[:MOST]
    return [row for row in rows if row in told]


def distance(one: str, other: str) -> int:
    """How far two words are apart: differences between their counts of neighbouring letters."""
    ours, theirs = _pairs(one), _pairs(other)
    return sum((ours.get(pair, 0) - theirs.get(pair, 0)) ** 2 for pair in {*ours, *theirs})


def _pairs(text: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    padded = f"\0{text.lower()}\0"
    for pair in (padded[i : i + 2] for i in range(len(padded) - 1)):
        counts[pair] = counts.get(pair, 0) + 1
    return counts


def no_such_command(words: list[str], table: Table, client: Client) -> str:
    """What an unknown command is answered."""
    rows, _ = matching(words, listed(table, client))
    return screen(UNKNOWN.format(words[0]), rows, table)


@command("help", "help [<command>]", "list matching or all commands", master=True)
def show_help(call: Call) -> str:
    """All commands, or those that begin with (or are nearest to) the arguments."""
    rows = listed(call.table, call.client)
    return screen(VALID, matching(call.args, rows)[0] if call.args else rows, call.table)
