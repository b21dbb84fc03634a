"""Tables of the expression language: fetches, converters, ACL keywords, actions. One call beside the code adds a row.

    fetch("path", type="str", needs="hrqhv", source="manual 7.3.6")(Path)
    converter("lower", takes="str", gives="str", source="manual 7.3.1")(Lower)
    acl_keyword("path_beg", fetch="path", match="beg", source="manual 7.3.6")

`args` is a list of types behind blanks, `?` marks the optional ones: "str sint?". A duplicate fails at import.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# Where an expression can stand; bits of Place masks. Texts are those of HAProxy's complaints.
PLACES = {
    "tcp-request connection": "frontend tcp-request connection rule",
    "tcp-request session": "frontend tcp-request session rule",
    "fe tcp-request content": "frontend tcp-request content rule",
    "fe http-request": "frontend http-request header rule",
    "use_backend": "frontend use-backend rule",
    "be tcp-request content": "backend tcp-request content rule",
    "be http-request": "backend http-request header rule",
    "use-server": "backend use-server, balance or stick-match rule",
    "source": "server source selection",
    "be tcp-response content": "backend tcp-response content rule",
    "be http-response": "backend http-response header rule",
    "fe tcp-response content": "frontend tcp-response content rule",
    "fe http-response": "frontend http-response header rule",
    "log": "logs",
    "config": "configuration parser",
    "check": "tcp-check rule",
}
BIT = {name: 1 << i for i, name in enumerate(PLACES)}
_ORDER = list(PLACES)


def _span(first: str, last: str) -> int:
    """Mask of the places from `first` to `last`."""
    return sum(BIT[name] for name in _ORDER[_ORDER.index(first) : _ORDER.index(last) + 1])


# What a fetch needs: (where that exists, how HAProxy calls it).
NEEDS: dict[str, tuple[int, str]] = {
    "intrn": (_span("tcp-request connection", "config"), "internal state"),
    "listn": (_span("tcp-request connection", "log"), "listener"),
    "ftend": (_span("tcp-request connection", "log"), "frontend"),
    "l4cli": (_span("tcp-request connection", "log"), "client address"),
    "l5cli": (_span("tcp-request session", "log"), "client-side connection"),
    "l6req": (_span("fe tcp-request content", "source"), "request buffer"),
    "hrqhv": (_span("fe tcp-request content", "source"), "HTTP request headers"),
    "hrqhp": (_span("fe tcp-request content", "log"), "HTTP request"),
    "hrqbo": (_span("fe tcp-request content", "source"), "HTTP request body"),
    "bkend": (_span("be tcp-request content", "log"), "backend"),
    "servr": (_span("source", "log"), "server"),
    "l5srv": (_span("source", "log"), "server-side connection"),
    "l6res": (_span("be tcp-response content", "fe http-response"), "response buffer"),
    "hrshv": (_span("be tcp-response content", "fe http-response"), "HTTP response headers"),
    "hrshp": (_span("be tcp-response content", "log"), "HTTP response"),
    "hrsbo": (_span("be tcp-response content", "fe http-response"), "HTTP response body"),
    "txfin": (BIT["log"], "transaction statistics"),
    "ssfin": (BIT["log"], "session statistics"),
    "chres": (0, "response buffer"),  # what the fetch reads exists in health checks only
}
# A health check has its server's answer, and no client.
for _name in ("intrn", "l4cli", "bkend", "servr", "l5srv", "l6res", "hrshv", "hrshp", "hrsbo", "chres"):
    NEEDS[_name] = (NEEDS[_name][0] | BIT["check"], NEEDS[_name][1])


def mask(place: str) -> int:
    """Bits of a place; several joined by `|` when a rule may run in either (a listen's, a defaults')."""
    return sum(BIT[name] for name in place.split("|"))


LAYER6 = frozenset({"l6req", "l6res"})
HTTP = frozenset({"hrqhv", "hrqhp", "hrqbo", "hrshv", "hrshp", "hrsbo"})


@dataclass(frozen=True, slots=True)
class FetchRow:
    """One sample fetch. `make` gives an empty object, `init` goes to its setup() behind the arguments."""

    name: str
    make: Callable[[], Any]
    args: str
    type: str
    needs: str
    source: str
    module: str
    init: dict[str, Any]

    @property
    def where(self) -> int:
        """Mask of the places where the fetch can work."""
        return NEEDS[self.needs][0]


@dataclass(frozen=True, slots=True)
class ConverterRow:
    """One converter."""

    name: str
    make: Callable[[], Any]
    args: str
    takes: str
    gives: str  # "same": the input's type
    source: str
    module: str
    init: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AclRow:
    """An ACL keyword: a fetch with a matching method of its own."""

    name: str
    fetch: str
    match: str
    source: str


FETCHES: dict[str, FetchRow] = {}
CONVERTERS: dict[str, ConverterRow] = {}
ACLS: dict[str, AclRow] = {}


def _refuse_twin(table: dict[str, Any], name: str, module: str, what: str) -> None:
    if name in table:
        other = getattr(table[name], "module", "")
        raise RuntimeError(f"{what} {name!r} registered by {other} and {module}")


def fetch(
    *names: str, args: str = "", type: str, needs: str, source: str, **init: Any
) -> Callable[[Callable[[], Any]], Any]:
    """Register a class under one or more names. `init` keywords are given to setup() after the arguments."""

    def register(make: Callable[[], Any]) -> Any:
        for name in names:
            _refuse_twin(FETCHES, name, make.__module__, "sample fetch")
            FETCHES[name] = FetchRow(name, make, args, type, needs, source, make.__module__, init)
        return make

    return register


def converter(
    *names: str, args: str = "", takes: str, gives: str, source: str, **init: Any
) -> Callable[[Callable[[], Any]], Any]:
    """Register a converter class under one or more names."""

    def register(make: Callable[[], Any]) -> Any:
        for name in names:
            _refuse_twin(CONVERTERS, name, make.__module__, "converter")
            CONVERTERS[name] = ConverterRow(name, make, args, takes, gives, source, make.__module__, init)
        return make

    return register


def acl_keyword(*names: str, fetch: str, match: str, source: str) -> None:
    """Register an ACL keyword over a fetch, with its matching method."""
    for name in names:
        _refuse_twin(ACLS, name, fetch, "ACL keyword")
        ACLS[name] = AclRow(name, fetch, match, source)


def acl_family(name: str, *, fetch: str, source: str) -> None:
    """Register `name` and name_beg, _dir, _dom, _end, _len, _reg, _sub (manual 7.3.6: ACL derivatives)."""
    acl_keyword(name, fetch=fetch, match="str", source=source)
    for match in ("beg", "dir", "dom", "end", "len", "reg", "sub"):
        acl_keyword(f"{name}_{match}", fetch=fetch, match=match, source=source)
