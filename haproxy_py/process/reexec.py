"""What a master hands to itself over exec: listening descriptors, living workers, its start directory, as one variable.

The kernel keeps the process id, the children, the blocked signal set and the descriptors marked inheritable.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

VARIABLE = "PYHAPROXY_REEXEC"
START_DIRECTORY = os.getcwd() if os.path.isdir(".") else "/"
START_ENVIRONMENT = dict(os.environ)


@dataclass(slots=True)
class Former:
    """A worker of an earlier configuration. reloads: how many reloads it has lived through, tried ones too. leaving: it was told
    to finish; else no later configuration has worked, and it serves."""

    pid: int
    reloads: int
    born: float = 0.0  # wall seconds
    channel: int = -1  # master's end of the way to its generation's runtime socket
    leaving: bool = False


@dataclass(slots=True)
class MasterState:
    """What a master keeps over a reload. reloads: all that were tried; failed: how many since the last that worked. sockets: its
    runtime sockets (-S) by key; waiting: clients that asked for the reload."""

    born: float = field(default_factory=time.time)  # wall seconds
    reloads: int = 0
    failed: int = 0
    sockets: dict[str, int] = field(default_factory=dict)
    waiting: list[int] = field(default_factory=list)
    hard: bool = False  # former workers end at once (hard-reload)


@dataclass(slots=True)
class Handover:
    """descriptors: listener key -> descriptor. owner: pid that wrote it, so that a child never takes it for its own."""

    owner: int
    descriptors: dict[str, int] = field(default_factory=dict)
    workers: list[Former] = field(default_factory=list)
    master: MasterState = field(default_factory=lambda: MasterState())
    states: str = ""  # Instance.states() of the configuration before; travels in a file in memory, since it may be long


def take(environ: dict[str, str] | os._Environ[str] | None = None, pid: int | None = None) -> Handover | None:
    """The handover of the program that became this one by exec, removed from the environment; None: a fresh start."""
    source = os.environ if environ is None else environ
    raw = source.pop(VARIABLE, None)
    START_ENVIRONMENT.pop(VARIABLE, None)
    if raw is None:
        return None
    try:
        told = json.loads(raw)
        found = Handover(
            int(told["owner"]),
            {str(key): int(fd) for key, fd in told["descriptors"].items()},
            [_former(worker) for worker in told["workers"]],
            MasterState(**told.get("master", {})),
            _read_back(told.get("states", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return found if found.owner == (os.getpid() if pid is None else pid) else None


def _former(told: Mapping[str, Any]) -> Former:
    return Former(
        int(told["pid"]), int(told["reloads"]), float(told.get("born", 0)), int(told.get("channel", -1)), bool(told.get("leaving"))
    )


def _read_back(fd: str) -> str:
    """The text in the file in memory of this number, which is closed."""
    if not fd:
        return ""
    try:
        with os.fdopen(int(fd), "r", encoding="utf-8", errors="surrogateescape") as kept:
            return kept.read()
    except (OSError, ValueError):
        return ""


def _lay_down(text: str) -> str:
    """A file in memory with `text`, to be inherited; its number."""
    if not text:
        return ""
    fd = os.memfd_create("states", 0)
    with os.fdopen(os.dup(fd), "w", encoding="utf-8", errors="surrogateescape") as kept:
        kept.write(text)
    os.lseek(fd, 0, os.SEEK_SET)
    os.set_inheritable(fd, True)
    return str(fd)


def become_new(
    descriptors: Mapping[str, int], workers: list[Former], master: MasterState | None = None, states: str = ""
) -> None:
    """Replace this process by a fresh one of the same command line. Returns only by raising OSError."""
    state = replace(master, reloads=master.reloads + 1) if master else MasterState()
    told = Handover(os.getpid(), dict(descriptors), [replace(w, reloads=w.reloads + 1) for w in workers], state, _lay_down(states))
    channels = [w.channel for w in workers if w.channel >= 0]
    for fd in {*descriptors.values(), *state.sockets.values(), *state.waiting, *channels}:
        os.set_inheritable(fd, True)
    os.chdir(START_DIRECTORY)
    environ = START_ENVIRONMENT | {VARIABLE: json.dumps(asdict(told))}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environ)
