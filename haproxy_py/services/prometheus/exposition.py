"""From the statistics to the text that Prometheus reads: exposition format 0.0.4, and OpenMetrics 1.0 by Accept.

The rows are made first, then each metric goes through all of them: that is how the format wants its families. Everything
is a generator whose steps take well under a millisecond, so that a large configuration holds no traffic up. Numbers are
written as prometheus-client writes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Any

from prometheus_client.utils import floatToGoString

from haproxy_py.config.keywords.proxy import DESCRIPTION
from haproxy_py.engine import clock
from haproxy_py.observe.statistics.fields import INFO, PLACE, PROXY_FIELDS, STAT
from haproxy_py.observe.statistics.parts import LISTENER, SERVER, BackendPart, Part, Row
from haproxy_py.observe.statistics.query import Query
from haproxy_py.services.prometheus.metrics import PROCESS, RESOLVERS, ROWS, SCOPES, Metric
from haproxy_py.services.prometheus.wish import Wish

SERVER_STATES = ("DOWN", "UP", "MAINT", "DRAIN", "NOLB")
CHECK_STATES = (
    "HANA", "SOCKERR", "L4OK", "L4TOUT", "L4CON", "L6OK", "L6TOUT", "L6RSP", "L7TOUT", "L7RSP", "L7OK", "L7OKC", "L7STS",
    "PROCERR", "PROCTOUT", "PROCOK",
)  # fmt: skip
RESPONSES = tuple((code, PLACE[f"hrsp_{code}"]) for code in ("1xx", "2xx", "3xx", "4xx", "5xx", "other"))
FRONT, BACK = ("DOWN", "UP"), ("DOWN", "UP")
LISTEN = ("WAITING", "OPEN", "FULL")
# Fields that have no sample at all in TCP proxies, where others that are empty are NaN.
_HTTP = ("comp_", "cache_", "req_", "intercepted", "h1_", "h2_")
STEP = 64  # rows between two pauses
_BOUNDS = [str(floatToGoString(256e-6 * 2**i)) for i in range(20)]  # type: ignore[no-untyped-call]
_STATUS, _CHECK = PLACE["status"], PLACE["check_status"]
_DESC = {found.name: found.desc for found in STAT} | {found.name: found.desc for found in INFO}


def escaped(text: str) -> str:
    """A label's value."""
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def labels_of(part: Part, desc: bool) -> str:
    """`proxy="x",server="y"`."""
    found = f'proxy="{escaped(part.proxy.name)}"'
    if part.kind in (LISTENER, SERVER):
        found += f',{SCOPES[part.letter]}="{escaped(part.name)}"'
    told = part.proxy[DESCRIPTION] if desc else ""
    return found + (f',desc="{escaped(told)}"' if told else "")


def _seconds(value: Any) -> str:
    return "NaN" if value is None else f"{value / 1000:.6f}"


def _plain(value: Any) -> str:
    return "NaN" if value is None else str(value)


def _server_state(row: Row) -> str:
    """The state that a server's status stands for."""
    first = str(row[_STATUS]).partition(" ")[0]
    return first if first in SERVER_STATES else "UP"


def _check(row: Row) -> str | None:
    """What its last finished check found."""
    found = row[_CHECK]
    return None if found is None else str(found).removeprefix("* ")


