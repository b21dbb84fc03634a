"""File descriptors and memory: what maxconn needs, and raising the limits to it (management manual 5; manual 3.1 maxconn)."""

from __future__ import annotations

import resource
from dataclasses import dataclass

from haproxy_py.process.output import Console
from haproxy_py.process.settings import Settings
from haproxy_py.process.types import StartError

OWN = 32  # epoll sets, timers, the event descriptor, signals, logs, standard streams
FALLBACK_HARD = 1048576  # HAProxy 3.x's fd-hard-limit


@dataclass(frozen=True, slots=True)
class Plan:
    """maxconn of the process group and the descriptors one process needs for it."""

    maxconn: int
    descriptors: int


def plan(settings: Settings, listeners: int, checked: int, hard: int) -> Plan:
    """maxconn as configured, or what `hard` descriptors allow. Pipes are not counted: without one, bodies are copied.

    Args: listeners, checked: number of listening sockets (and what else is open throughout), of servers with a health check. hard: RLIMIT_NOFILE's hard
    limit, -1 for none.
    """
    top = settings.fd_hard_limit or FALLBACK_HARD
    room = top if hard < 0 else min(hard, top)
    if settings.ulimit_n:
        room = settings.ulimit_n
    if settings.maxconn:
        needed = 2 * settings.maxconn + listeners + checked + OWN
        return Plan(settings.maxconn, max(needed, settings.ulimit_n or 0))
    return Plan(max(100, (room - listeners - checked - OWN) // 2), room)


def raise_descriptors(need: int, settings: Settings, console: Console, program: str) -> None:
    """Raise RLIMIT_NOFILE to `need`.

    Raises: StartError: refused and `strict-limits` is on; without it that is a warning and the limit goes as far as it can.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= need or soft == resource.RLIM_INFINITY:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (need, max(need, hard) if hard != resource.RLIM_INFINITY else hard))
    except (OSError, ValueError):
        if hard != resource.RLIM_INFINITY:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(need, hard), hard))
        if min(need, hard) < need:
            _refused(f"[{program}.main()] Cannot raise FD limit to {need}, limit is {hard}.", settings, console)


def limit_memory(settings: Settings, console: Console, program: str) -> None:
    """-m: megabytes of address space for each process."""
    if not settings.memory_mb:
        return
    size = settings.memory_mb << 20
    try:
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    except (OSError, ValueError):
        _refused(f"[{program}.main()] Cannot fix MEM limit to {settings.memory_mb} megs.", settings, console)


def _refused(text: str, settings: Settings, console: Console) -> None:
    if settings.strict_limits:
        raise StartError(text)
    console.warning(text)
