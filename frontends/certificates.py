"""From `crt` and `crt-list` to what a TLS context needs: which certificates answer to which server name.

Files are read once, before privileges are dropped. Source: manual 5.1 `crt`, `crt-list`, `strict-sni`; 3.1
`ssl-load-extra-files`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from haproxy_py.config.errors import Where
from haproxy_py.config.line import Line
from haproxy_py.config.model import Config
from haproxy_py.engine.tls_params import GroupParams, ServerNames, TlsParams
from haproxy_py.tls.pem import Certificate, PemError
from haproxy_py.tls.words import CRT_BASE, EXTRA, certificate, located

RESERVED = (".key", ".issuer", ".ocsp", ".sctl")
BUNDLE = (".rsa", ".dsa", ".ecdsa")
EXCLUDED = -2
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|((?:[^\s"\\]|\\.)+)')


@dataclass(frozen=True, slots=True)
class Entry:
    """A certificate of a bind line. own: option words of its crt-list line; filters: None means its own names.

    default: it also answers when no name fits.
    """

    certificate: Certificate
    filters: tuple[bytes, ...] | None = None
    own: tuple[str, ...] = ()
    where: Where | None = None
    default: bool = False


def files(config: Config, path: str) -> list[str]:
    """The files that one `crt` word means: itself, those of a directory in order, or a bundle. Raises PemError."""
    if os.path.isdir(path):
        try:
            names = sorted(n for n in os.listdir(path) if not n.startswith(".") and not n.endswith(RESERVED))
        except OSError as wrong:
            raise PemError(f"unable to scan directory '{path}' : {wrong.strerror}.") from None
        return [p for p in (os.path.join(path, name) for name in names) if os.path.isfile(p)]
    if not os.path.exists(path) and "bundle" in config.globals[EXTRA]:
        bundle = [path + suffix for suffix in BUNDLE if os.path.isfile(path + suffix)]
        if bundle:
            return bundle
    return [path]


def load(line: Line, word: str) -> list[Entry]:
    """The entries of one `crt` word; warnings of the files are reported. Raises PemError."""
    path = located(line.config, CRT_BASE, word)
    entries = [Entry(certificate(line.config, name)) for name in files(line.config, path)]
    for entry in entries:
        for text in entry.certificate.warnings:
            line.warn(text)
    return entries


def load_list(line: Line, path: str, check: Callable[[tuple[str, ...], Where], None]) -> list[Entry]:
    """The entries of a crt-list file: `FILE [options] [!]filter...` a line.

    check: called with a line's option words; raises PemError for one that is not allowed there.
    """
    try:
        with open(path, "rb") as stream:
            text = stream.read().decode("utf-8", "surrogateescape")
    except (OSError, ValueError) as wrong:
        raise PemError(f"cannot open file '{path}' : {getattr(wrong, 'strerror', None) or wrong}") from None
    entries: list[Entry] = []
    for number, row in enumerate(text.split("\n"), 1):
        words = _words(row)
        if words and not words[0].startswith("#"):
            entries += _entry(line, words, Where(path, number), check)
    if not entries:
        raise PemError(f"no certificate in file '{path}'")
    return entries


def _words(row: str) -> list[str]:
    """Words of a crt-list line; brackets count as words of their own, a comment ends it."""
    words: list[str] = []
    for quoted, plain in _WORD.findall(row):
        if plain.startswith("#") and not quoted:
            return words or ["#"]
        if quoted:
            words.append(quoted)
            continue
        opened = plain.startswith("[") and len(words) == 1
        closed = plain.endswith("]") and (opened or "[" in words)
        middle = plain[1 if opened else 0 : -1 if closed else None]
        words += ["["] * opened + [middle] * bool(middle) + ["]"] * closed
    return words


def _entry(line: Line, words: list[str], where: Where, check: Callable[[tuple[str, ...], Where], None]) -> list[Entry]:
    own: tuple[str, ...] = ()
    rest = words[1:]
    if rest[:1] == ["["]:
        if "]" not in rest:
            raise PemError(f"parsing [{where}]: expects a ']'")
        end = rest.index("]")
        own, rest = tuple(rest[1:end]), rest[end + 1 :]
        check(own, where)
    filters = tuple(word.lower().encode("utf-8", "surrogateescape") for word in rest) or None
    return [Entry(e.certificate, filters, own, where) for e in load(line, words[0])]


def group(entries: list[Entry], own_params: Callable[[Entry], TlsParams | None], strict: bool) -> ServerNames:
    """Put together the certificates that share a name: the first of each key type, with the settings of the first entry."""
    chosen = _by_name(entries)
    groups: dict[tuple[int, ...], int] = {_default(entries): 0}
    names = []
    for name, indexes in chosen.items():
        if indexes is None:
            names.append((name, EXCLUDED))
        else:
            names.append((name, groups.setdefault(tuple(indexes.values()), len(groups))))
    made = tuple(
        GroupParams(tuple(entries[i].certificate.params for i in indexes), own_params(entries[indexes[0]])) for indexes in groups
    )
    return ServerNames(made, tuple(names), strict)


def _by_name(entries: list[Entry]) -> dict[bytes, dict[str, int] | None]:
    """name -> {key type: index of the entry}, None for a name that only a negative filter gives."""
    chosen: dict[bytes, dict[str, int] | None] = {}
    for i, entry in enumerate(entries):
        for name in entry.certificate.names if entry.filters is None else entry.filters:
            if name.startswith(b"!"):
                if name[1:] not in (b"*", b""):
                    chosen.setdefault(name[1:], None)
                continue
            kinds = chosen.get(name)
            if kinds is None:
                chosen[name] = {entry.certificate.kind: i}
            elif entries[next(iter(kinds.values()))].own == entry.own:
                kinds.setdefault(entry.certificate.kind, i)
    return chosen


def _default(entries: list[Entry]) -> tuple[int, ...]:
    """The entries that answer when no name fits: those marked, else the first with the rest of its bundle."""
    marked = [i for i, entry in enumerate(entries) if entry.default]
    if not marked:
        base = _bundle_base(entries[0])
        marked = [0, *(i for i in range(1, len(entries)) if base and _bundle_base(entries[i]) == base)]
    kinds: dict[str, int] = {}
    for i in marked:
        kinds.setdefault(entries[i].certificate.kind, i)
    return tuple(kinds.values())


def _bundle_base(entry: Entry) -> str:
    base, suffix = os.path.splitext(entry.certificate.params.file)
    return base if suffix in BUNDLE else ""
