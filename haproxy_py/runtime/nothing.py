"""Lists of what does not exist here: profiles, traces, peers, ticket keys. Their words are checked as HAProxy checks them."""

from __future__ import annotations

from haproxy_py.runtime.call import Call
from haproxy_py.runtime.registry import Answer, Level, command

STATUS = (
    "Per-task CPU profiling              : off           # set profiling tasks {on|auto|off}\n"
    "Memory usage profiling              : off           # set profiling memory {on|off}\n"
)
TASKS = "Tasks activity:\n  function                      calls   cpu_tot   cpu_avg   lat_tot   lat_avg\n"
PARTS = {"all": STATUS + TASKS, "status": STATUS, "tasks": TASKS, "memory": ""}
ORDERS = ("byaddr", "bytime", "aggr")
PROFILING_WORDS = "Expects either 'all', 'status', 'tasks', 'memory', 'byaddr', 'bytime', 'aggr' or a max number of output lines.\n"


@command("show profiling", "show profiling [<what>|<#lines>|<opts>]*", "show profiling state (all,status,tasks,memory)", level=Level.OPERATOR)
def show_profiling(call: Call) -> str | None:
    """It is always off. Several parts: the last one that is named."""
    said = STATUS + TASKS
    for word in call.args:
        if word in PARTS:
            said = PARTS[word]
        elif word not in ORDERS and not (word.isascii() and word.isdigit()):
            raise Answer(PROFILING_WORDS)
    return said or None


@command("set profiling", "set profiling <what> {auto|on|off}", "enable/disable resource profiling (tasks,memory)", level=Level.ADMIN)
def set_profiling(call: Call) -> None:
    """Nothing can be switched on."""
    if call.arg(0) == "memory":
        raise Answer("Memory profiling not compiled in.\n")
    if call.arg(0) != "tasks":
        raise Answer("Expects either 'tasks' or 'memory'.\n")
    if call.arg(1) not in ("on", "auto", "off"):
        raise Answer("Expects 'on', 'auto', or 'off'.\n")
    if call.arg(1) != "off":
        raise Answer("'set profiling' is known to HAProxy, not supported yet.\n")


@command("show trace", "show trace [<module>]", "show live tracing state", placeholder=True)
def show_trace(call: Call) -> str:
    """There are no sources."""
    if call.args:
        raise Answer("No such trace source\n")
    return "Supported trace sources and states (.=stopped, w=waiting, R=running) :\n"


@command("show peers", "show peers [dict|-] [section]", "dump some information about all the peers or this peers section", placeholder=True)
def show_peers(call: Call) -> None:
    """There are no sections. An empty word stands for `-`."""
    names = call.args[1:] if call.arg(0) in ("dict", "-", "") else call.args
    if names and names[0]:
        raise Answer("No such peers\n")


@command("show tls-keys", "show tls-keys [id|*]", "show tls keys references or dump tls ticket keys when id specified", placeholder=True)
def show_tls_keys(call: Call) -> str:
    """No bind line has a file of keys."""
    if not call.args:
        return "# id (file)\n"
    if call.arg(0) != "*":
        raise Answer("'show tls-keys' unable to locate referenced filename\n")
    return "# id secret\n"
