"""Commands about the process: version, environment, runtime sockets, threads (management manual 9.3)."""

from __future__ import annotations

import os
from collections.abc import Iterator

from haproxy_py.runtime.call import Call
from haproxy_py.runtime.registry import Answer, Level, command
from haproxy_py.version import EMULATED


@command("show version", "show version", "show version of the current process", master=True)
def show_version(call: Call) -> str:
    """Of the HAProxy that is followed."""
    return EMULATED + "\n"


@command("show env", "show env [var]", "dump environment variables known to the process", level=Level.OPERATOR, master=True)
def show_env(call: Call) -> str:
    """All variables or one, as the configuration left them."""
    known = call.service.environment()
    if call.args:
        if call.arg(0) not in known:
            raise Answer("Variable not found\n")
        return f"{call.arg(0)}={known[call.arg(0)]}\n"
    return "".join(f"{name}={value}\n" for name, value in known.items())


@command("show cli sockets", "show cli sockets", "dump list of cli sockets", master=True)
def show_sockets(call: Call) -> Iterator[str]:
    """Address, level and processes."""
    yield "# socket lvl processes\n"
    for door in call.service.doors:
        yield f"{door.shown} {door.level.word} all\n"


@command("show threads", "show threads", "show some threads debugging information")
def show_threads(call: Call) -> Iterator[str]:
    """The workers, which are what HAProxy's threads are."""
    segment = call.instance.segment
    for slot, pid in segment.alive.items():
        mark = "*" if pid == os.getpid() else " "
        yield f"{mark} Thread {slot:<2}: id={pid} act=1 checker={int(segment.gauges()['checker'] == slot + 1)}\n"
