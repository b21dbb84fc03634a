"""Frontends on the runtime socket: disable, enable, shutdown, maxconn; limits of the process (management manual 9.3).

A disabled frontend gives its port up until it is enabled again: no worker accepts any more, and the TCP sockets, which all
processes share, leave the listening state. A UNIX socket stays bound; who connects waits.
"""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Any

from haproxy_py.config.units import atoi
from haproxy_py.runtime.call import Call
from haproxy_py.runtime.naming import proxy_name
from haproxy_py.runtime.operations import operation
from haproxy_py.runtime.registry import Answer, Level, command

BACKLOG = 2000
RATE_NAMES = ("connections", "sessions", "ssl-sessions", "http-compression")  # the first three as in Segment.rate_limits()
RATES = (
    "'set rate-limit' only supports :\n"
    "   - 'connections global' to set the per-process maximum connection rate\n"
    "   - 'sessions global' to set the per-process maximum session rate\n"
    "   - 'ssl-sessions global' to set the per-process maximum SSL session rate\n"
    "   - 'http-compression global' to set the per-process maximum compression speed in kB/s\n"
)


def named(call: Call, i: int = 0) -> str:
    """The frontend that argument `i` names, or its `#id`. Raises: Answer."""
    if not call.arg(i):
        raise Answer("A frontend name is expected.\n")
    name = proxy_name(call.instance, call.arg(i))
    if name not in call.instance.frontends:
        raise Answer("No such frontend.\n")
    return name


# what every process does


@operation("pause frontend", change=True)
def pause(instance: Any, name: str) -> None:
    """Accept no more until resume()."""
    instance.disabled_now.add(name)
    for listener in instance.listeners_of.get(name, ()):
        listener.stop()


@operation("resume frontend", change=True)
def resume(instance: Any, name: str) -> None:
    """Accept again."""
    instance.disabled_now.discard(name)
    for listener in instance.listeners_of.get(name, ()):
        listener.start()


@operation("shut frontend", change=True)
def shut(instance: Any, name: str) -> None:
    """Accept never more: the last process that closes its copies frees the addresses."""
    instance.disabled_now.add(name)
    instance.shut_now.add(name)
    for listener in instance.listeners_of.pop(name, ()):
        listener.stop()
        instance.listeners.remove(listener)
    for key in instance.keys_of(name):
        fd = instance.listening.pop(key, -1)
        if fd >= 0:
            with contextlib.suppress(OSError):
                os.close(fd)


@operation("frontend maxconn", change=True)
def set_limit(instance: Any, name: str, value: int) -> None:
    """A new limit; full listeners try again."""
    instance.frontends[name].maxconn = value
    for listener in instance.listeners_of.get(name, ()):
        listener.resume()


def _sockets(instance: Any, name: str, *, listening: bool) -> None:
    """Take the TCP sockets of a frontend out of the listening state, or back into it: once for all processes."""
    for key in instance.keys_of(name):
        fd = instance.listening.get(key, -1)
        if fd < 0:
            continue
        sock = socket.socket(fileno=os.dup(fd))
        with sock, contextlib.suppress(OSError):
            if sock.family not in (socket.AF_INET, socket.AF_INET6):
                continue
            if listening:
                sock.listen(BACKLOG)
            else:
                sock.shutdown(socket.SHUT_RD)


# commands


@command("disable frontend", "disable frontend <frontend>", "temporarily disable specific frontend", level=Level.ADMIN)
async def disable_frontend(call: Call) -> None:
    """Stop accepting; connections go on."""
    name = named(call)
    if name in call.instance.shut_now:
        raise Answer("Frontend was previously shut down, cannot disable.\n")
    if name in call.instance.disabled_now:
        raise Answer("All sockets are already disabled.\n")
    await call.service.everywhere("pause frontend", name)
    _sockets(call.instance, name, listening=False)


@command("enable frontend", "enable frontend <frontend>", "re-enable specific frontend", level=Level.ADMIN)
async def enable_frontend(call: Call) -> None:
    """The end of `disable frontend`."""
    name = named(call)
    if name in call.instance.shut_now:
        raise Answer("Frontend was previously shut down, cannot enable.\n")
    if name not in call.instance.disabled_now:
        raise Answer("All sockets are already enabled.\n")
    _sockets(call.instance, name, listening=True)
    await call.service.everywhere("resume frontend", name)


@command("shutdown frontend", "shutdown frontend <frontend>", "stop a specific frontend", level=Level.ADMIN)
async def shutdown_frontend(call: Call) -> None:
    """For good; the port may be taken by another process."""
    name = named(call)
    if name in call.instance.shut_now:
        raise Answer("Frontend was already shut down.\n")
    _sockets(call.instance, name, listening=False)
    await call.service.everywhere("shut frontend", name)


def _number(text: str) -> int:
    """As atoi() reads it, never below 0. Raises: Answer."""
    if atoi(text) < 0:
        raise Answer("Value out of range.\n")
    return atoi(text)


@command(
    "set maxconn frontend", "set maxconn frontend <frontend> <value>", "change a frontend's maxconn setting", level=Level.ADMIN
)
async def set_maxconn_frontend(call: Call) -> None:
    """Of all workers together."""
    name = named(call)
    if not call.arg(1):
        raise Answer("Integer value expected.\n")
    await call.service.everywhere("frontend maxconn", name, _number(call.arg(1)))


@command("set maxconn global", "set maxconn global <value>", "change the per-process maxconn setting", level=Level.ADMIN)
def set_maxconn_global(call: Call) -> None:
    """0 gives back what the process started with; more than that there are no descriptors for."""
    if not call.arg(0):
        raise Answer("Expects an integer value.\n")
    value = atoi(call.arg(0))
    most = call.instance.hard_maxconn or call.instance.segment.maxconn
    if value < 0 or most and value > most:
        raise Answer("Value out of range.\n")
    call.instance.segment.maxconn = value or most
    call.instance.segment.wake()


@command("set rate-limit", "set rate-limit <setting> <value>", "change a rate limiting value", level=Level.ADMIN)
def set_rate_limit(call: Call) -> None:
    """Of all workers together; 0: no limit."""
    if call.arg(0) not in RATE_NAMES or call.arg(1) != "global":
        raise Answer(RATES)
    if not call.arg(2):
        raise Answer("Expects an integer value.\n")
    what, value = RATE_NAMES.index(call.arg(0)), _number(call.arg(2))
    segment = call.instance.segment
    if call.arg(0) == "http-compression":
        segment.compression_rate = value * 1024  # kB in the command
    else:
        segment.limit_rate(what, value)
