"""From two snapshots to the rows that are shown: rates, order, filter. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from haproxy_py.top.source import Snapshot

KINDS = {"0": "frontend", "1": "backend", "2": "server", "3": "listener"}


@dataclass(frozen=True, slots=True)
class Row:
    """One proxy or server. Rates are per second since the snapshot before; times in seconds, `rtime` in milliseconds."""

    proxy: str
    name: str
    kind: str
    status: str
    weight: int
    sessions: int
    limit: int
    queue: int
    session_rate: float
    request_rate: float
    errors: float
    bytes_in: float
    bytes_out: float
    rtime: int
    check: str
    changed: int


@dataclass(frozen=True, slots=True)
class Column:
    """title: of the heading. text: what a cell shows. key: what the order goes by. right: numbers stand at the right."""

    title: str
    text: Callable[[Row], str]
    key: Callable[[Row], object]
    right: bool = True


@dataclass(frozen=True, slots=True)
class View:
    """order: index in COLUMNS, None: as the configuration has it. words: all must be in proxy, name or status. kinds: shown."""

    order: int | None = None
    reverse: bool = False
    words: str = ""
    kinds: frozenset[str] = frozenset({"frontend", "backend", "server"})
    ill_only: bool = False


def number(row: Mapping[str, str], name: str) -> int:
    """A whole number of the statistics, 0 where the column is empty or missing."""
    text = row.get(name, "")
    return int(text) if text.lstrip("-").isdecimal() else 0


def short(value: float) -> str:
    """1234567 -> 1.2M: at most five characters."""
    for unit in ("", "k", "M", "G", "T"):
        if abs(value) < 1000 or unit == "T":
            return f"{value:.0f}{unit}" if not unit or abs(value) >= 100 else f"{value:.1f}{unit}"
        value /= 1000
    raise AssertionError("unreachable")


def age(seconds: int) -> str:
    """93784 -> 1d2h, as HAProxy's page shows times."""
    parts = ((seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s"))
    told = [f"{value}{unit}" for value, unit in parts if value]
    return "".join(told[:2]) or "0s"


def rows_of(new: Snapshot, old: Snapshot | None) -> list[Row]:
    """The rows of a snapshot, with rates since the one before (0 without one, or after counters were cleared)."""
    before = {_ident(row): row for row in old.rows} if old else {}
    passed = max(1e-3, new.at_s - old.at_s) if old else 1.0
    return [_row(row, before.get(_ident(row)), passed) for row in new.rows]


def _ident(row: Mapping[str, str]) -> tuple[str, str]:
    return row["pxname"], row.get("svname", "")


def _row(row: Mapping[str, str], old: Mapping[str, str] | None, passed: float) -> Row:
    def rate(*names: str) -> float:
        if old is None:
            return 0.0
        return max(0, sum(number(row, name) - number(old, name) for name in names)) / passed

    kind = KINDS.get(row.get("type", ""), "server")
    return Row(
        proxy=row["pxname"], name=row.get("svname", ""), kind=kind, status=row.get("status", ""),
        weight=number(row, "weight"), sessions=number(row, "scur"), limit=number(row, "slim"), queue=number(row, "qcur"),
        session_rate=rate("stot"), request_rate=rate("req_tot") if kind != "server" else rate("hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other"),
        errors=rate("ereq", "econ", "eresp", "hrsp_5xx"), bytes_in=rate("bin"), bytes_out=rate("bout"),
        rtime=number(row, "rtime"), check=row.get("check_status", ""), changed=number(row, "lastchg"),
    )  # fmt: skip


COLUMNS: tuple[Column, ...] = (
    Column("proxy", lambda r: r.proxy, lambda r: r.proxy, False),
    Column("name", lambda r: r.name, lambda r: r.name, False),
    Column("status", lambda r: r.status, lambda r: r.status, False),
    Column("weight", lambda r: str(r.weight) if r.kind != "frontend" else "", lambda r: r.weight),
    Column("queue", lambda r: short(r.queue), lambda r: r.queue),
    Column("cur", lambda r: short(r.sessions), lambda r: r.sessions),
    Column("limit", lambda r: short(r.limit) if r.limit else "", lambda r: r.limit),
    Column("sess/s", lambda r: short(r.session_rate), lambda r: r.session_rate),
    Column("req/s", lambda r: short(r.request_rate), lambda r: r.request_rate),
    Column("err/s", lambda r: short(r.errors), lambda r: r.errors),
    Column("in/s", lambda r: short(r.bytes_in), lambda r: r.bytes_in),
    Column("out/s", lambda r: short(r.bytes_out), lambda r: r.bytes_out),
    Column("ms", lambda r: str(r.rtime) if r.kind != "frontend" else "", lambda r: r.rtime),
    Column("check", lambda r: r.check, lambda r: r.check, False),
    Column("since", lambda r: age(r.changed) if r.kind != "frontend" else "", lambda r: r.changed),
)
TITLES = tuple(column.title for column in COLUMNS)


def ill(row: Row) -> bool:
    """Whether someone should look at it: not plainly up, with a queue, or with errors."""
    return not row.status.startswith(("UP", "OPEN", "no check")) or "/" in row.status or row.queue > 0 or row.errors > 0


def arranged(rows: Iterable[Row], view: View) -> list[Row]:
    """The rows that a view shows, in its order; the most comes first where the order is by a number."""
    words = view.words.casefold().split()
    shown = [row for row in rows if row.kind in view.kinds and (not view.ill_only or ill(row)) and _fits(row, words)]
    if view.order is None:
        return shown[::-1] if view.reverse else shown
    column = COLUMNS[view.order]
    return sorted(shown, key=column.key, reverse=column.right != view.reverse)  # type: ignore[arg-type]


def _fits(row: Row, words: Sequence[str]) -> bool:
    text = f"{row.proxy} {row.name} {row.status}".casefold()
    return all(word in text for word in words)


def plain(rows: Sequence[Row]) -> str:
    """The table as lines of text, for `--once` and for pipes."""
    cells = [list(TITLES), *([column.text(row) for column in COLUMNS] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(COLUMNS))]

    def line(texts: Sequence[str]) -> str:
        parts = (t.rjust(w) if c.right else t.ljust(w) for t, w, c in zip(texts, widths, COLUMNS, strict=True))
        return "  ".join(parts).rstrip()

    return "".join(line(texts) + "\n" for texts in cells)


def headline(info: Mapping[str, str]) -> str:
    """One line about the process."""
    parts = [
        f"{info.get('Name', 'HAProxy')} {info.get('Version', '')}".strip(),
        f"pid {info.get('Pid', '?')}",
        f"up {info.get('Uptime', '?')}",
        f"connections {info.get('CurrConns', '?')}/{info.get('Maxconn', '?')}",
        f"{info.get('ConnRate', '?')} conn/s",
        f"idle {info.get('Idle_pct', '?')} %",
    ]
    return "  ".join(parts)
