"""Servers begin as a state file, or the configuration that ran before a reload, has known them (manual 4.2).

A file tells of runtime changes as well (maintenance, drain, weights): they come back unless the configuration has changed in
that point. A reload hands over what the checks found and nothing else, as an administrator expects of HAProxy's reloads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from backends import state, use_ssl
from backends.checks.status import BY_NAME
from backends.commands import leading
from backends.life import Life, ServerLife
from backends.life_keywords import SLOWSTART
from backends.state_file import HEADER, NAMES, BadState, Corrupt, Row, parse, row_of
from backends.state_keywords import LOAD_STATE, STATE_BASE, STATE_FILE, STATE_FILE_NAME
from backends.state_name import resume_name
from backends.state_targets import resume_targets
from backends.tls_options import CONTEXT
from haproxy_py.config.keywords.server_options import WEIGHT
from haproxy_py.config.model import Config, Proxy

WHY = ", changed from server-state after a reload"
Warn = Callable[[str], None]


def load(config: Config, life: Life, number: Callable[[Proxy], int], warn: Warn) -> None:
    """Apply the state files that the configuration names. number: id of a proxy. warn: gets HAProxy's complaints, without "config : "."""
    known = known_lines(config, number, warn)
    if not known:
        return
    with _with_addresses(life):
        for one in life.servers.values():
            words = known.get((one.proxy.name, one.slot.name))
            if words is not None:
                apply(life, one, words, warn)


@contextmanager
def _with_addresses(life: Life) -> Iterator[None]:
    """Meanwhile no server waits for an address: files are applied before that is looked at, as in HAProxy."""
    waiting = [slot for slot in life.servers if state.facts(slot)["admin"] & state.RMAINT]
    for add, remove in ((0, state.RMAINT), (state.RMAINT, 0)):
        with life.heard_by(lambda message: None):
            for slot in waiting:
                life.set_admin(slot, add, remove)
        if remove:
            yield


def known_lines(config: Config, number: Callable[[Proxy], int], warn: Warn) -> dict[tuple[str, str], list[str]]:
    """The lines of the state files, in words, by (backend, server); of several for one server the first."""
    known: dict[tuple[str, str], list[str]] = {}
    wanted = {proxy.name for proxy in config.proxies if _wants(proxy, "global")}
    if config.globals[STATE_FILE]:
        path = _path(config, config.globals[STATE_FILE])
        found: list[list[str]] = []
        if _read(path, f"global server state file '{path}'", "config: ", warn, found.append):
            for words in found:
                if words[1] in wanted:
                    known.setdefault((words[1], words[3]), words)
    for proxy in config.proxies:
        if _wants(proxy, "local"):
            for words in _local_lines(config, proxy, str(number(proxy)), warn):
                known.setdefault((proxy.name, words[3]), words)
    return known


def _wants(proxy: Proxy, kind: str) -> bool:
    return proxy.is_backend and proxy[LOAD_STATE] == kind


def _path(config: Config, name: str) -> str:
    base = config.globals[STATE_BASE]
    return name if name.startswith("/") or not base else f"{base}/{name}"


def _local_lines(config: Config, proxy: Proxy, number: str, warn: Warn) -> list[list[str]]:
    """Those of a backend's own file that are about it: its name decides, the number is only complained about."""
    path = _path(config, proxy[STATE_FILE_NAME] or proxy.name)
    title = f"Proxy '{proxy.name}': "
    mine: list[list[str]] = []

    def each(words: list[str]) -> None:
        if words[1] == proxy.name:
            mine.append(words)
            if words[0] != number:
                warn(f"{title}backend ID mismatch: from server state file: '{words[0]}', from running config '{number}'")
        elif words[0] == number:
            warn(f"{title}backend name mismatch: from server state file: '{words[1]}', from running config '{proxy.name}'")

    if not _read(path, f"server state file '{path}'", title, warn, each):
        return []
    servers = {server.name for server in proxy.servers}
    for name in dict.fromkeys(words[3] for words in mine if words[3] not in servers):
        warn(f"{title}can't find server '{name}' in backend '{proxy.name}'")
    return mine


def _read(path: str, what: str, title: str, warn: Warn, each: Callable[[list[str]], None]) -> bool:
    """Hand the words of every line to `each`. Returns: whether they may be used. A file that is not there, or empty, is no fault."""
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        return False
    except OSError as wrong:
        warn(f"{title}Can't open {what}: {wrong.strerror}")
        return False
    try:
        if data:
            parse(data, each)
    except Corrupt as wrong:
        warn(f"{title}corrupted {what} at line {wrong.line}." if wrong.line else f"{title}Can't get version of the {what}.")
        return False
    return True


