"""One row of the page's tables: the cells that HAProxy's page has, with what its tooltips say.

A cell that a live page refreshes names its field in `data-f`. Everything that comes from a configuration or the network
is escaped.
"""

from __future__ import annotations

from html import escape
from typing import Any

from haproxy_py.observe.statistics.fields import PLACE, PROXY_FIELDS, STAT
from haproxy_py.observe.statistics.parts import BACKEND, FRONTEND, LISTENER, SERVER, Part, Row

STATES = {
    "up": "UP", "going-down": "UP, going down", "going-up": "DOWN, going up", "down": "DOWN", "nolb": "NOLB", "drain": "DRAIN",
    "maint": "MAINT", "nocheck": "not checked",
}  # fmt: skip
UNITS = ("", "k", "M", "G", "T", "P")


class Values:
    """A row by field name. Missing numbers count 0 in sums; `text()` shows them as nothing."""

    def __init__(self, row: Row) -> None:
        self.row = row

    def get(self, name: str) -> Any:
        """The value as it is."""
        return self.row[PLACE[name]]

    def num(self, name: str) -> int:
        """As a number."""
        value = self.row[PLACE[name]]
        return value if isinstance(value, int) else 0

    def text(self, name: str) -> str:
        """Grouped digits, "" when the row lacks it."""
        value = self.row[PLACE[name]]
        return "" if value is None else number(value) if isinstance(value, int) else escape(str(value))


def number(value: int) -> str:
    """1234567 as 1 234 567 with narrow no-break spaces."""
    return f"{value:,}".replace(",", "\u202f")


def size(value: int) -> str:
    """Bytes in short: 0, 999, 12.3k, 4.5G."""
    scaled, power = float(value), 0
    while scaled >= 1000 and power < len(UNITS) - 1:
        scaled, power = scaled / 1000, power + 1
    return f"{scaled:.{1 if power and scaled < 100 else 0}f}{UNITS[power]}"


