"""The check of one server: its plan, its judge, where it connects to, its next time."""

from __future__ import annotations

from collections.abc import Callable

from backends import state, use_ssl
from backends.checks import published
from backends.checks.monitor import Monitor
from backends.checks.plan import Plan
from backends.checks.probe import Target, Ticker
from backends.checks.rules import Connect
from backends.checks.samples import Facts
from haproxy_py.config.keywords.options import ALLBACKUPS
from haproxy_py.engine.shm import ServerSlot

STATE_WORDS = {True: "UP", False: "DOWN"}


class ServerCheck(Ticker):
    """One checked server. ready: called when the next check is due."""

    def __init__(self, plan: Plan, monitor: Monitor, hostname: str, ready: Callable[[ServerCheck], None]) -> None:
        self.plan = plan
        self.monitor = monitor
        self.hostname = hostname
        self.slot: ServerSlot = monitor.slot
        self.busy = False
        self.gone = False  # deleted at run time
        self._ready = ready
        self._targets: dict[Connect, Target] = {}
        self._moves = -1

    def due(self) -> None:
        """The time has come."""
        self._ready(self)

    def wanted(self) -> bool:
        """Not in maintenance, and not stopped by the runtime socket."""
        return published.checkable(self.slot)

    def place(self) -> tuple[str, int]:
        """Where the server is now; port -1 with the path of a socket."""
        address = self.plan.server.address
        if address.family == "unix":
            return address.host or "", -1
        if address.family == "abns":
            return "\0" + (address.host or ""), -1
        host, port = state.address(self.slot)
        return (host, port) if host else (address.host or "", address.port)

    def target(self, connect: Connect, facts: Facts | None) -> Target:
        """Where a connection goes; made anew when the server has moved."""
        moves = published.moves(self.slot)
        if moves != self._moves:
            self.forget_targets()
            self._moves = moves
        found = self._targets.get(connect)
        if found is None:
            told, speaks_tls = published.targets(self.slot), use_ssl.speaks(self.slot)
            found = self.plan.target(connect, *self.place(), facts, told, speaks_tls, self.slot.owner)
            if connect.port_expr is None:
                self._targets[connect] = found
        return found

    def forget_targets(self) -> None:
        """What the targets were made of has changed."""
        self._targets.clear()

    def state_header(self) -> str:
        """The value of X-Haproxy-Server-State (manual 4.2, http-check send-state)."""
        facts, health = state.facts(self.slot), self.monitor.health
        value, of = health.progress()
        word = "NOLB" if facts["state"] == state.STOPPING else STATE_WORDS[health.up]
        progress = "" if health.settled else f" {value}/{of}"
        host, port = self.place()
        weight, total = -(-facts["eweight"] // 16), state.weight_in_use(self.slot, bool(self.plan.proxy[ALLBACKUPS]))
        return (
            f"{word}{progress}; address={'unix' if port < 0 else host}; port={'unix' if port < 0 else port}; "
            f"name={self.monitor.backend}/{self.slot.name}; node={self.hostname}; weight={weight}/{total}; "
            f"scur={facts['scur']}/{facts['served']}; qcur={facts['qcur']}"
        )
