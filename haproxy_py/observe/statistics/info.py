"""`show info`: facts about the whole process group (management manual 9.3, show info).

Counters are those of all workers together. What has no meaning here (pools of HAProxy's allocator, tasks) is told by the
nearest thing that exists; docs/deviations.md lists each.
"""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass, field
from typing import Any

from haproxy_py import version
from haproxy_py.config.keywords import process as words
from haproxy_py.engine import clock
from haproxy_py.observe.statistics.parts import World

RELEASED = "2025/05/28"  # of the HAProxy version that is followed


def uptime(seconds: int) -> str:
    """`0d 1h02m03s`."""
    return f"{seconds // 86400}d {seconds // 3600 % 24}h{seconds // 60 % 60:02d}m{seconds % 60:02d}s"


@dataclass(slots=True)
class IdleMeter:
    """How much of its time this process sleeps, over the time since it was last asked (at least a second)."""

    at_s: float = field(default_factory=time.monotonic)
    used_s: float = field(default_factory=time.process_time)
    percent: int = 100

    def read(self) -> int:
        """0..100."""
        now, used = time.monotonic(), time.process_time()
        if now - self.at_s >= 1.0:
            self.percent = max(0, min(100, round(100 - 100 * (used - self.used_s) / (now - self.at_s))))
            self.at_s, self.used_s = now, used
        return self.percent