def span(seconds: int) -> str:
    """A time in HAProxy's short form: 3s, 5m2s, 7h1m, 2d3h; "?" below 0."""
    if seconds < 0:
        return "?"
    parts = ((seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s"))
    first = next((i for i, (value, _) in enumerate(parts) if value), 3)
    return "".join(f"{value}{unit}" for value, unit in parts[first : first + 2])


def state_of(part: Part, status: str) -> str:
    """The class of a row's state: keys of STATES."""
    if part.kind in (FRONTEND, LISTENER):
        return "up" if status == "OPEN" else "down"
    first, _, rest = status.partition(" ")
    if part.kind == BACKEND:
        return "up" if first == "UP" else "down"
    if first == "UP":
        return "going-down" if rest else "up"
    if first == "DOWN":
        return "going-up" if rest and rest[0] != "(" else "down"
    return {"NOLB": "nolb", "DRAIN": "drain", "MAINT": "maint"}.get(first, "nocheck")


def _cell(field: str, shown: str, tip: str = "", kind: str = "") -> str:
    kind += " z" if shown == "0" else ""
    attributes = (f' data-f="{field}"' if field else "") + (f' class="{kind.strip()}"' if kind else "")
    if not tip:
        return f"<td{attributes}>{shown}</td>"
    return f'<td{attributes}><span class="tip" tabindex="0"><b>{shown}</b><span class="box">{tip}</span></span></td>'


def _status(status: str, since: str = "") -> str:
    """since: how long it has been so."""
    return _cell("status", f'<b class="pill">{escape(status)}</b>' + (f"<small>{since}</small>" if since else ""), kind="g st")


def _table(lines: list[tuple[str, str]]) -> str:
    return "<table>" + "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in lines) + "</table>"


def _percent(part: int, whole: int) -> str:
    return f" ({100 * part // whole}%)" if whole else ""


def session_tip(part: Part, v: Values) -> str:
    """What is behind the total of sessions: replies by class, reuse, cache, times."""
    lines = [("Cum. sessions", v.text("stot"))]
    if part.kind == FRONTEND:
        lines.insert(0, ("Cum. connections", v.text("conn_tot")))
    else:
        made, again = v.num("connect"), v.num("reuse")
        lines += [("New connections", number(made)), ("Reused connections", number(again) + _percent(again, made + again))]
    if part.http:
        total = sum(v.num(f"hrsp_{c}") for c in ("1xx", "2xx", "3xx", "4xx", "5xx", "other"))
        lines.append(("Cum. HTTP requests", v.text("req_tot")))
        for c in ("1xx", "2xx", "3xx", "4xx", "5xx", "other"):
            lines.append((f"- HTTP {c} responses" if c != "other" else "- other responses", v.text(f"hrsp_{c}") + _percent(v.num(f"hrsp_{c}"), total)))
        if part.kind == FRONTEND:
            lines.append(("Intercepted requests", v.text("intercepted")))
        if part.kind != SERVER:
            looked, hits = v.num("cache_lookups"), v.num("cache_hits")
            lines += [("Cache lookups", number(looked)), ("Cache hits", number(hits) + _percent(hits, looked))]
    lines += [("Failed header rewrites", v.text("wrew")), ("Internal errors", v.text("eint"))]
    if part.kind in (SERVER, BACKEND):
        for name, word in (("qtime", "Queue"), ("ctime", "Connect"), ("rtime", "Response"), ("ttime", "Total")):
            lines.append((f"{word} time, max / average", f"{v.text(name + '_max')} / {v.text(name)} ms"))
    return _table(lines)


def connection_tip(v: Values) -> str:
    """Connections of a server."""
    names = (
        ("Active connections", "scur"), ("Used connections", "used_conn_cur"), ("Idle connections", "srv_icur"),
        ("- unsafe", "idle_conn_cur"), ("- safe", "safe_conn_cur"), ("Estimated need of connections", "need_conn_est"),
        ("Active connections limit", "slim"), ("Idle connections limit", "src_ilim"),
    )  # fmt: skip
    return _table([(word, v.text(name) or "-") for word, name in names])


def _rate_tip(part: Part, v: Values, suffix: str) -> str:
    if part.kind != FRONTEND:
        return ""
    word = "Max" if suffix else "Current"
    lines = [(f"{word} connection rate", v.text(f"conn_rate{suffix}") + "/s"), (f"{word} session rate", v.text(f"rate{suffix}") + "/s")]
    if part.http:
        lines.append((f"{word} request rate", v.text(f"req_rate{suffix}") + "/s"))
    return _table(lines)


def _bytes_cell(name: str, v: Values, tip: str = "") -> str:
    exact = _table([(f"{'Request' if name == 'bin' else 'Response'} bytes", v.text(name))])
    return _cell(name, size(v.num(name)), exact + tip, "g num" if name == "bin" else "num")


def _compression(part: Part, v: Values) -> str:
    if part.kind not in (FRONTEND, BACKEND) or not v.num("comp_in"):
        return ""
    taken, given = v.num("comp_in"), v.num("comp_out")
    return _table([("Compression in", number(taken)), ("Compression out", number(given) + _percent(given, taken)),
                   ("Compression bypass", v.text("comp_byp")), ("Compressed responses", v.text("comp_rsp"))])  # fmt: skip


def name_cell(part: Part, v: Values, anchor: str) -> str:
    """The row's name, with what the legends tell."""
    facts = [f"id: {part.number}"] if part.kind in (SERVER, LISTENER) else []
    if v.get("addr"):
        facts.insert(0, f"address: {escape(str(v.get('addr')))}")
    if v.get("algo"):
        facts.append(f"balancing: {escape(str(v.get('algo')))}")
    if v.get("cookie"):
        facts.append(f"cookie: {escape(str(v.get('cookie')))}")
    shown = {FRONTEND: "Frontend", BACKEND: "Backend"}.get(part.kind, escape(part.name))
    known = v.get("addr") or v.get("algo") or v.get("cookie")
    tip = f'<span class="box">{", ".join(facts)}</span>' if known else ""
    link = f'<a id="{anchor}" href="#{anchor}">{shown}</a>'
    return f'<th scope="row"><span class="tip" tabindex="0">{link}{tip}</span></th>' if tip else f'<th scope="row">{link}</th>'


def health_cells(part: Part, v: Values) -> str:
    """Status to throttle: the columns of the group "Server"."""
    status = str(v.get("status"))
    if part.kind in (FRONTEND, LISTENER):
        return _status(status) + '<td colspan="8"></td>'
    cells = _status(status, span(v.num("lastchg")))
    if part.kind == BACKEND:
        cells += "<td></td>"
    else:
        cells += _check_cell(v)
    user = v.text("uweight")
    cells += _cell("weight", f"{v.text('weight')}/{user}", kind="num")
    if part.kind == BACKEND:
        cells += _cell("act", v.text("act"), kind="num") + _cell("bck", v.text("bck"), kind="num") + "<td></td>"
    else:
        cells += "".join(f"<td>{'Y' if v.num(name) else '-'}</td>" for name in ("act", "bck"))
        observed = f", {v.text('hanafail')} health analyses" if v.get("hanafail") is not None else ""
        cells += _cell("chkfail", v.text("chkfail"), f"Failed health checks{observed}" if v.get("chkfail") is not None else "", "num")
    down = span(v.num("downtime")) if v.get("downtime") is not None else ""
    throttle = f"{v.text('throttle')}%" if v.get("throttle") is not None else "-" if part.kind == SERVER else ""
    return cells + _cell("chkdown", v.text("chkdown"), kind="num") + _cell("downtime", down, kind="num") + _cell("throttle", throttle)


def _check_cell(v: Values) -> str:
    found = []
    for prefix in ("check", "agent"):
        if v.get(f"{prefix}_status") is not None:
            code = f"/{v.get(f'{prefix}_code')}" if v.get(f"{prefix}_code") is not None else ""
            lasted = f" in {v.get(f'{prefix}_duration')}ms" if v.get(f"{prefix}_duration") is not None else ""
            last = v.get("last_chk" if prefix == "check" else "last_agt")
            told = str(v.get(f"{prefix}_desc") or "") + (f": {last}" if last else "")
            found.append((f"{v.get(f'{prefix}_status')}{code}{lasted}", told))
    tip = "<br>".join(escape(told) for _, told in found)
    return _cell("check_status", escape(" ".join(shown for shown, _ in found)), tip)


def modules_cell(row: Row) -> str:
    """What `stats show-modules` adds: the counters of each module (h1, h2, ssl ...), behind its name."""
    found: dict[str, list[tuple[str, str]]] = {}
    for field in STAT[PROXY_FIELDS:]:
        value = row[PLACE[field.name]]
        module, _, rest = field.name.partition("_")
        if isinstance(value, int) and rest:
            found.setdefault(module, []).append((rest, number(value)))
    tips = (f'<span class="tip" tabindex="0"><b>{name}</b><span class="box">{_table(lines)}</span></span>' for name, lines in found.items())
    return f'<td class="g">{" ".join(tips)}</td>'


def row_html(part: Part, row: Row, anchor: str, *, admin: bool, modules: bool = False) -> str:
    """The whole <tr>. anchor: id of the row, escaped. admin: with a box to choose the server by; modules: with their cell."""
    v = Values(row)
    state = state_of(part, str(v.get("status")))
    kind = "FBSL"[part.kind]
    box = f'<input type="checkbox" name="s" value="{escape(part.name)}" aria-label="{escape(part.name)}">' if admin and part.kind == SERVER else ""
    backup = " backup" if part.kind == SERVER and v.num("bck") else ""
    last = span(v.num("lastsess")) if part.kind in (SERVER, BACKEND) else ""
    queue_limit = (v.text("qlimit") or "-") if part.kind == SERVER else ""
    sessions = session_tip(part, v) if part.kind != LISTENER else ""
    aborts = f"Connection resets during transfers: {v.text('cli_abrt')} client, {v.text('srv_abrt')} server"
    now = connection_tip(v) if part.kind == SERVER else ""
    cells = [
        f'<tr class="row {kind} s-{state}{backup}" data-k="{anchor}" data-s="{state}"><td class="pick">{box}</td>',
        name_cell(part, v, anchor), '<td class="spark"></td>',
        _cell("qcur", v.text("qcur"), kind="g num"), _cell("qmax", v.text("qmax"), kind="num"), f'<td class="num">{queue_limit}</td>',
        _cell("rate", v.text("rate"), _rate_tip(part, v, ""), "g num"), _cell("rate_max", v.text("rate_max"), _rate_tip(part, v, "_max"), "num"),
        f'<td class="num">{v.text("rate_lim") if v.num("rate_lim") else "-" if part.kind == FRONTEND else ""}</td>',
        _cell("scur", v.text("scur"), now, "g num"), _cell("smax", v.text("smax"), kind="num"),
        f'<td class="num">{v.text("slim") or "-"}</td>', _cell("stot", v.text("stot"), sessions, "num"),
        _cell("lbtot", v.text("lbtot"), kind="num"), _cell("lastsess", last, kind="num"),
        _bytes_cell("bin", v), _bytes_cell("bout", v, _compression(part, v)), _cell("dreq", v.text("dreq"), kind="g num"), _cell("dresp", v.text("dresp"), kind="num"),
        _cell("ereq", v.text("ereq"), kind="g num"), _cell("econ", v.text("econ"), kind="num"),
        _cell("eresp", v.text("eresp"), aborts if part.kind in (SERVER, BACKEND) else "", "num"), _cell("wretr", v.text("wretr"), kind="g num"), _cell("wredis", v.text("wredis"), kind="num"),
        health_cells(part, v), modules_cell(row) if modules else "", "</tr>\n",
    ]  # fmt: skip
    return "".join(cells)
