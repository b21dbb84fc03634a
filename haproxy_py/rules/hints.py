"""What to say about a word that is not in a table: known to HAProxy but not built yet, or the nearest word."""

from __future__ import annotations

from collections.abc import Iterable

from haproxy_py.config import known

_LISTS = {"sample fetch": "sample-fetches", "converter": "converters", "log-format alias": "log-aliases"}


def not_yet(kind: str, name: str) -> str:
    """The complaint about a word of HAProxy's that is not built yet."""
    return f"{kind} '{name}' is known to HAProxy, not supported yet"


def nearest(name: str, table: Iterable[str]) -> str:
    """The word of `table` that `name` was probably meant to be, or ""."""
    return known.nearest(name, table)


def unknown(kind: str, name: str, table: Iterable[str], complaint: str) -> str:
    """The complaint about an unknown word, with a reason or a proposal. `kind`: a key of _LISTS or the name of a list."""
    if name and name in known.words(_LISTS.get(kind, kind)):
        return not_yet(kind, name)
    near = nearest(name, table) if name else ""
    return f"{complaint}, did you mean '{near}' maybe ?" if near else complaint