class Exposition:
    """One scrape. open_metrics: in that format."""

    def __init__(self, statistics: Any, wish: Wish, *, open_metrics: bool = False) -> None:
        self.statistics = statistics
        self.wish = wish
        self.open_metrics = open_metrics
        self.rows: dict[str, list[tuple[Part, Row, str]]] = {letter: [] for letter in SCOPES}

    def pieces(self) -> Iterator[bytes]:
        """The text; empty pieces are pauses."""
        if self.wish.scope("global"):
            yield self.process().encode()
        yield from self._gather()
        for letter, scope in SCOPES.items():
            if self.wish.scope(scope):
                for metric in ROWS:
                    if letter in metric.kinds:
                        yield from self._family(letter, scope, metric)
                yield from self._extra(letter, scope)
                yield from self._durations(letter, scope)
        if self.wish.scope("resolver"):
            yield self.resolvers().encode()
        if self.open_metrics:
            yield b"# EOF\n"

    def _gather(self) -> Iterator[bytes]:
        """All rows, a few at a time."""
        wish = self.wish
        kinds = sum(bit for letter, bit in (("F", 1), ("B", 2), ("S", 4), ("L", 8)) if self._needed(letter))
        query = Query(kinds=kinds, no_maint=False)
        for n, (part, row) in enumerate(self.statistics.rows(query)):
            hidden = wish.no_maint and part.kind == SERVER and str(row[_STATUS]).startswith("MAINT")
            if not hidden:
                self.rows[part.letter].append((part, row, labels_of(part, wish.desc)))
            if n % 4 == 0:
                yield b""

    def _needed(self, letter: str) -> bool:
        scope = SCOPES[letter]
        return self.wish.scope(scope) or (letter == "S" and self.wish.scope("backend"))

    # --- families

    def head(self, name: str, type_: str, help_: str) -> str:
        """The HELP and TYPE lines of a family.

        Counters whose names HAProxy ends otherwise than both formats want them to (`_total`) have no type: their samples
        keep the names by which they are asked for, and neither parser nor `promtool check metrics` objects.
        """
        if type_ == "counter" and not name.endswith("_total"):
            type_ = "unknown" if self.open_metrics else "untyped"
        elif type_ == "counter" and self.open_metrics:
            name = name.removesuffix("_total")
        if self.open_metrics:
            help_ = escaped(help_)
        return f"# HELP {name} {help_}\n# TYPE {name} {type_}\n"

    def _family(self, letter: str, scope: str, metric: Metric) -> Iterator[bytes]:
        name = f"haproxy_{scope}_{metric.name}"
        rows = self.rows[letter]
        if metric.field.startswith("agg_"):
            rows = [one for one in rows if isinstance(one[0], BackendPart) and one[0].back.servers]
        if not rows or not self.wish.metric(name):
            return
        head = self.head(name, metric.type, metric.help or _DESC[metric.field])
        write = self._writer(metric, letter)
        for at in range(0, len(rows), STEP):
            text = write(name, rows[at : at + STEP])
            if text:
                yield (head + text).encode()
                head = ""

    def _writer(self, metric: Metric, letter: str) -> Callable[[str, Iterable[tuple[Part, Row, str]]], str]:
        several = {
            "status": lambda name, rows: self._states(name, rows, letter), "hrsp_1xx": self._responses,
            "check_status": self._checks, "agg_server_status": self._server_states,
            "agg_server_check_status": self._server_states, "agg_check_status": self._server_checks,
        }.get(metric.field)  # fmt: skip
        if several is not None:
            return several
        place = PLACE[metric.field]
        shown = _seconds if metric.unit else _plain
        optional = metric.field == "check_duration" or (self.open_metrics and metric.type == "counter")
        http = metric.field.startswith(_HTTP)

        def write(name: str, rows: Iterable[tuple[Part, Row, str]]) -> str:
            if metric.field == "check_code":
                return "".join(f"{name}{{{labels}}} {row[place] or 0}\n" for _, row, labels in rows if row[_CHECK] is not None)
            if http:
                rows = [one for one in rows if one[0].http]
            if optional:
                return "".join(f"{name}{{{labels}}} {shown(row[place])}\n" for _, row, labels in rows if row[place] is not None)
            return "".join(f"{name}{{{labels}}} {shown(row[place])}\n" for _, row, labels in rows)

        return write

    @staticmethod
    def _states(name: str, rows: Iterable[tuple[Part, Row, str]], letter: str) -> str:
        lines = []
        for _, row, labels in rows:
            status = str(row[_STATUS])
            states: tuple[str, ...]
            if letter == "S":
                states, now = SERVER_STATES, _server_state(row)
            elif letter == "L":
                states, now = LISTEN, status
            else:
                states, now = FRONT, "UP" if status in ("OPEN", "UP", "PAUSED") else "DOWN"
            lines += [f'{name}{{{labels},state="{state}"}} {int(state == now)}\n' for state in states]
        return "".join(lines)

    @staticmethod
    def _responses(name: str, rows: Iterable[tuple[Part, Row, str]]) -> str:
        kept = [(row, labels) for _, row, labels in rows if row[RESPONSES[0][1]] is not None]
        return "".join(f'{name}{{{labels},code="{code}"}} {row[place]}\n' for code, place in RESPONSES for row, labels in kept)

    @staticmethod
    def _checks(name: str, rows: Iterable[tuple[Part, Row, str]]) -> str:
        lines = []
        for _, row, labels in rows:
            now = _check(row)
            if now is not None:
                lines += [f'{name}{{{labels},state="{state}"}} {int(state == now)}\n' for state in CHECK_STATES]
        return "".join(lines)

    def _server_states(self, name: str, rows: Iterable[tuple[Part, Row, str]]) -> str:
        lines = []
        for part, _, labels in rows:
            counts = self._by_backend("states", part)
            lines += [f'{name}{{{labels},state="{state}"}} {counts.get(state, 0)}\n' for state in SERVER_STATES]
        return "".join(lines)

    def _server_checks(self, name: str, rows: Iterable[tuple[Part, Row, str]]) -> str:
        lines = []
        for part, _, labels in rows:
            counts = self._by_backend("checks", part)
            lines += [f'{name}{{{labels},state="{state}"}} {counts.get(state, 0)}\n' for state in CHECK_STATES]
        return "".join(lines)

    _counts: dict[tuple[str, int], dict[Any, int]] | None = None

    def _by_backend(self, what: str, part: Part) -> dict[Any, int]:
        """Servers of a backend by state or by check status, counted once a scrape."""
        if self._counts is None:
            self._counts = {}
            for other, row, _ in self.rows["S"]:
                for kind, value in (("states", _server_state(row)), ("checks", _check(row))):
                    at = self._counts.setdefault((kind, id(other.proxy)), {})
                    at[value] = at.get(value, 0) + 1
        return self._counts.get((what, id(part.proxy)), {})

    # --- what only some ask for

    def _extra(self, letter: str, scope: str) -> Iterator[bytes]:
        """extra-counters: the fields of the modules."""
        if not self.wish.extra:
            return
        for found in STAT[PROXY_FIELDS:]:
            kind = found.kinds.get(letter)
            if kind is not None:
                type_ = "counter" if kind[1] == "C" else "gauge"
                yield from self._family(letter, scope, Metric(found.name, found.name, type_, letter))

    def _durations(self, letter: str, scope: str) -> Iterator[bytes]:
        """Histograms of the total time of requests, which HAProxy has not."""
        name = f"haproxy_{scope}_request_duration_seconds"
        if letter == "L" or not self.wish.metric(name):
            return
        text = self.head(name, "histogram", "Total request+response time of requests that a server has answered.")
        for part, _, labels in self.rows[letter]:
            microseconds, buckets = slot_of(part).times()
            sums = list(accumulate(buckets))
            lines = [f'{name}_bucket{{{labels},le="{le}"}} {n}\n' for le, n in zip(_BOUNDS, sums, strict=False)]
            lines.append(f'{name}_bucket{{{labels},le="+Inf"}} {sums[-1]}\n{name}_sum{{{labels}}} {microseconds / 1e6:.6f}\n')
            lines.append(f"{name}_count{{{labels}}} {sums[-1]}\n")
            yield (text + "".join(lines)).encode()
            text = ""

    def resolvers(self) -> str:
        """The counters of nameservers, of all workers (HAProxy 3.0)."""
        rows = [
            (f'resolver="{escaped(section)}",nameserver="{escaped(name)}"', counters.values())
            for section, nameservers in self.statistics.world.nameservers.items()
            for name, counters in nameservers.items()
        ]
        parts = []
        for name, field, help_ in RESOLVERS if rows else ():
            whole = f"haproxy_resolver_{name}"
            if self.wish.metric(whole):
                parts.append(self.head(whole, "counter", help_))
                parts += [f"{whole}{{{labels}}} {values[field]}\n" for labels, values in rows]
        return "".join(parts)

    def process(self) -> str:
        """The metrics of the whole process group."""
        values = self.statistics.info.values(clock.now())
        parts = []
        for name, field, type_ in PROCESS:
            whole, value = f"haproxy_process_{name}", values.get(field)
            if value is None or not self.wish.metric(whole):
                continue
            label = {"build_info": "version", "node": "node"}.get(name)
            if label:
                shown = f'{{{label}="{escaped(str(values["Version"] if label == "version" else value))}"}} 1'
            else:
                shown = f" {value}"
            parts.append(self.head(whole, type_, _DESC[field]) + f"{whole}{shown}\n")
        return "".join(parts)


def slot_of(part: Any) -> Any:
    """The slot of the segment behind a row."""
    for name in ("front", "server", "back"):
        owner = getattr(part, name, None)
        if owner is not None:
            return owner.slot
    return part.slot
