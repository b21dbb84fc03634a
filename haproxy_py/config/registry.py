"""How a keyword registers itself: one call beside its code, no other edit.

    @proxy_keyword("timeout client", sections=FRONTEND, args=1, source="manual 4.2")
    def timeout_client(line: Line, proxy: Proxy) -> None:
        proxy[TIMEOUT_CLIENT] = line.time(1)

The core (reader.py) checks section, argument count and negation ("no") before it calls; the function raises ConfigError
(via line.fail) or reports a warning (line.warn). A keyword of two words is registered as such ("option httplog",
"timeout client", "stats socket", "http-request" takes all its actions). Duplicates fail at import and name both modules.
Settings are words behind an item (`bind ... ssl crt X`, `server ... check inter 2s`): bind_option and server_option; their
functions take the line, the item and the index of the option's word and return the index behind its last argument.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from haproxy_py.config.model import Config

GLOBAL = frozenset({"global"})
DEFAULTS = frozenset({"defaults"})
FRONTEND = frozenset({"defaults", "frontend", "listen"})
BACKEND = frozenset({"defaults", "backend", "listen"})
ANY_PROXY = FRONTEND | BACKEND
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Keyword:
    """One row of a table. args: exact count, or (least, most) with most None for "any"."""

    name: str
    sections: frozenset[str]
    args: tuple[int, int | None]
    call: Callable[..., Any]
    source: str
    negatable: bool = False          # "no option x", "no log"
    http_only: bool = False          # in a tcp proxy: warned about and ignored, as HAProxy does
    module: str = ""
    missing: str = ""                # what HAProxy says when arguments are missing


class Table:
    """Keywords of one class, by name. Adding a name twice for overlapping sections raises RuntimeError naming both modules."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.rows: dict[str, list[Keyword]] = {}

    def add(self, row: Keyword) -> None:
        for other in self.rows.setdefault(row.name, []):
            if other.sections & row.sections or not row.sections:
                raise RuntimeError(f"{self.what} {row.name!r} registered by {other.module} and {row.module}")
        self.rows[row.name].append(row)

    def find(self, name: str, section: str = "") -> Keyword | None:
        """The row for `name` that is valid in `section` ("" : any)."""
        for row in self.rows.get(name, ()):
            if not section or not row.sections or section in row.sections:
                return row
        return None


SECTION_KEYWORDS = Table("keyword")
BIND_OPTIONS = Table("bind option")
SERVER_OPTIONS = Table("server option")
SECTIONS = Table("section")
CHECKS: list[Callable[[Config, Any], None]] = []


def _args(args: int | tuple[int, int | None]) -> tuple[int, int | None]:
    return (args, args) if isinstance(args, int) else args


def proxy_keyword(
    name: str,
    *,
    sections: frozenset[str] = ANY_PROXY,
    args: int | tuple[int, int | None] = 1,
    source: str,
    negatable: bool = False,
    http_only: bool = False,
    missing: str = "",
) -> Callable[[F], F]:
    """Register fn(line, proxy) for a keyword of defaults, frontend, backend, listen (or any section named in `sections`).

    missing: HAProxy's words for too few arguments, when they are special.
    """

    def register(fn: F) -> F:
        row = Keyword(name, sections, _args(args), fn, source, negatable, http_only, fn.__module__, missing)
        SECTION_KEYWORDS.add(row)
        return fn

    return register


def global_keyword(
    name: str, *, args: int | tuple[int, int | None] = 1, source: str, negatable: bool = False, missing: str = ""
) -> Callable[[F], F]:
    """Register fn(line, globals) for a keyword of the global section."""
    return proxy_keyword(name, sections=GLOBAL, args=args, source=source, negatable=negatable, missing=missing)


def bind_option(name: str, *, args: int = 0, source: str) -> Callable[[F], F]:
    """Register fn(line, bind, i) for a word of bind lines; `args` words follow it at least. Returns the next index."""

    def register(fn: F) -> F:
        BIND_OPTIONS.add(Keyword(name, frozenset(), _args(args), fn, source, module=fn.__module__))
        return fn

    return register


def server_option(name: str, *, args: int = 0, source: str) -> Callable[[F], F]:
    """Register fn(line, server, i) for a word of server and default-server lines."""

    def register(fn: F) -> F:
        SERVER_OPTIONS.add(Keyword(name, frozenset(), _args(args), fn, source, module=fn.__module__))
        return fn

    return register


def section(name: str, *, source: str) -> Callable[[F], F]:
    """Register fn(line, config) -> Item for a section header; its keywords use proxy_keyword(sections={name})."""

    def register(fn: F) -> F:
        SECTIONS.add(Keyword(name, frozenset(), (0, None), fn, source, module=fn.__module__))
        return fn

    return register


def whole_file_check(fn: F) -> F:
    """Register fn(config, faults), called in registration order when every file has been read."""
    CHECKS.append(fn)
    return fn
