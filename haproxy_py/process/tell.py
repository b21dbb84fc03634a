"""What a process says about its proxies when it is paused, resumed, stopped or asked (SIGHUP), in HAProxy's words.

The numbers are those of all workers together; one of them speaks for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from haproxy_py.config.keywords.proxy import DISABLED
from haproxy_py.config.model import Config, Proxy

if TYPE_CHECKING:
    from haproxy_py.engine.shm import ProxySlot, Segment


def speaks(segment: Segment) -> bool:
    """Whether this worker is the one that speaks: the first that is alive."""
    return segment.slot == min(segment.alive, default=segment.slot)


def listeners(config: Config, word: str) -> Iterator[str]:
    """word: Paused or Resumed."""
    for proxy in config.proxies:
        if proxy.binds and not proxy[DISABLED]:
            kind = "proxy" if proxy.kind == "listen" else "frontend"
            yield f"{word} {kind} {proxy.name}."


class _Numbers:
    """The two sides of one proxy; a side that it does not have counts 0."""

    def __init__(self, segment: Segment, proxy: Proxy) -> None:
        mine = [slot for slot in segment.slots() if slot.name == proxy.name]
        self.back: ProxySlot | None = next((s for s in mine if s.owner is not None), None) if proxy.is_backend else None
        self.front: ProxySlot | None = next((s for s in mine if s.owner is None), None) if proxy.is_frontend else None
        self.totals = tuple(side.totals()["stot"] if side else 0 for side in (self.front, self.back))
        self.current = tuple(side.gauges()["scur"] if side else 0 for side in (self.front, self.back))


def stopped(config: Config, segment: Segment) -> Iterator[str]:
    """At the start of a soft stop: proxies that listen first, then the others."""
    alive = [proxy for proxy in config.proxies if not proxy[DISABLED]]
    for proxy in [*(p for p in alive if p.binds), *(p for p in alive if not p.binds)]:
        front, back = _Numbers(segment, proxy).totals
        yield f"Proxy {proxy.name} stopped (cumulated conns: FE: {front}, BE: {back})."


def states(config: Config, segment: Segment) -> Iterator[str]:
    """Each proxy behind its servers."""
    for proxy in config.proxies:
        numbers = _Numbers(segment, proxy)
        servers = numbers.back.servers if numbers.back else []
        pend = unassigned = numbers.back.gauges()["qcur"] if numbers.back else 0
        up = [0, 0]
        for server in servers:
            now = server.gauges()
            up[bool(now["backup"])] += server.usable
            pend += now["qcur"]
            state = "UP" if server.usable else "DOWN"
            total = server.totals()["stot"]
            yield f"Server {proxy.name}/{server.name} is {state}. Conn: {now['scur']} act, {now['qcur']} pend, {total} tot."
        current, totals = numbers.current, numbers.totals
        yield (
            f"Proxy {proxy.name} {_standing(bool(servers), *up)} Conn: act(FE+BE): {current[0]}+{current[1]}, "
            f"{pend} pend ({unassigned} unass), tot(FE+BE): {totals[0]}+{totals[1]}."
        )


def _standing(servers: bool, active: int, backup: int) -> str:
    if not servers:
        return "has no servers."
    if active:
        return f"has {active} active servers and {backup} backup servers available."
    return "is running on backup servers !" if backup else "has no server available !"
