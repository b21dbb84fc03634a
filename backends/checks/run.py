"""One check under way: its connections one after the other, each with a dialog, until something decides.

    run = CheckRun(check, reactor, done); run.start()      # then done(finding), once; or run.cancel()
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from backends import state
from backends.checks.external import Command
from backends.checks.http import Exchange, request_bytes
from backends.checks.plan import BARE, Plan
from backends.checks.probe import Probe
from backends.checks.process import Process
from backends.checks.rules import Connect, Round
from backends.checks.samples import Facts
from backends.checks.status import SOCKERR, Finding, Verdict
from backends.checks.tcp import PASSED, Part, Script
from haproxy_py.engine.reactor import Reactor

if TYPE_CHECKING:
    from backends.checks.servercheck import ServerCheck

Done = Callable[[Finding], None]


class CheckRun:
    """See the module."""

    def __init__(self, check: ServerCheck, reactor: Reactor, done: Done) -> None:
        self.check = check
        self.reactor = reactor
        self.done: Done | None = done
        self.probe: Probe | Process | None = None
        self.facts = Facts(check.slot) if check.plan.sampling else None
        self.at = 0
        self.script: Script | None = None

    @property
    def plan(self) -> Plan:
        return self.check.plan

    def start(self) -> None:
        """The next connection."""
        try:
            if self.plan.command is not None:
                self._program(self.plan.command)
            elif self.plan.parts:
                self._part(self.plan.parts[self.at])
            elif self.plan.rounds:
                self._round(self.plan.rounds[self.at])
            else:
                self._connect(BARE, None, self._decided)
        except Exception as wrong:  # noqa: BLE001 - whatever happens in a check, it must never end the checking
            self._decided(Finding(SOCKERR, 0, str(wrong)))

    def cancel(self) -> None:
        """End it without a finding."""
        self.done = None
        if self.probe is not None:
            self.probe.cancel()

    def _decided(self, finding: Finding) -> None:
        done, self.done, self.probe = self.done, None, None
        if done is not None:
            done(finding)

    def _connect(self, connect: Connect, dialog: Script | Exchange | None, done: Done, *, fresh: bool = False) -> None:
        limits = self.plan.limits
        self.probe = probe = Probe()
        target = self.check.target(connect, self.facts)
        probe.start(self.reactor, target, limits.connect, limits.answer, dialog, done, fresh=fresh)

    def _program(self, command: Command) -> None:
        self.probe = program = Process()
        program.start(command, self.check.slot, *self.check.place(), self.plan.limits.connect, self._decided)

    def _round(self, step: Round, *, fresh: bool = False) -> None:
        """HTTP: the exchange as things stand now. fresh: on a connection of its own."""
        if self.facts is not None:
            for one in step.before:
                self.facts.act(one.action)
        wire = self.plan.wires[self.at]
        if wire is None:
            state_header = self.check.state_header() if self.plan.send_state else ""
            wire = request_bytes(step.send, state_header, self.facts, keep=self.plan.pooled(step.connect))
        accept_404 = self.plan.accept_404 and self.check.monitor.state != state.STOPPED
        self._connect(step.connect, Exchange(step, wire, self.facts, accept_404=accept_404), self._exchanged, fresh=fresh)

    def _exchanged(self, finding: Finding) -> None:
        if isinstance(self.probe, Probe) and self.probe.stale:
            self._round(self.plan.rounds[self.at], fresh=True)
            return
        self.at += 1
        if finding.status.verdict is Verdict.PASSED and self.at < len(self.plan.rounds):
            self.start()
        else:
            self._decided(finding)

    def _part(self, part: Part) -> None:
        if self.facts is not None:
            for one in part.before:
                self.facts.act(one.action)
        self.script = Script(part, self.facts, named=self.plan.named) if part.steps else None
        self._connect(part.connect, self.script, self._scripted)

    def _scripted(self, finding: Finding) -> None:
        """The end of one part of a script. A connection of a tcp-check that fails says at which step."""
        part = self.plan.parts[self.at]
        passed = finding.status.verdict is Verdict.PASSED
        talked = self.script.begun if self.script is not None else passed
        self.at += 1
        if not talked:
            self._decided(replace(finding, info=finding.info + part.place) if self.plan.named else finding)
        elif passed and self.at < len(self.plan.parts):
            self.start()
        else:
            connected = part.number and not part.steps and self.plan.named
            self._decided(replace(finding, info=PASSED) if connected else finding)
