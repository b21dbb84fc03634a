"""The process from inside: descriptors, activity, memory, objects (management manual 9.3). For support, not for parsers.

HAProxy prints its own structures here; these commands keep its names and tell what ours are.
"""

from __future__ import annotations

import os
import platform
import resource
import sys
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from haproxy_py.engine import clock
from haproxy_py.runtime.call import Call
from haproxy_py.runtime.operations import operation
from haproxy_py.runtime.registry import Answer, Level, command
from haproxy_py.version import EMULATED, VERSION

POOL_WORDS = "Expects either 'byname', 'bysize', 'byusage', 'detailed', 'match <pfx>', or a max number of output lines.\n"


@operation("activity")
def activity(instance: Any) -> dict[str, int]:
    """Numbers of one worker."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    reactor = instance.worker.reactor
    return {
        "ctxsw": used.ru_nvcsw + used.ru_nivcsw,
        "loops": reactor.turns,
        "poll_io": reactor.events_seen,
        "cpust_ms_tot": int((used.ru_utime + used.ru_stime) * 1000),
        "rss_kb": used.ru_maxrss,
    }


@command("show activity", "show activity [-1|0|thread_num]", "show per-thread activity stats (for support/developers)", level=Level.OPERATOR)
async def show_activity(call: Call) -> AsyncIterator[str]:
    """Sum, and the part of each worker."""
    workers = call.instance.segment.workers
    which = int(call.arg(0)) if call.arg(0).lstrip("-").isdecimal() else -1 if not call.args else 0
    if not -1 <= which <= workers:
        raise Answer("Thread ID number must be between -1 and nbthread\n")
    found = await call.service.everywhere("activity")
    date = time.time()
    yield f"thread_id: {call.instance.segment.slot} (1..{workers})\n"
    yield f"date_now: {int(date)}.{int(date % 1 * 1000000):06d}\n"
    yield f"uptime_now: {clock.now() - call.service.started_at:.6f}\n"
    for name in ("ctxsw", "loops", "poll_io", "cpust_ms_tot", "rss_kb"):
        parts = [numbers[name] for slot, numbers in sorted(found.items()) if which <= 0 or slot == which]
        yield f"{name}: {sum(parts)} [ {' '.join(map(str, parts))} ]\n" if which != 0 else f"{name}: {sum(parts)}\n"


@operation("descriptors")
def descriptors(instance: Any) -> list[tuple[int, str]]:
    """Number and target of each open one."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            found.append((int(name), os.readlink(f"/proc/self/fd/{name}")))
        except OSError:
            continue
    return sorted(found)


@command("show fd", "show fd [-!plcfbsd]* [num]", "dump list of file descriptors in use or a specific one", level=Level.OPERATOR)
async def show_fd(call: Call) -> AsyncIterator[str]:
    """Of every worker."""
    words = [word for word in call.args if not word.startswith("-")]
    if words and not words[0].isdecimal():
        raise Answer("Invalid FD type\n")
    found = await call.service.everywhere("descriptors")
    keys = {fd: key for key, fd in call.instance.listening.items()}
    for slot in sorted(found):
        for number, target in found[slot]:
            if not words or number == int(words[0]):
                listening = f" listener={keys[number]}" if number in keys else ""
                yield f"{number:7} : worker={slot} {target}{listening}\n"


@operation("pools")
def pools(instance: Any) -> dict[str, Any]:
    """Memory of one worker."""
    buffers = {name: getattr(instance.worker, name).info() for name in ("buffers",) if hasattr(instance.worker.buffers, "info")}
    return {"rss_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, **buffers}


@command("show pools", "show pools [by*] [match <pfx>] [nb]", "report information about the memory pools usage")
async def show_pools(call: Call) -> AsyncIterator[str]:
    """The most memory that was resident, by worker."""
    if call.args and call.arg(0) not in ("byname", "bysize", "byusage", "detailed", "match") and not call.arg(0).isdecimal():
        raise Answer(POOL_WORDS)
    found = await call.service.everywhere("pools")
    yield "Dumping pools usage. Use SIGQUIT to flush them.\n"
    for slot, numbers in sorted(found.items()):
        yield f"  - Worker {slot} : {numbers['rss_kb'] * 1024} bytes resident at most\n"
    total = sum(numbers["rss_kb"] for numbers in found.values()) * 1024
    yield f"Total: {len(found)} pools, {total} bytes allocated, {total} used.\n"


@command("show tasks", "show tasks", "show running tasks")
def show_tasks(call: Call) -> Iterator[str]:
    """Of the event loop of the worker that answers."""
    import asyncio

    names: dict[str, int] = {}
    for task in asyncio.all_tasks():
        coroutine = task.get_coro()
        name = getattr(coroutine, "__qualname__", "?")
        names[name] = names.get(name, 0) + 1
    yield f"Running tasks: {sum(names.values())} ({call.instance.segment.workers} threads)\n"
    yield "  function                     places     %    lat_tot   lat_avg\n"
    for name, count in sorted(names.items(), key=lambda item: -item[1]):
        yield f"  {name:<28} {count:6} {100 * count / sum(names.values()):5.1f}         -         -\n"


@command("show libs", "show libs", "show loaded object files and libraries", level=Level.OPERATOR)
def show_libs(call: Call) -> Iterator[str]:
    """From the kernel's table of mappings: first address, last address, size, file."""
    spans: dict[str, tuple[int, int]] = {}
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        for text in maps:
            parts = text.split(maxsplit=5)
            if len(parts) == 6 and parts[5].startswith("/"):
                low, high = (int(part, 16) for part in parts[0].split("-"))
                path = parts[5].strip()
                before = spans.get(path, (low, high))
                spans[path] = min(low, before[0]), max(high, before[1])
    for path, (low, high) in spans.items():
        yield f"0x{low:012x}-0x{high - 1:012x} (0x{high - low:07x}) {path}\n"


@command("show dev", "show dev", "show debug info for developers", level=Level.OPERATOR)
def show_dev(call: Call) -> Iterator[str]:
    """What a report of a fault should hold."""
    system = platform.uname()
    yield "Features\n"
    yield f"  pyhaproxy {VERSION} (HAProxy {EMULATED}), Python {sys.version.split()[0]}\n"
    yield "Platform info\n"
    yield f"  machine: {system.machine}\n  system: {system.system} {system.release}\n  cpus: {os.cpu_count()}\n"
    yield "Process info\n"
    yield f"  pid: {os.getpid()}\n  uid: {os.getuid()}\n  gid: {os.getgid()}\n"
    yield f"  fd limit (soft/hard): {'/'.join(map(str, resource.getrlimit(resource.RLIMIT_NOFILE)))}\n"


@command("show startup-logs", "show startup-logs", "report logs emitted during HAProxy startup", level=Level.OPERATOR, master=True)
def show_startup_logs(call: Call) -> str | None:
    """What the start printed."""
    return "".join(call.service.startup_logs()) or None
