"""Commands of the master's socket: show proc, reload (management manual 9.4)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from haproxy_py.process.mastersocket import row
from haproxy_py.runtime.call import Call
from haproxy_py.runtime.registry import Level, command
from haproxy_py.version import EMULATED

if TYPE_CHECKING:
    from haproxy_py.process.supervisor import Supervisor

HEAD = f"{'#<PID>':<15} {'<type>':<15} {'<reloads>':<15} {'<uptime>':<15} {'<version>':<15}\n"


def _supervisor(call: Call) -> Supervisor:
    home: Any = call.service
    found: Supervisor = home.supervisor
    return found


@command("show proc", "show proc [debug]", "show processes status", worker=False, master=True)
def show_proc(call: Call) -> Iterator[str]:
    """The master, the workers, and those of former configurations that still finish."""
    of = _supervisor(call)
    yield HEAD
    yield row(os.getpid(), "master", f"{of.state.reloads} [failed: {of.state.failed}]", call.service.started_at, EMULATED)
    yield "# workers\n"
    for child in of.children.values():
        yield row(child.pid, "worker", str(child.reloads), child.wall, EMULATED)
    for old in of.former:
        if not old.leaving:  # the reload that was to replace it has failed
            yield row(old.pid, "worker", str(old.reloads), old.born, EMULATED)
    if any(old.leaving for old in of.former):
        yield "# old workers\n"
    for old in of.former:
        if old.leaving:
            yield row(old.pid, "worker", str(old.reloads), old.born, EMULATED)
    yield "# programs\n"


def _reload(call: Call) -> None:
    """The connection is answered by the new master, or at once when the configuration is not fit."""
    call.client.tags["reload"] = call.row.name


command("reload", "reload", "reload haproxy", level=Level.OPERATOR, worker=False, master=True)(_reload)
command("hard-reload", "hard-reload", "reload haproxy, stopping the former workers at once", level=Level.OPERATOR, worker=False, master=True)(_reload)


def _hint(name: str, about: str) -> None:
    @command(name, name, about, worker=False, master=True)
    def never(call: Call) -> None:
        """A prefix, not a command: it is in the table for the help."""


_hint("@!<pid>", "send a command to the <pid> process")
_hint("@<relative pid>", "send a command to the <relative pid> process")
_hint("@master", "send a command to the master process")
