"""From findings to states: one Monitor per checked server. No clock and no sockets of its own.

The counter lives in shared memory, so that another worker can take the checks over where a dead one left them, and the
runtime socket can change it.
"""

from __future__ import annotations

from backends import state
from backends.checks import published, report
from backends.checks.health import Health
from backends.checks.status import BY_NAME, TABLE, Finding, Verdict, reason
from backends.life import AGENT_RISE, Life
from haproxy_py.engine.shm import ServerSlot


class Monitor:
    """Judges one server. verbose: option log-health-checks."""

    def __init__(self, slot: ServerSlot, backend: str, rise: int, fall: int, life: Life, *, verbose: bool) -> None:
        self.slot = slot
        self.backend = backend
        self.rise = rise
        self.fall = fall
        self.verbose = verbose
        self.life = life
        life.judges[slot] = self.conclude

    @property
    def health(self) -> Health:
        """The counter as it stands in shared memory."""
        return Health(self.rise, self.fall, state.facts(self.slot)["health"])

    @property
    def state(self) -> int:
        """state.STOPPED and its like."""
        number: int = state.facts(self.slot)["state"]
        return number

    def prepare(self, init_state: str) -> None:
        """Set the first health and state (server option `init-state`), if it has none; before the workers are forked."""
        if not state.check_state(self.slot) & state.CHECK_CONFIGURED:
            self.begin(init_state)

    def known(self, finding: Finding, duration_ms: int) -> bool:
        """Whether a finding is no news at all; its code and duration are published then."""
        status = finding.status
        verdict = status.verdict
        if verdict is not Verdict.PASSED and verdict is not Verdict.FAILED:
            return False
        passed, full = verdict is Verdict.PASSED, self.rise + self.fall - 1
        return published.settled(self.slot, status.number, finding.code, duration_ms, finding.last, passed, full)

    def begin(self, init_state: str) -> None:
        """As prepare(), whatever it has."""
        values = {"fully-up": self.rise + self.fall - 1, "up": self.rise, "down": self.rise - 1, "fully-down": 0}
        value = values[init_state]
        state.set_check(self.slot, BY_NAME["INI"].number, 0, -1, b"", value, False)
        state.set_check_state(self.slot, state.CHECK_CONFIGURED | state.CHECK_ENABLED)
        if state.facts(self.slot)["admin"] & state.MAINT:
            self.life.pause_checks(self.slot)
        elif value < self.rise:
            state.set_state(self.slot, state.STOPPED, int(self.life.clock()))

    def conclude(self, finding: Finding, duration_ms: int) -> list[report.Message]:
        """Count a finding, publish it, change the state if it must. Returns what was said, in order."""
        facts = state.facts(self.slot)
        health = Health(self.rise, self.fall, facts["health"])
        verdict = finding.status.verdict
        failed_up = verdict is Verdict.FAILED and health.up
        moved = health.apply(verdict)
        number = finding.status.number
        state.set_check(self.slot, number, finding.code, duration_ms, finding.last, health.value, failed_up)
        said = []
        if self.verbose and (moved or TABLE[facts["check_status"]] is not finding.status):
            weight, backup = facts["eweight"], bool(facts["backup"])
            said.append(report.checked(self.backend, self.slot.name, backup, finding, duration_ms, health, weight))
            self.life.speak(self.life.servers[self.slot], said[0])
        return said + self._follow(health, verdict, facts["state"], "" if self.verbose else reason(finding, duration_ms))

    def _follow(self, health: Health, verdict: Verdict, old: int, why: str) -> list[report.Message]:
        """Bring the operational state in line with the counter; not in maintenance. What its agent has stopped, a check does not start."""
        if state.facts(self.slot)["admin"] & state.MAINT:
            return []
        if verdict is Verdict.FAILED and not health.up and old != state.STOPPED:
            return self.life.stopped(self.slot, why)
        if verdict is Verdict.PASSED and health.up and old in (state.STOPPED, state.STOPPING):
            one = self.life.servers[self.slot]
            if one.has_agent and state.facts(self.slot)["agent_health"] < AGENT_RISE:
                return []
            return self.life.running(self.slot, why)
        if verdict is Verdict.CONDITIONAL and health.up and old not in (state.STOPPED, state.STOPPING):
            return self.life.stopping(self.slot, why)
        return []
