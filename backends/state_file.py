"""The text of `show servers state`, which is a servers state file: written, and read (management manual 9.3).

The first line is the version, the second names the columns, then comes a server a line. Nothing here knows a file or a clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from backends import state, use_ssl
from backends.checks import published
from backends.checks.status import TABLE
from backends.commands import leading
from backends.life import ServerLife
from haproxy_py.config.keywords.server import ID
from haproxy_py.config.keywords.server_names import is_srv
from haproxy_py.config.keywords.server_options import CHECK_ADDR, CHECK_PORT
from haproxy_py.config.model import Proxy

VERSION = "1"
COLUMNS = (
    "be_id", "be_name", "srv_id", "srv_name", "srv_addr", "srv_op_state", "srv_admin_state", "srv_uweight", "srv_iweight",
    "srv_time_since_last_change", "srv_check_status", "srv_check_result", "srv_check_health", "srv_check_state",
    "srv_agent_state", "bk_f_forced_id", "srv_f_forced_id", "srv_fqdn", "srv_port", "srvrecord", "srv_use_ssl",
    "srv_check_port", "srv_check_addr", "srv_agent_addr", "srv_agent_port",
)  # fmt: skip
HEADER = "# " + " ".join(COLUMNS)
LEAST_COLUMNS = 20  # a line without srvrecord or what follows it is as good
LONGEST_LINE = 1998  # bytes; no server's line is longer, so what is longer is none
LONGEST_NAME = 255
STATUSES = 20  # the largest srv_check_status
ADMIN = 127
CHECK_BITS = 31
NUMBERS = {  # HAProxy's numbers of what a check can find
    "UNK": 0, "INI": 1, "HANA": 4, "SOCKERR": 5, "L4OK": 6, "L4TOUT": 7, "L4CON": 8, "L6OK": 9, "L6TOUT": 10, "L6RSP": 11,
    "L7TOUT": 12, "L7RSP": 13, "L7OK": 15, "L7OKC": 16, "L7STS": 17, "PROCERR": 18, "PROCTOUT": 19, "PROCOK": 20,
}  # fmt: skip
NAMES = {number: name for name, number in NUMBERS.items()}
RESULTS = {0: 0, 1: 2, 2: 3, 3: 4}  # Verdict to srv_check_result


class BadState(ValueError):
    """A field of a line cannot be used; the text says which and its value."""


@dataclass(frozen=True, slots=True)
class Row:
    """One server as a state file has it. Fields as in COLUMNS; "-" stands for none."""

    backend: str
    server: str
    addr: str
    op_state: int
    admin: int
    uweight: int
    iweight: int
    since: int
    check_status: int
    check_result: int
    check_health: int
    check_state: int
    agent_state: int
    fqdn: str = "-"
    port: int = 0
    srvrecord: str = "-"
    use_ssl: str = "0"
    check_port: str = "0"
    check_addr: str = "-"
    agent_addr: str = "-"
    agent_port: str = "0"


class Names(NamedTuple):
    """How names and addresses are written."""

    name: Callable[[str], str] = str
    address: Callable[[str], str] = str


def lines(
    servers: Iterable[ServerLife], number: Callable[[Proxy], int], now: int, names: Names | None = None
) -> Iterator[str]:
    """The text, a line at a time with its newline. number: id of a proxy; now: wall seconds; names: None, as they are."""
    yield f"{VERSION}\n{HEADER}\n"
    for one in servers:
        yield line(one, number(one.proxy), now, names or Names())
    yield ""


def line(one: ServerLife, backend_id: int, now: int, names: Names) -> str:
    """One server."""
    facts, item = state.facts(one.slot), one.item
    host, port = state.address(one.slot)
    mapped, offset = state.port_map(one.slot)
    fqdn = _fqdn(one)
    status = TABLE[facts["check_status"]] if facts["check_status"] < len(TABLE) else TABLE[0]
    number = NUMBERS.get(status.name, 0) if facts["check_status"] else NUMBERS["INI"]
    result = 0 if facts["check_state"] & state.CHECK_IN_PROGRESS else RESULTS[status.verdict]
    address = item[CHECK_ADDR]
    check_addr = address.host if address and address.host else "-"
    agent = {setting.name: value for setting, value in item.values.items() if setting.name.startswith("agent-")}
    agent_addr = getattr(agent.get("agent-addr"), "host", agent.get("agent-addr")) or check_addr
    told = published.targets(one.slot)
    agent_port = told.get("agent-port", agent.get("agent-port") or item[CHECK_PORT])
    fields: tuple[object, ...] = (
        backend_id, names.name(one.proxy.name), one.slot.puid, names.name(one.slot.name),
        names.address(host if host not in ("", "unix") else "-"),
        facts["state"], facts["admin"], facts["uweight"], facts["iweight"], max(0, now - facts["last_change"]),
        number, result, facts["health"], facts["check_state"], facts["agent_state"],
        0, int(item[ID] is not None), names.name(fqdn) if fqdn != "-" else fqdn, (offset if mapped else port) & 0xFFFF, _service(one), use_ssl.shown(one.slot),
        told.get("check-port", item[CHECK_PORT]), told.get("check-addr", check_addr), told.get("agent-addr", agent_addr), agent_port,
    )  # fmt: skip
    return " ".join(map(str, fields)) + "\n"


def _fqdn(one: ServerLife) -> str:
    """The name that its address comes from; "-" when it has none now."""
    name = one.item.address.name or ""
    return state.fqdn(one.slot) or ("-" if is_srv(name) else name) or "-"


def _service(one: ServerLife) -> str:
    """The name of the SRV records that it takes one of."""
    name = one.item.address.name or ""
    return name if is_srv(name) else "-"


class Corrupt(ValueError):
    """The text cannot be used; `line`: the number of the line behind the version, 0 for the version's own."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def parse(data: bytes, each: Callable[[list[str]], None]) -> None:
    """Hand the words of every server's line to `each`, in order.

    A file that was cut off ends in the middle of a line, so one without its newline is corrupt, as are long lines, NULs and
    lines of too few words. Raises: Corrupt at the first of them.
    """
    lines = data.split(b"\n")
    if len(lines) < 2 or re.fullmatch(rb"[ \t\r\v\f]*\+?0*1", lines[0]) is None:
        raise Corrupt(0)
    for number, line in enumerate(lines[1:], 1):
        whole = number < len(lines) - 1 or not line
        if not whole or len(line) > LONGEST_LINE or b"\0" in line:
            raise Corrupt(number)
        parts = line.replace(b"\t", b" ").split(b" ")
        words = [part.decode("utf-8", "surrogateescape") for part in parts if part]
        if not words or words[0].startswith("#"):
            continue
        if len(words) < LEAST_COLUMNS:
            raise Corrupt(number)
        each(words)


