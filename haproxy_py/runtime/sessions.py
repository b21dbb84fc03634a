"""Sessions on the runtime socket: show sess, shutdown session, shutdown sessions server (management manual 9.3).

The lines have HAProxy's form; what only describes HAProxy's own structures (flags of channels, calls of tasks) is 0. The
number in front is unique among all workers.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from typing import Any

from haproxy_py.config.units import UnitError, parse_time
from haproxy_py.runtime.anonymous import hidden, hidden_peer
from haproxy_py.runtime.call import Call
from haproxy_py.runtime.naming import find_server, server_of
from haproxy_py.runtime.operations import operation
from haproxy_py.runtime.registry import Answer, Level, command
from haproxy_py.stream import view

Row = dict[str, Any]


@operation("list streams")
def list_streams(instance: Any) -> list[Row]:
    """Those of this worker."""
    return view.table(instance.worker)


@operation("kill stream")
def kill_stream(instance: Any, number: int) -> bool:
    """Whether it was here."""
    return view.kill(instance.worker, number)


@operation("kill streams of server")
def kill_streams(instance: Any, name: str) -> int:
    """How many there were."""
    return view.kill_on(instance.worker, find_server(instance, name))


def span(ms: int) -> str:
    """A time that is left as HAProxy prints it: two units at most; "" for none."""
    if ms < 0:
        return ""
    if ms < 1000:
        return f"{ms}ms"
    seconds = ms // 1000
    for size, unit, below in ((86400, "d", "h"), (3600, "h", "m"), (60, "m", "s")):
        if seconds >= size:
            part = seconds % size // {"h": 3600, "m": 60, "s": 1}[below]
            return f"{seconds // size}{unit}{part}{below}" if part else f"{seconds // size}{unit}"
    return f"{seconds}s"


def line(row: Row) -> str:
    """One stream."""
    front, back = span(row["client_ms"]), span(row["server_ms"])
    return (
        f"{row['number']:#x}: proto={row['proto']} src={row['src']} fe={row['fe']} be={row['be']} srv={row['srv']} ts=00 "
        f"epoch=0 age={span(row['age'] * 1000) if row['age'] else '0s'} calls=1 rate=0 cpu=0 lat=0 "
        f"rq[f=0h,i={row['bytes_in']},an=00h,ax=] rp[f=0h,i={row['bytes_out']},an=00h,ax=] "
        f"scf=[{row['state']},0h,fd={row['client_fd']},rex={front},wex=] scb=[{row['state']},0h,fd={row['server_fd']},"
        f"rex={back},wex=] exp={front or back} rc={row['retries']} c_exp=\n"
    )


def details(row: Row) -> str:
    """All that is known of one."""
    when = time.strftime("%d/%b/%Y:%H:%M:%S", time.localtime(row["wall_us"] // 1000000))
    mode = "http" if row["http"] else "tcp"
    back = f"  server={row['srv']} addr={row['server_addr']}" if row["server_addr"] else f"  server={row['srv'].upper()} (id=-1)"
    return (
        f"{row['number']:#x}: [{when}.{row['wall_us'] % 1000000:06d}] id={row['request']} proto={row['proto']} source={row['src']}\n"
        f"  flags=0x0, conn_retries={row['retries']}, conn_exp=<NEVER> srv_conn=(nil), pend_pos=(nil) waiting=0 epoch=0\n"
        f"  frontend={row['fe']} (mode={mode}), listener={row['door']} tls={int(row['tls'])}\n"
        f"  backend={row['be']} (mode={mode if row['be'] != '<NONE>' else '-'})\n"
        f"{back}\n"
        f"  state={row['state']} age={row['age']}s client_exp={span(row['client_ms']) or '<NEVER>'} "
        f"server_exp={span(row['server_ms']) or '<NEVER>'} bytes_in={row['bytes_in']} bytes_out={row['bytes_out']}\n"
    )


def _named(call: Call, row: Row) -> Row:
    """With names and addresses as this connection may see them (`set anon on`)."""
    key = call.client.anonymous_key
    if not key:
        return row
    names = {what: row[what] if row[what].startswith("<") else hidden(key, row[what]) for what in ("fe", "be", "srv")}
    peers = {what: hidden_peer(key, row[what]) for what in ("src", "server_addr")}
    return {**row, **names, **peers}


def _own(call: Call) -> str:
    """The connection that asks, which HAProxy lists too."""
    return (
        f"{id(call.client) & 0xFFFFFFFFFFFF:#x}: proto=unix_stream src=unix:1 fe={hidden(call.client.anonymous_key, 'GLOBAL')} be=<NONE> srv=<none> ts=00 epoch=0 "
        f"age=0s calls=1 rate=0 cpu=0 lat=0 rq[f=0h,i=0,an=00h,ax=] rp[f=0h,i=0,an=00h,ax=] scf=[8,0h,fd=-1,rex=,wex=] "
        f"scb=[8,0h,fd=-1,rex=,wex=] exp={span(call.client.timeout_ms)} rc=0 c_exp=\n"
    )


def _own_details(call: Call) -> str:
    """The same in full."""
    when = time.strftime("%d/%b/%Y:%H:%M:%S", time.localtime())
    return (
        f"{id(call.client) & 0xFFFFFFFFFFFF:#x}: [{when}.000000] id=0 proto=unix_stream source=unix:1\n"
        "  flags=0x0, conn_retries=0, conn_exp=<NEVER> srv_conn=(nil), pend_pos=(nil) waiting=0 epoch=0\n"
        f"  frontend={hidden(call.client.anonymous_key, 'GLOBAL')} (mode=tcp), listener=? tls=0\n"
        "  backend=<NONE> (mode=-)\n  server=<NONE> (id=-1)\n"
        f"  state=8 age=0s client_exp={span(call.client.timeout_ms)} server_exp=<NEVER> bytes_in=0 bytes_out=0\n"
    )


_POINTER = re.compile(r"([+-]?)(0[xX][0-9a-fA-F]+|[0-9]{1,40})")
EVERY = (1 << 64) - 1


def _asked_number(text: str) -> int:
    """The number that a word begins with, as strtoul() reads a pointer; 0: none. -1 and what is too large: EVERY."""
    found = _POINTER.match(text)
    if found is None:
        return 0
    number = int(found[2], 16 if found[2][1:2] in ("x", "X") else 10)
    return min(number, EVERY) if found[1] != "-" else -min(number, EVERY) & EVERY


@command(
    "show sess", "show sess [<id>|all|older <age>|susp|fe|be|srv <name>]*", "report the list of current streams or dump this exact stream",
    level=Level.OPERATOR,
)  # fmt: skip
async def show_sess(call: Call) -> AsyncIterator[str]:
    """Streams of all workers."""
    wanted = _filter(call)
    found = await call.service.everywhere("list streams")
    rows = [row for slot in sorted(found) for row in found[slot]]
    if wanted is not None and "number" in wanted:
        mine = [row for row in rows if row["number"] == wanted["number"]]
        if not mine:
            raise Answer("Session not found.\n")
        yield details(_named(call, mine[0]))
        return
    for row in rows:
        if row["age"] * 1000 >= wanted["older"] and all(row[key] == wanted[key] for key in ("fe", "be", "srv") if key in wanted):
            yield (details if "all" in wanted else line)(_named(call, row))
    if not wanted["older"] and not {"fe", "be", "srv"} & wanted.keys():
        yield (_own_details if "all" in wanted else _own)(call)


def _filter(call: Call) -> dict[str, Any]:
    """What the arguments ask for. Raises: Answer."""
    wanted: dict[str, Any] = {"older": 0}
    args = iter(call.args)
    for word in args:
        if word == "all":
            wanted["all"] = True
        elif word == "older":
            try:
                wanted["older"] = parse_time(next(args, ""), "s") * 1000
            except UnitError:
                raise Answer("Invalid duration.\n") from None
        elif word in ("fe", "be", "srv"):
            wanted[word] = next(args, "")
        elif word == "susp":
            wanted["older"] = 1 << 60
        elif _asked_number(word) == EVERY:
            wanted["all"] = True
        elif _asked_number(word):
            wanted["number"] = _asked_number(word)
    return wanted


@command("shutdown session", "shutdown session [id]", "kill a specific session", level=Level.ADMIN)
async def shutdown_session(call: Call) -> None:
    """By the number of `show sess`."""
    if not _asked_number(call.arg(0)):
        raise Answer("Session pointer expected (use 'show sess').\n")
    found = await call.service.everywhere("kill stream", _asked_number(call.arg(0)))
    if not any(found.values()):
        raise Answer("No such session (use 'show sess').\n")


@command("shutdown sessions server", "shutdown sessions server <bk>/<srv>", "kill sessions on a server", level=Level.ADMIN)
async def shutdown_sessions(call: Call) -> None:
    """In all workers."""
    server_of(call)
    await call.service.everywhere("kill streams of server", call.arg(0))
