"""TCP health checks with a script: `option tcp-check` and `tcp-check connect|send|expect` (manual 4.2). Bytes in, bytes out.

A Script is what is said and expected on one connection. Steps are numbered as HAProxy numbers them: every rule of the
backend counts, comments too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from backends.checks.rules import Connect
from backends.checks.status import L7OK, L7RSP, L7TOUT, SOCKERR, Finding, Status

PASSED = "(tcp-check)"


@dataclass(frozen=True, slots=True)
class Comment:
    """tcp-check comment: belongs to the next rule, and counts as a step."""

    text: str


@dataclass(frozen=True, slots=True)
class Say:
    """tcp-check send, send-binary."""

    data: bytes
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Hear:
    """tcp-check expect. kind: string binary rstring rbinary; data: what must come, or regex. min_recv -1: not given."""

    kind: str
    negated: bool = False
    data: bytes = b""
    regex: re.Pattern[bytes] | None = None
    min_recv: int = -1
    comment: str = ""
    ok_status: Status | None = None
    error_status: Status | None = None
    tout_status: Status | None = None

    def found(self, received: bytes) -> bool:
        """Whether the pattern is in what has been received."""
        if self.regex is None:
            return self.data in received
        return self.regex.search(received.hex().upper().encode() if self.kind == "rbinary" else received) is not None

    @property
    def wanted(self) -> str:
        """What is expected, as the log shows it."""
        return f"'{self.data.decode('utf-8', 'replace')}'" if self.regex is None else f"({REGEX[self.kind]})"

    @property
    def words(self) -> str:
        """The rule, as the log shows it."""
        return f"expect {self.kind} {self.wanted}" if self.regex is None else f"expect {REGEX[self.kind]}"


REGEX = {"rstring": "regex", "rbinary": "binary regex"}
TcpStep = Connect | Say | Hear | Comment


@dataclass(slots=True)
class Part:
    """One connection of a script: its connect (number 0: implicit), then numbered steps."""

    connect: Connect
    number: int = 0
    steps: list[tuple[int, Say | Hear]] = field(default_factory=list)

    @property
    def place(self) -> str:
        """Where the script is while it connects, as the log says it."""
        if not self.number:
            return " at initial connection step of tcp-check"
        port = f" port {self.connect.port}" if self.connect.port else ""
        comment = f" comment: '{self.connect.comment}'" if self.connect.comment else ""
        return f" at step {self.number} of tcp-check (connect{port}){comment}"


def parts(steps: list[TcpStep]) -> list[Part]:
    """Group a backend's rules by connection."""
    made: list[Part] = []
    for number, step in enumerate(steps, 1):
        if isinstance(step, Comment):
            continue
        if isinstance(step, Connect):
            made.append(Part(step, number))
            continue
        if not made:
            made.append(Part(Connect(explicit=False)))
        made[-1].steps.append((number, step))
    return made or [Part(Connect(explicit=False))]


class Script:
    """The steps of one connection, run against a peer. Same door as http.Exchange."""

    def __init__(self, part: Part, *, max_bytes: int = 16384) -> None:
        self.steps = part.steps
        self.max_bytes = max_bytes
        self.received = bytearray()
        self.outgoing = bytearray()
        self._at = 0

    def begin(self) -> Finding | None:
        """Go on to the first expectation; a finding when there is none."""
        return self._advance(ended=False)

    def take(self) -> bytes:
        """What is to be sent now."""
        data, self.outgoing = bytes(self.outgoing), bytearray()
        return data

    def step(self, received: bytes) -> Finding | None:
        """Judge what has arrived; b"" is the end of the connection. None: more is needed."""
        self.received += received[: self.max_bytes - len(self.received)]
        return self._advance(ended=not received)

    def timeout(self) -> Finding:
        """The finding when time runs out now."""
        rule = self.steps[self._at][1]
        status = rule.tout_status if isinstance(rule, Hear) and rule.tout_status else L7TOUT
        return Finding(status, 0, self._place())

    def broken(self, error: str) -> Finding:
        """The finding when the connection fails now, with the system's words."""
        return Finding(SOCKERR, 0, error + self._place())

    def _place(self) -> str:
        number, rule = self.steps[self._at]
        comment = f" comment: '{rule.comment}'" if rule.comment else ""
        return f" at step {number} of tcp-check ({rule.words if isinstance(rule, Hear) else 'send'}){comment}"

    def _advance(self, ended: bool) -> Finding | None:
        while self._at < len(self.steps):
            number, rule = self.steps[self._at]
            if isinstance(rule, Say):
                self.outgoing += rule.data
                self.received.clear()
            else:
                decided = self._hear(number, rule, ended)
                if decided is not True:
                    return decided
            self._at += 1
        last = self.steps[-1][1]
        return Finding(last.ok_status or L7OK if isinstance(last, Hear) else L7OK, 0, PASSED)

    def _hear(self, number: int, rule: Hear, ended: bool) -> Finding | Literal[True] | None:
        """True: as expected; None: more is needed."""
        failed = rule.error_status or L7RSP
        if ended and not self.received:
            quoted = f" comment: '{rule.comment}'" if rule.comment else ""
            return Finding(failed, 0, f"TCPCHK got an empty response at step {number}{quoted}")
        ended = ended or len(self.received) >= self.max_bytes
        if not ended and (not self.received or len(self.received) < rule.min_recv):
            return None
        found = rule.found(bytes(self.received))
        if not found and not ended and rule.min_recv < 0:
            return None
        if found is not rule.negated:
            return True
        comment = f" comment: {rule.comment}" if rule.comment else ""
        text = "TCPCHK matched unwanted content" if rule.negated else "TCPCHK did not match content"
        return Finding(failed, 0, f"{text} {rule.wanted} at step {number}{comment}")