def apply(life: Life, one: ServerLife, words: list[str], warn: Warn) -> None:
    """Bring one server into the state of a line. warn: complaints, and the sentences that the changes say."""
    title = f"'{one.proxy.name}/{one.slot.name}'"
    try:
        row = row_of(words)
    except BadState as wrong:
        warn(f"server-state application failed for server {title}, {wrong}")
        return
    with life.heard_by(lambda message: warn(message.terminal)):
        _operational(life, one, row)
        _administrative(life, one, row)
        if row.iweight == one.item[WEIGHT]:
            life.reweigh(one.slot, row.uweight)
    _rest(one, row, int(life.clock()))
    if one.item[CONTEXT] is not None:
        use_ssl.restore(one.slot, leading(row.use_ssl)[0] or 0)
    wrong_record = resume_name(one, row)
    if wrong_record:
        warn(f"server-state partially applied for server {title}, {wrong_record}")
    for complaint in resume_targets(one, row):
        warn(f"server-state partially applied for server {title}, {complaint}")


def _operational(life: Life, one: ServerLife, row: Row) -> None:
    """The rise/fall counter is kept within what the state allows."""
    slot, rise, full = one.slot, one.rise, one.rise + one.fall - 1
    health = row.check_health
    if row.op_state == state.STOPPED or row.op_state == state.STOPPING and one.fall == 1:
        state.set_health(slot, 0)
        life.stopped(slot, WHY)
    elif row.op_state == state.STARTING and rise > 1:
        state.set_health(slot, health if 1 <= health < rise else rise - 1)
        if 0 <= row.since < one.item[SLOWSTART]:  # else it is over, and nothing is told
            life.warming(slot)
    elif row.op_state == state.STOPPING:
        state.set_health(slot, health if rise <= health < full else rise)
        life.stopping(slot, WHY)
    else:
        state.set_health(slot, full)
        life.running(slot, "")


def _administrative(life: Life, one: ServerLife, row: Row) -> None:
    """A change of `disabled` in the configuration wins over the file; a drain of a weight that is no longer 0 is dropped."""
    admin = state.facts(one.slot)["admin"]
    if (row.admin ^ admin) & state.CMAINT:
        _ready(life, one) if not admin & state.CMAINT else _maint(life, one)
    elif row.admin & state.FMAINT and not admin & state.CMAINT:
        _maint(life, one)
    elif not row.admin & state.FMAINT and admin & state.CMAINT:
        _ready(life, one)
    now = state.facts(one.slot)["admin"]
    if not now & state.FMAINT and row.admin & state.FDRAIN and (row.iweight > 0 or one.item[WEIGHT] == 0):
        life.set_admin(one.slot, state.FDRAIN, state.FMAINT)


def _ready(life: Life, one: ServerLife) -> None:
    life.set_admin(one.slot, 0, state.FMAINT)
    life.set_admin(one.slot, 0, state.FDRAIN)


def _maint(life: Life, one: ServerLife) -> None:
    life.set_admin(one.slot, state.FMAINT, 0)
    life.set_admin(one.slot, 0, state.FDRAIN)


def _rest(one: ServerLife, row: Row, now: int) -> None:
    """Times, the last check, checks that were switched off."""
    status = BY_NAME.get(NAMES.get(row.check_status, "INI"))
    warm = state.facts(one.slot)["state"] == state.STARTING
    state.restore(one.slot, 0 if warm else _moment(now, row), status.number if status else 0)
    bits = state.check_state(one.slot)
    if bits & row.check_state & state.CHECK_CONFIGURED and not row.check_state & state.CHECK_ENABLED:
        state.set_check_state(one.slot, bits & ~state.CHECK_ENABLED)
    bits = state.facts(one.slot)["agent_state"]
    if bits & row.agent_state & state.CHECK_CONFIGURED and not row.agent_state & state.CHECK_ENABLED:
        state.set_agent_state(one.slot, bits & ~state.CHECK_ENABLED)


def _moment(now: int, row: Row) -> int:
    """The wall second of the last change: a file may name any number."""
    return min(max(1, now - row.since), now)


def take_over(life: Life, text: str) -> None:
    """Begin as the configuration before this reload has left its checks: the same servers at the same places, in silence."""
    known: dict[tuple[str, str], list[str]] = {}
    with suppress(Corrupt):  # a name that is longer than any line may be
        parse(text.encode("utf-8", "surrogateescape"), lambda words: known.update({(words[1], words[3]): words}))
    with life.heard_by(lambda message: None):
        for one in life.servers.values():
            words = known.get((one.proxy.name, one.slot.name))
            if words and one.proxy[LOAD_STATE] == "none" and one.checked:
                _take_over(life, one, words)


def _take_over(life: Life, one: ServerLife, words: list[str]) -> None:
    try:
        row = row_of(words)
    except BadState:
        return
    host, port = state.address(one.slot)
    paused = (state.facts(one.slot)["admin"] | row.admin) & state.MAINT or row.check_state & state.CHECK_PAUSED
    if (row.addr, row.port) != (host if host not in ("", "unix") else "-", port) or paused:
        return
    _operational(life, one, row)
    if row.op_state != state.STARTING:
        state.set_health(one.slot, min(row.check_health, one.rise + one.fall - 1))
    status = BY_NAME.get(NAMES.get(row.check_status, "INI"))
    state.restore(one.slot, _moment(int(life.clock()), row), status.number if status else 0)


__all__ = ["HEADER", "apply", "load", "take_over"]
