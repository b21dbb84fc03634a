"""What the global section and the command line say about processes; the command line wins (management manual 3)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from haproxy_py.config.keywords import process as words
from haproxy_py.config.keywords.proxy import DEFAULT_MAXCONN
from haproxy_py.config.model import Config, Setting
from haproxy_py.process.options import Options
from haproxy_py.tls.words import SERVER_VERIFY

MAX_WORKERS = 64


@dataclass(frozen=True, slots=True)
class Settings:
    """workers: processes that serve. master: -W; daemon: leave the terminal. Times in ms. None: not said."""

    workers: int = 1
    master: bool = False
    systemd: bool = False
    daemon: bool = False
    pidfile: str | None = None
    uid: int | None = None
    gid: int | None = None
    chroot: str | None = None
    maxconn: int | None = None
    ulimit_n: int | None = None
    strict_limits: bool = True
    fd_hard_limit: int | None = None
    memory_mb: int | None = None
    hard_stop_after_ms: int | None = None
    grace_ms: int = 0
    capabilities: int = 0  # bit mask of those to keep
    max_reloads: int | None = None
    zero_warning: bool = False

    @property
    def supervised(self) -> bool:
        """Whether a supervisor forks workers; else one process does all."""
        return self.master or self.workers > 1


def default_workers() -> int:
    """The CPUs this process may use (manual 3.1, nbthread)."""
    return max(1, min(len(os.sched_getaffinity(0)), MAX_WORKERS))


def _mask(names: tuple[str, ...]) -> int:
    """Capabilities by name as the bits of capabilities(7)."""
    return sum(1 << words.CAPABILITIES[name] for name in set(names))


def preset(options: Options) -> dict[Setting[Any], Any]:
    """Global settings that flags make before the file is read: -N, -dR, -dV."""
    said: dict[Setting[Any], Any] = {}
    if options.proxy_maxconn:
        said[DEFAULT_MAXCONN] = options.proxy_maxconn
    if options.no_reuseport:
        said[words.NOREUSEPORT] = True
    if options.no_server_verify:
        said[SERVER_VERIFY] = "none"
    return said


def settings(config: Config, options: Options) -> Settings:
    """Put the two together."""
    said = config.globals
    return Settings(
        workers=min(said[words.NBTHREAD] or default_workers(), said[words.THREAD_HARD_LIMIT] or MAX_WORKERS, MAX_WORKERS),
        master=options.master or said[words.MASTER_WORKER],
        systemd=options.systemd,
        daemon=options.daemon or said[words.DAEMON] and not (options.foreground or options.debug or options.systemd),
        pidfile=options.pidfile or said[words.PIDFILE] or None,
        uid=said[words.UID],
        gid=said[words.GID],
        chroot=said[words.CHROOT] or None,
        maxconn=options.maxconn or said[words.MAXCONN] or None,
        ulimit_n=said[words.ULIMIT_N] or None,
        strict_limits=said[words.STRICT_LIMITS],
        fd_hard_limit=said[words.FD_HARD_LIMIT] or None,
        memory_mb=options.memory_mb,
        hard_stop_after_ms=said[words.HARD_STOP_AFTER],
        grace_ms=said[words.GRACE] or 0,
        capabilities=_mask(said[words.SETCAP]),
        max_reloads=said[words.MWORKER_MAX_RELOADS],
        zero_warning=options.zero_warning or said[words.ZERO_WARNING],
    )
