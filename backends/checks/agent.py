"""`agent-check` (manual 5.2): a line of words from an agent beside the server, and what they do to the server.

An agent that cannot be reached, or that talks nonsense, changes nothing: only its own words do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from backends import commands, state
from backends.checks import published, report
from backends.checks.health import Health
from backends.checks.plan import Plan
from backends.checks.probe import Probe, Target, Ticker
from backends.checks.status import CHECKED, L7OK, L7RSP, L7STS, L7TOUT, SOCKERR, TABLE, Finding, Verdict, reason
from backends.life import AGENT_RISE, Life
from haproxy_py.engine.reactor import Reactor
from haproxy_py.engine.shm import ServerSlot

RISE = FALL = AGENT_RISE
MOST = 16384  # bytes of a line
INCOMPLETE = "Ignoring incomplete line from agent"
EMPTY = "TCPCHK got an empty response at step 2"
OPERATIONS = {"up": L7OK, "down": L7STS, "stopped": L7STS, "fail": L7STS}
ADMINISTRATIVE = ("ready", "drain", "maint")


@dataclass(slots=True)
class Said:
    """What a line asks for. Of several words of a kind the last one counts; error: the first word that is none."""

    operation: str = ""
    admin: str = ""
    weight: str = ""
    maxconn: str | None = None
    error: str = ""
    description: str = ""


def understood(line: str) -> Said:
    """The words of a line: blanks and commas part them, `#` begins a description."""
    said = Said()
    at = 0
    while found := re.compile(r"[ \t,]*([^ \t,]+)").match(line, at):
        word, at = found[1], found.end()
        lower = word.lower()
        if word.startswith("#"):
            said.description = line[found.start(1) + 1 :].strip(" \t")
            break
        if lower in OPERATIONS:
            said.operation = word
        elif lower in ADMINISTRATIVE:
            said.admin = lower
        elif lower.startswith("maxconn:"):
            said.maxconn = word[len("maxconn:") :]
        elif word[0] in "0123456789" and "%" in word:
            said.weight = word
        else:
            said.error = said.error or word
    return said


class Question:
    """The dialog with an agent. Its passed finding (CHECKED) carries the line as info."""

    def __init__(self, sent: bytes) -> None:
        self.sent = sent
        self.received = bytearray()

    def begin(self) -> Finding | None:
        """An agent speaks first, or when it has been spoken to."""
        return None

    def take(self) -> bytes:
        """agent-send, once."""
        data, self.sent = self.sent, b""
        return data

    def step(self, received: bytes) -> Finding | None:
        """A line ends at the first CR or LF; one with a NUL never ends."""
        self.received += received[: MOST - len(self.received)]
        end = re.search(rb"[\r\n]", self.received.partition(b"\0")[0])
        if end is not None:
            return Finding(CHECKED, 0, self.received[: end.start()].decode("utf-8", "surrogateescape"))
        if received and len(self.received) < MOST:
            return None
        return Finding(L7TOUT, 0, INCOMPLETE) if self.received else Finding(L7RSP, 0, EMPTY)

    def timeout(self) -> Finding:
        """Time has run out."""
        return Finding(L7TOUT)

    def broken(self, error: str) -> Finding:
        """The connection has failed."""
        return Finding(SOCKERR, 0, error)


class Agent:
    """Judges what an agent said. verbose: option log-health-checks."""

    def __init__(self, slot: ServerSlot, backend: str, life: Life, *, verbose: bool) -> None:
        self.slot = slot
        self.backend = backend
        self.life = life
        self.verbose = verbose

    def prepare(self) -> None:
        """The first health, if it has none; before the workers are forked."""
        if not state.facts(self.slot)["agent_state"] & state.CHECK_CONFIGURED:
            state.set_agent_state(self.slot, state.CHECK_CONFIGURED | state.CHECK_ENABLED | state.CHECK_AGENT)
            published.set_agent(self.slot, 1, 0, -1, b"", RISE)

    def obey(self, line: str) -> Finding:
        """Do what the line asks for, but for the operational state; the finding says that."""
        said = understood(line)
        if said.admin:
            commands.set_admin(self.life, self.slot, said.admin)
        warnings = []
        if said.weight:
            warnings.append(commands.set_weight(self.life, self.slot, said.weight).text)
        if said.maxconn is not None:
            warnings.append(commands.set_maxconn(self.life, self.slot, said.maxconn).text)
        warning = next((text.rstrip("\n") for text in reversed(warnings) if text), "")
        if said.operation:
            words = said.description or warning or said.error
            info = f"via agent : {said.operation}" + (f" ({words})" if words else "")
            return Finding(OPERATIONS[said.operation.lower()], 0, info)
        if said.error:
            return Finding(CHECKED, 0, f"agent reports an error : {said.error}")
        return Finding(CHECKED, 0, f"agent warns : {warning}" if warning else "")

    def conclude(self, heard: Finding, duration_ms: int) -> None:
        """Obey, publish, change the state if it must."""
        finding = self.obey(heard.info) if heard.status is CHECKED else heard
        facts = state.facts(self.slot)
        before = published.agent(self.slot)
        spoken = heard.status is CHECKED and finding.status is not CHECKED
        health = Health(RISE, FALL, facts["agent_health"])
        if spoken:
            health.apply(finding.status.verdict)
        moved = health.value != facts["agent_health"]
        published.set_agent(self.slot, finding.status.number, finding.code, duration_ms, finding.words, health.value)
        news = moved or TABLE[before["agent_status"]] is not finding.status
        if self.verbose and news and finding.status.verdict is not Verdict.UNKNOWN:
            backup, weight = bool(facts["backup"]), facts["eweight"]
            shown = replace(finding, info="") if finding.info == INCOMPLETE else finding  # as HAProxy tells it
            told = report.checked(self.backend, self.slot.name, backup, shown, duration_ms, health, weight, what="Agent")
            self.life.speak(self.life.servers[self.slot], told)
        if spoken:
            self._follow(health, "" if self.verbose else reason(finding, duration_ms))

    def _follow(self, health: Health, why: str) -> None:
        one, facts = self.life.servers[self.slot], state.facts(self.slot)
        if not health.up:
            if facts["state"] != state.STOPPED:
                self.life.stopped(self.slot, why)
        elif facts["state"] == state.STOPPED and (not one.checked or facts["health"] >= one.rise):
            self.life.running(self.slot, why)


@dataclass(frozen=True, slots=True)
class AgentPlan:
    """host: IP text, "" the server's; inter, timeout in ms."""

    host: str
    port: int
    inter: int
    timeout: int
    send: bytes


class AgentCheck(Ticker):
    """Asks one agent again and again. ready: called when the next time has come."""

    def __init__(self, plan: AgentPlan, agent: Agent, check: Plan, ready: Callable[[AgentCheck], None]) -> None:
        self.plan = plan
        self.agent = agent
        self.check = check
        self.slot = agent.slot
        self.probe: Probe | None = None
        self.gone = False
        self._ready = ready

    def due(self) -> None:
        """The time has come."""
        self._ready(self)

    def ask(self, reactor: Reactor, done: Callable[[Finding], None]) -> None:
        """Ask now."""
        told = published.targets(self.slot)
        host = told.get("agent-addr") or self.plan.host or state.address(self.slot)[0]
        if not host:
            done(Finding(SOCKERR, 0, "no address"))
            return
        source = self.check.source
        target = Target(host, int(told.get("agent-port", self.plan.port)), source=source)
        sent = told["agent-send"].encode("utf-8", "surrogateescape") if "agent-send" in told else self.plan.send
        self.probe = Probe()
        self.probe.start(reactor, target, self.check.limits.connect, self.plan.timeout, Question(sent), done)

    def cancel(self) -> None:
        """No more."""
        self.disarm()
        if self.probe is not None:
            self.probe.cancel()
            self.probe = None
