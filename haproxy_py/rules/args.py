"""Arguments between parentheses: splitting (manual 2.2, 7.3) and typing. Complaints are HAProxy's.

A grammar is a text of types behind blanks, `?` marks optional ones: "str sint?". Types: str sint bool size time ipv4
ipv6 reg var be fe srv prx tab usr msk4; what names a section stays a name until the files are complete.
"""

from __future__ import annotations

import socket

from haproxy_py.config.errors import ConfigError
from haproxy_py.config.units import parse_size, parse_time

WORDS = {
    "str": "string", "sint": "integer", "size": "size", "time": "delay", "ipv4": "IPv4 address", "msk4": "IPv4 mask",
    "ipv6": "IPv6 address", "reg": "regex", "var": "variable", "be": "backend", "fe": "frontend", "srv": "server",
    "prx": "proxy", "tab": "table", "usr": "userlist",
}
_ESCAPED = ("\\", "'", '"', " ")  # what a backslash protects; before anything else it stays


class ArgError(ValueError):
    """A complaint about arguments; the caller says of which keyword."""


def split_args(text: str, start: int) -> tuple[list[str], int]:
    """Split the list that opens at text[start] == "("; returns raw arguments and the index behind its ")".

    Quotes protect; a backslash protects another one, a quote or a blank (not within ''); a comma ends an argument. "()" gives one empty argument.
    """
    out: list[str] = []
    word: list[str] = []
    quote = ""
    i = start + 1
    while i < len(text):
        c = text[i]
        if c == "\\" and quote != "'" and text[i + 1 : i + 2] in _ESCAPED:
            i += 1
            word.append(text[i])
        elif quote:
            if c == quote:
                quote = ""
            else:
                word.append(c)
        elif c in "'\"":
            quote = c
        elif c in ",)":
            out.append("".join(word))
            word = []
            if c == ")":
                return out, i + 1
        else:
            word.append(c)
        i += 1
    raise ArgError("expected ')'")


def _integer(text: str) -> int:
    """A whole decimal number with an optional sign."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not digits or any(c not in "0123456789" for c in digits):
        raise ValueError(text)
    return -int(digits) if text[0] == "-" else int(digits)


def _mask4(text: str) -> bytes:
    """An IPv4 mask as a dotted quad or a number of bits."""
    if "." in text:
        return socket.inet_pton(socket.AF_INET, text)
    bits = _integer(text)
    if not 0 <= bits <= 32:
        raise ValueError(text)
    return (((1 << bits) - 1) << (32 - bits)).to_bytes(4, "big")


def _mask6(text: str) -> bytes:
    """An IPv6 mask as an address or a number of bits."""
    if ":" in text:
        return socket.inet_pton(socket.AF_INET6, text)
    bits = _integer(text)
    if not 0 <= bits <= 128:
        raise ValueError(text)
    return (((1 << bits) - 1) << (128 - bits)).to_bytes(16, "big")


_READ = {
    "sint": _integer,
    "size": parse_size,
    "time": parse_time,
    "ipv4": lambda text: socket.inet_pton(socket.AF_INET, text),
    "ipv6": lambda text: socket.inet_pton(socket.AF_INET6, text),
    "msk4": _mask4,
    "msk6": _mask6,
}


def _read(kind: str, text: str, position: int) -> object:
    """One argument as its type; text, names and patterns stay as they are."""
    read = _READ.get(kind)
    if read is None:
        return text
    try:
        return read(text)
    except (ValueError, OSError, ConfigError):
        raise ArgError(f"failed to parse '{text}' as type '{WORDS.get(kind, kind)}' at position {position}") from None


def typed_args(grammar: str, given: list[str]) -> list[object]:
    """Check `given` against a grammar. Returns one value per type of it, None for an optional one left out."""
    kinds = grammar.split()
    if given == [""] and kinds[:1] != ["str"]:
        given = []
    needed = sum(not kind.endswith("?") for kind in kinds)
    out = [_read(kind.rstrip("?"), text, i + 1) for i, (kind, text) in enumerate(zip(kinds, given, strict=False))]
    if len(given) > len(kinds):
        if not kinds:
            raise ArgError(f"no argument supported, but got '{','.join(given)}'")
        rest = "".join("," + text for text in given[len(kinds) :])
        raise ArgError(f"expected ')' before '{rest})'")
    if len(given) < needed:
        missing = WORDS.get(kinds[len(given)].rstrip("?"), "string")
        if not given and kinds[0] in _READ:
            raise ArgError(f"expected type '{missing}' at position 1, but got nothing")
        raise ArgError(f"missing arguments (got {len(given)}/{needed}), type '{missing}' expected")
    return out + [None] * (len(kinds) - len(given))
