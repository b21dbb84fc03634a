"""The statistics page, in pieces: a head, then a table for each proxy, a piece a row."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

from haproxy_py import version
from haproxy_py.config.keywords import process as process_words
from haproxy_py.config.keywords import proxy as words
from haproxy_py.engine import clock
from haproxy_py.observe.statistics.parts import Part, Row
from haproxy_py.services import form
from haproxy_py.services.asked import Asked
from haproxy_py.services.html.cells import STATES, row_html
from haproxy_py.services.keywords import StatsUri

CSS = files("haproxy_py.services.html").joinpath("page.css").read_text("utf-8")
JS = files("haproxy_py.services.html").joinpath("page.js").read_text("utf-8")


def _hash(text: str) -> str:
    return "'sha256-" + b64encode(sha256(text.encode()).digest()).decode() + "'"


POLICY = (
    f"default-src 'none'; img-src data:; script-src {_hash(JS)}; style-src {_hash(CSS)}; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' "
    "fill='%232563a8'/%3E%3Cpath d='M5 4v8M11 4v8M5 8h6' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E"
)  # so that a browser need not ask for /favicon.ico
FIELDS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
]
COLUMNS = (
    ("Queue", ("Cur", "Max", "Limit")), ("Session rate", ("Cur", "Max", "Limit")),
    ("Sessions", ("Cur", "Max", "Limit", "Total", "LbTot", "Last")), ("Bytes", ("In", "Out")), ("Denied", ("Req", "Resp")),
    ("Errors", ("Req", "Conn", "Resp")), ("Warnings", ("Retr", "Redis")),
    ("Server", ("Status", "LastChk", "Wght", "Act", "Bck", "Chk", "Dwn", "Dwntme", "Thrtle")),
)  # fmt: skip


def _header_rows(last: str = "") -> str:
    groups = "".join(f'<th class="g" colspan="{len(names)}">{group}</th>' for group, names in COLUMNS)
    names = "".join(f"<th{_width(group, at)}>{name}</th>" for group, each in COLUMNS for at, name in enumerate(each))
    return (
        f'<thead><tr><th rowspan="2" class="pick"></th><th rowspan="2" class="n">Name</th>'
        f'<th rowspan="2" class="spark">Trend</th>{groups}{last}</tr><tr>{names}</tr></thead>'
    )


def _width(group: str, at: int) -> str:
    """The class of a column: where a group begins, and what is wider than a number."""
    wide = f"c{at + 1}" if group == "Server" and at < 2 else ""
    kind = f"{'' if at else 'g'} {wide}".strip()
    return f' class="{kind}"' if kind else ""


HEADER_ROWS = _header_rows()
WITH_MODULES = _header_rows('<th rowspan="2" class="g">Extra modules</th>')


def anchor_of(part: Part) -> str:
    """`proxy/Frontend`, `proxy/server`: the id of a row, as HAProxy's page has it; escaped."""
    shown = {"FRONTEND": "Frontend", "BACKEND": "Backend"}.get(part.name, part.name)
    return escape(f"{part.proxy.name}/{shown}")


def pieces(world: Any, told: StatsUri, wanted: Asked, rows: Iterable[tuple[Part, Row]], *, may_change: bool) -> Iterator[bytes]:
    """The page. world: the Instance; rows: those to be shown; may_change: the admin form is there."""
    uri = escape(told.uri)
    yield _encoded(_head(world, told, wanted, uri))
    proxy = None
    tail = ""
    for part, row in rows:
        if part.proxy is not proxy:
            if proxy is not None:
                yield _encoded(tail)
            proxy = part.proxy
            admin = may_change and proxy.is_backend
            head, tail = _section(part, told, uri + escape(wanted.words()), admin)
            yield _encoded(head)
        yield _encoded(row_html(part, row, anchor_of(part), admin=admin, modules=told.modules))
    yield _encoded((tail if proxy is not None else "<p>No proxy here.</p>") + f"</main><script>{JS}</script></body></html>\n")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _section(part: Part, told: StatsUri, action: str, admin: bool) -> tuple[str, str]:
    """What stands before a proxy's rows and behind them."""
    proxy = part.proxy
    name = escape(proxy.name)
    kind = {"listen": "frontend and backend"}.get(proxy.kind, proxy.kind)
    facts = f' <small>{kind}, mode {escape(proxy[words.MODE])}, id {part.iid}</small>' if told.legends else ""
    desc = f' <small class="desc">{escape(proxy[words.DESCRIPTION])}</small>' if proxy[words.DESCRIPTION] else ""
    opened = f'<form method="post" action="{action}">' if admin else ""
    head = (
        f'<section class="proxy" data-p="{name}">{opened}<h2 id="{name}"><a href="#{name}">{name}</a>{desc}{facts}'
        f'<span class="sparks" hidden></span></h2><div class="wide"><table class="stats">{WITH_MODULES if told.modules else HEADER_ROWS}<tbody>\n'
    )
    return head, "</tbody></table></div>" + (_form(part.iid) if admin else "") + ("</form>" if admin else "") + "</section>\n"