class Info:
    """The facts of one World. born: wall time of its start, boot_ms: how long that took."""

    def __init__(self, world: World, born: float) -> None:
        self.world = world
        self.born = born
        self.boot_ms = 0
        self.idle = IdleMeter()

    def booted(self, now: float) -> None:
        """The sockets are open, so the workers are about to run."""
        self.boot_ms = self.boot_ms or int(1000 * (now - self.born))

    def values(self, now: float, *, exact: bool = False) -> dict[str, Any]:
        """By name. exact: times as fractions (`float`)."""
        seconds = max(0.0, now - self.born)
        found: dict[str, Any] = {
            "Name": "HAProxy", "Version": version.EMULATED, "Release_date": RELEASED, "Nbproc": 1, "Process_num": 1,
            "Uptime": uptime(int(seconds)), "Uptime_sec": round(seconds, 6) if exact else int(seconds),
            "Build info": f"{version.EMULATED} (pyhaproxy {version.VERSION})", "DebugCommandsIssued": 0, "Tainted": "0",
            "Start_time_sec": round(self.born, 6) if exact else int(self.born), "BootTime_ms": self.boot_ms,
        }  # fmt: skip
        found.update(self._limits())
        found.update(self._process())
        found.update(self._traffic(int(now * 1000)))
        return found

    def _limits(self) -> dict[str, Any]:
        config = self.world.config
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        zero = ("Memmax_MB", "Memmax_bytes", "Maxpipes", "BusyPolling")
        connections, sessions, tls = self.world.segment.rate_limits()
        hard = self.world.hard_maxconn or self.world.segment.maxconn
        most = self.world.segment.maxconn or hard
        return {
            **dict.fromkeys(zero, 0), "Ulimit-n": files, "Maxsock": files, "Maxconn": most, "Hard_maxconn": hard,
            "ConnRateLimit": connections, "SessRateLimit": sessions, "SslRateLimit": tls,
            "MaxSslConns": self.world.segment.max_tls,
            "CompressBpsRateLim": self.world.segment.compression_rate, "node": config.globals[words.NODE] or _host(),
            "description": config.globals[words.DESCRIPTION] or None,
        }  # fmt: skip

    def _process(self) -> dict[str, Any]:
        segment = self.world.segment
        alive = segment.alive
        idle = self.idle.read()
        zero = (
            "PoolFailed", "ActivePeers", "ConnectedPeers", "FailedResolutions", "CumRecvLogs", "TotalWarnings",
            "BlockedTrafficWarnings", "PatternsAdded", "PatternsFreed", "Unstoppable Jobs", "Niced_tasks", "CompressBpsIn",
            "CompressBpsOut", "TotalSplicedBytesOut",
        )  # fmt: skip
        pools = self._pools()
        return {
            **dict.fromkeys(zero, 0), **pools, "Nbthread": segment.workers, "Pid": alive[min(alive)] if alive else 0,
            "Stopping": int(segment.stopping), "Listeners": len(self.world.listening), "Idle_pct": idle, "Run_queue": 0,
            "DroppedLogs": self.world.dropped_logs(),
        }  # fmt: skip

    def _pools(self) -> dict[str, Any]:
        """Buffers and pipes of the worker that is asked."""
        worker = self.world.worker
        used = worker.buffers.in_use * worker.buffers.size
        held = used + worker.buffers.pooled * worker.buffers.size
        return {
            "PoolAlloc_MB": held >> 20, "PoolUsed_MB": used >> 20, "PoolAlloc_bytes": held, "PoolUsed_bytes": used,
            "PipesUsed": worker.pipes.in_use, "PipesFree": worker.pipes.pooled,
        }  # fmt: skip

    def _traffic(self, at_ms: int) -> dict[str, Any]:
        segment = self.world.segment
        whole = segment.gauges()
        fronts = [front.slot.statistics(at_ms) for front in self.world.frontends.values()]
        backs = [back.slot.totals() for back in self.world.backends.values()]
        process, tls = segment.process.statistics(at_ms), segment.tls.statistics(at_ms)
        requests = sum(f["req_tot"] or f["stot"] for f in fronts) + whole["cum_req"]  # a TCP session counts as one
        streams = sum(f["streams"] for f in fronts)
        out = sum(f["wire_out"] for f in fronts) + sum(b["wire_out"] for b in backs)
        jobs = whole["conns"] + len(self.world.listening)
        return {
            "CurrConns": whole["conns"], "CumConns": whole["cum_conns"], "CumReq": requests, "CurrStreams": streams,
            "CumStreams": requests, "ConnRate": process["conn_rate"], "MaxConnRate": process["conn_rate_max"],
            "SessRate": process["rate"], "MaxSessRate": process["rate_max"], "Jobs": jobs, "Tasks": jobs + streams,
            "TotalBytesOut": out, "BytesOutRate": self._byte_rate(out), "MaxconnReached": whole["maxconn_reached"],
            **_tls(tls),
        }  # fmt: skip

    _last: tuple[float, int, int] = (0.0, 0, 0)

    def _byte_rate(self, out: int) -> int:
        """Bytes per second since it was last asked, a second ago or more; at first since the start."""
        now = time.monotonic()
        at, before, rate = self._last
        if not at:
            rate = int(out / max(1.0, clock.now() - self.born))
            self._last = (now, out, rate)
        elif now - at >= 1.0:
            rate = int((out - before) / (now - at))
            self._last = (now, out, rate)
        return rate


def _host() -> str:
    import socket

    return socket.gethostname()


def _tls(found: dict[str, Any]) -> dict[str, Any]:
    """The slot `tls` counts: sessions new keys of frontends, requests their handshakes, connections keys of backends."""
    handshakes, keys = found["req_rate"], found["rate"]
    return {
        "CurrSslConns": found["scur"], "CumSslConns": found["req_tot"] + found["conn_tot"], "SslRate": handshakes,
        "MaxSslRate": found["req_rate_max"], "SslFrontendKeyRate": keys, "SslFrontendMaxKeyRate": found["rate_max"],
        "SslFrontendSessionReuse_pct": round(100 * (handshakes - keys) / handshakes) if handshakes > keys else 0,
        "SslBackendKeyRate": found["conn_rate"], "SslBackendMaxKeyRate": found["conn_rate_max"],
        "SslCacheLookups": 0, "SslCacheMisses": 0,
    }  # fmt: skip
