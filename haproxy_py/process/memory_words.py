"""-dM: how HAProxy debugs its memory (management manual 3). Ours is Python's and C's: the words are known, none has an effect."""

from __future__ import annotations

MEMORY_WORDS = {  # by word that sets: word that clears, what it does in HAProxy
    "fail": ("no-fail", "allocations fail at random"),
    "no-merge": ("merge", "similar pools stay apart"),
    "cold-first": ("hot-first", "the object that was unused longest is taken first"),
    "integrity": ("no-integrity", "cached objects are checked"),
    "no-global": ("global", "no cache for all threads"),
    "no-cache": ("cache", "no cache of each thread"),
    "caller": ("no-caller", "objects know who asked for them"),
    "tag": ("no-tag", "objects end with a mark"),
    "poison": ("no-poison", "new objects are filled with a byte"),
    "uaf": ("no-uaf", "use after free is found out"),
}


def memory_help() -> str:
    """The words of -dM, set and cleared, with `*` at what is so."""
    rows = [f"    {word:<16}|* {clears:<16}| {about}" for word, (clears, about) in MEMORY_WORDS.items()]
    head = "-dM[<byte>][,<word>...]: how HAProxy debugs its memory. The words are known here and have no effect ('*' marks what is so):\n"
    return "\n".join([head, f"    {'set':<16}|  {'clear':<16}| in HAProxy", *rows, ""])


def first_of_note(text: str) -> str:
    """Of what is glued to -dM: the first word that is unknown, or `help`; "": all are known."""
    known = {word for sets, (clears, _) in MEMORY_WORDS.items() for word in (sets, clears)}
    first, *rest = text.split(",")
    words = rest if _number(first) else [first, *rest]
    return next((word for word in words if word and word not in known), "")


def _number(text: str) -> bool:
    try:
        return int(text, 0) >= 0
    except ValueError:
        return False