def _form(iid: int) -> str:
    choices = "".join(f'<option value="{value}">{shown}</option>' for value, (shown, _) in form.ACTIONS.items())
    return (
        '<div class="act"><label>Choose the action to perform on the checked servers: '
        f'<select name="action"><option value=""></option>{choices}</select></label> '
        f'<input type="hidden" name="b" value="#{iid}"><button>Apply</button></div>'
    )


def _head(world: Any, told: StatsUri, wanted: Asked, uri: str) -> str:
    title = "Statistics Report for HAProxy" + (f" on {escape(_node(world, told))}" if told.node is not None else "")
    desc = _desc(world, told)
    shown = f"HAProxy version {version.EMULATED}, pyhaproxy {version.VERSION}" if told.show_version else "HAProxy"
    refresh = f'<meta http-equiv="refresh" content="{told.refresh_s}">' if told.refresh_s and wanted.refresh else ""
    live = uri + ";csv;norefresh" + (";up" if wanted.up else "") + (";no-maint" if wanted.no_maint else "")
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>{title}</title><link rel="icon" href="{ICON}"><noscript>{refresh}</noscript><style>{CSS}</style></head><body data-live="{live}'
        f'{escape(f"?scope={wanted.scope}") if wanted.scope else ""}"><header><h1>{shown}</h1><p class="sub">{title}{desc}</p></header>'
        f"{_message(wanted)}<main>{_facts(world)}{_bar(wanted, uri)}"
    )


def _node(world: Any, told: StatsUri) -> str:
    return told.node or world.config.globals[process_words.NODE] or os.uname().nodename


def _desc(world: Any, told: StatsUri) -> str:
    if told.desc is None:
        return ""
    return ": " + escape(told.desc or world.config.globals[process_words.DESCRIPTION])


def _message(wanted: Asked) -> str:
    if not wanted.state:
        return ""
    kind, text = form.MESSAGES.get(wanted.state, form.MESSAGES["UNKN"])
    return f'<p role="status" class="told {kind}">{text}</p>'


def _facts(world: Any) -> str:
    """General process information."""
    info = world.statistics.info.values(clock.now())
    rate = 8 * info["BytesOutRate"] / 1000
    lines = (
        ("process", f"pid {info['Pid']}, workers {info['Nbthread']}"), ("uptime", info["Uptime"]),
        ("limits", f"ulimit-n {info['Ulimit-n']}, maxsock {info['Maxsock']}, maxconn {info['Maxconn']} (reached {info['MaxconnReached']})"),
        ("connections", f"{info['CurrConns']} now, {info['ConnRate']}/s; {info['CumConns']} in all, {info['CumReq']} requests"),
        ("traffic", f"{rate / 1000:.3f} Mbps" if rate >= 1000 else f"{rate:.3f} kbps"),
        ("TLS", f"{info['CurrSslConns']} connections, {info['SslRate']}/s"), ("idle", f"{info['Idle_pct']} %"),
    )  # fmt: skip
    found = "".join(f'<div data-n="{name}"><dt>{name}</dt><dd>{escape(str(text))}</dd></div>' for name, text in lines)
    return f'<dl class="facts" data-up="{info["Uptime_sec"]}">{found}</dl><div class="tiles" id="tiles" hidden></div>'


def _kept(uri: str) -> str:
    """What a GET form must send along so that its target still begins with the page's (`/haproxy?stats`)."""
    query = uri.partition("?")[2]
    return f'<input type="hidden" name="{query}" value="">' if query else ""


def _bar(wanted: Asked, uri: str) -> str:
    """Links, the filter, what the colours mean."""
    up = wanted.words(up=not wanted.up)
    again = wanted.words(refresh=not wanted.refresh)
    links = (
        (up, "Show all servers" if wanted.up else "Hide 'DOWN' servers"),
        (again, "Disable refresh" if wanted.refresh else "Enable refresh"), (wanted.words(), "Refresh now"),
        (";csv;norefresh", "CSV export"), (";json;norefresh", "JSON export"), (";json-schema", "schema"),
    )  # fmt: skip
    shown = " ".join(f'<a href="{uri}{escape(rest)}">{escape(text)}</a>' for rest, text in links)
    states = "".join(f'<li class="s-{key}"><i></i>{escape(text)}</li>' for key, text in STATES.items())
    options = "".join(f'<option value="{key}">{escape(text)}</option>' for key, text in STATES.items())
    return (
        f'<nav>{shown}<form class="scope">{_kept(uri)}<label>Scope <input name="scope" maxlength="20" size="10" value="{escape(wanted.scope)}"></label></form></nav>'
        '<div class="bar" hidden><label>Filter <input id="q" type="search" placeholder="proxy or server"></label> '
        f'<label>State <select id="s"><option value="">any</option>{options}</select></label> '
        '<button id="live" type="button" aria-pressed="true">Live</button> <button id="theme" type="button">Theme</button> '
        f'<output id="at"></output></div><ul class="legend">{states}</ul>'
    )