def row_of(words: list[str]) -> Row:
    """Numbers are read as strtol reads them: what follows the digits is not looked at.

    Raises: BadState, naming the first field that is out of its range.
    """

    def number(name: str, most: int, least: int = 0, shown: str = "") -> int:
        text = words[COLUMNS.index(name)]
        value = leading(text)[0]
        if value is None or not least <= value <= most:
            raise BadState(f"invalid {shown or name} value '{text}'")
        return value

    def word(name: str, default: str) -> str:
        at = COLUMNS.index(name)
        return words[at] if at < len(words) else default

    row = Row(
        backend=words[1],
        server=words[3],
        addr=words[4],
        op_state=number("srv_op_state", state.STOPPING),
        admin=number("srv_admin_state", ADMIN),
        uweight=number("srv_uweight", 256),
        iweight=number("srv_iweight", 256),
        since=number("srv_time_since_last_change", 2**63, -(2**63), "srv_last_time_change"),
        check_status=number("srv_check_status", STATUSES, -(2**31)),
        check_result=number("srv_check_result", 4),
        check_health=number("srv_check_health", 2**31 - 1, -(2**31)),
        check_state=number("srv_check_state", CHECK_BITS),
        agent_state=number("srv_agent_state", CHECK_BITS),
        fqdn=word("srv_fqdn", "-"),
        port=leading(word("srv_port", "0"))[0] or 0,
        srvrecord=word("srvrecord", "-"),
        use_ssl=word("srv_use_ssl", "0"),
        check_port=word("srv_check_port", "0"),
        check_addr=word("srv_check_addr", "-"),
        agent_addr=word("srv_agent_addr", "-"),
        agent_port=word("srv_agent_port", "0"),
    )
    if row.admin & state.FMAINT and row.admin & state.FDRAIN:
        raise BadState(f"invalid srv_admin_state value '{words[COLUMNS.index('srv_admin_state')]}'")
    number("bk_f_forced_id", 1)
    number("srv_f_forced_id", 1)
    if len(row.fqdn) > LONGEST_NAME:
        raise BadState(f"invalid srv_fqdn value '{row.fqdn}'")
    if row.port > 65535:
        raise BadState(f"invalid srv_port value '{word('srv_port', '0')}'")
    return replace(row, port=max(0, row.port))
