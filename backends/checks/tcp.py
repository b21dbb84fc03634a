"""TCP health checks with a script: `option tcp-check` and `tcp-check ...` (manual 4.2). Bytes in, bytes out.

A Script is what is said and expected on one connection. Steps are numbered as HAProxy numbers them: every rule of the
backend counts, comments too. The kinds that speak one protocol (redis.py, smtp.py, ...) are scripts without a name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from backends.checks.pattern import GaveUp, Pattern
from backends.checks.rules import Connect
from backends.checks.samples import Facts
from backends.checks.status import L7OK, L7RSP, L7TOUT, SOCKERR, Finding, Status
from haproxy_py.rules.logformat import Format
from haproxy_py.rules.rule import Action
from haproxy_py.rules.sample import Expr

PASSED = "(tcp-check)"
HEX = re.compile(rb"(?:[0-9A-Fa-f]{2})*")
# Judges what has been received, and whether no more can come, with what it noted before. True: go on; None: more is needed;
# a finding, good or bad, ends the check.
Judge = Callable[[bytes, bool, dict[str, str]], Finding | bool | None]


@dataclass(frozen=True, slots=True)
class Comment:
    """tcp-check comment: belongs to the next rule, and counts as a step."""

    text: str


@dataclass(frozen=True, slots=True)
class Act:
    """tcp-check set-var, set-var-fmt, unset-var."""

    action: Action
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Say:
    """tcp-check send, send-lf, send-binary, send-binary-lf.

    format, maker: instead of data; binary: the format gives hex digits.
    """

    data: bytes = b""
    comment: str = ""
    format: Format | None = None
    binary: bool = False
    maker: Callable[[], bytes] | None = None

    def made(self, facts: Facts | None) -> bytes | None:
        """The bytes to send; None: the format did not give whole bytes."""
        if self.maker is not None:
            return self.maker()
        if self.format is None or facts is None:
            return self.data
        return unhexed(facts.render(self.format)) if self.binary else facts.render(self.format)


def unhexed(digits: bytes) -> bytes | None:
    """Bytes from their hex digits, None when they are not."""
    return bytes.fromhex(digits.decode("ascii")) if HEX.fullmatch(digits) else None


@dataclass(frozen=True, slots=True)
class Hear:
    """tcp-check expect.

    kind: string binary rstring rbinary string-lf binary-lf; data: what must come, or regex, or format, or judge decides.
    min_recv -1: not given. on_success, on_error: words for the log; code: an expression for check_code.
    """

    kind: str
    negated: bool = False
    data: bytes = b""
    regex: Pattern | None = None
    format: Format | None = None
    judge: Judge | None = None
    min_recv: int = -1
    comment: str = ""
    ok_status: Status | None = None
    error_status: Status | None = None
    tout_status: Status | None = None
    on_success: Format | None = None
    on_error: Format | None = None
    code: Expr | None = None

    def found(self, received: bytes, facts: Facts | None) -> bool:
        """Whether the pattern is in what has been received. Raises: GaveUp."""
        if self.regex is not None:
            return self.regex.found(received.hex().upper().encode() if self.kind == "rbinary" else received)
        wanted: bytes | None = self.data
        if self.format is not None and facts is not None:
            wanted = facts.render(self.format)
            wanted = unhexed(wanted) if self.kind == "binary-lf" else wanted
        return wanted is not None and wanted in received

    @property
    def wanted(self) -> str:
        """What is expected, as the log shows it."""
        if self.kind in OTHERS:
            return f"({OTHERS[self.kind]})"
        return f"'{self.data.hex().upper() if self.kind == 'binary' else self.data.decode('utf-8', 'replace')}'"

    @property
    def words(self) -> str:
        """The rule, as the log shows it."""
        return f"expect {OTHERS[self.kind]}" if self.kind in OTHERS else f"expect {self.kind} {self.wanted}"


OTHERS = {
    "rstring": "regex", "rbinary": "binary regex", "string-lf": "log-format string", "binary-lf": "log-format binary",
    "custom": "custom function",
}  # fmt: skip
TcpStep = Connect | Say | Hear | Act | Comment


@dataclass(slots=True)
class Part:
    """One connection of a script: its connect (number 0: implicit), then numbered steps."""

    connect: Connect
    number: int = 0
    before: list[Act] = field(default_factory=list)
    steps: list[tuple[int, Say | Hear | Act]] = field(default_factory=list)

    @property
    def place(self) -> str:
        """Where the script is while it connects, as the log says it."""
        if not self.number:
            return " at initial connection step of tcp-check"
        port = f" port {self.connect.port}" if self.connect.port else ""
        comment = f" comment: '{self.connect.comment}'" if self.connect.comment else ""
        return f" at step {self.number} of tcp-check (connect{port}){comment}"


def parts(steps: Iterable[TcpStep]) -> list[Part]:
    """Group a backend's rules by connection. Variables that are set in front of the first connect are set then."""
    made: list[Part] = []
    before: list[tuple[int, Act]] = []
    for number, step in enumerate(steps, 1):
        if isinstance(step, Comment):
            continue
        if isinstance(step, Act) and not made:
            before.append((number, step))
            continue
        if isinstance(step, Connect):
            made.append(Part(step, number))
            continue
        if not made:
            made.append(Part(Connect(explicit=False)))
        made[-1].steps.append((number, step))
    made = made or [Part(Connect(explicit=False))]
    made[0].before = [act for _, act in before]
    return made


class Script:
    """The steps of one connection, run against a peer. Same door as http.Exchange.

    named: a tcp-check, whose log lines tell the step; else a kind of its own.
    """

    def __init__(self, part: Part, facts: Facts | None = None, *, named: bool = True, max_bytes: int = 16384) -> None:
        self.steps = part.steps
        self.facts = facts
        self.named = named
        self.max_bytes = max_bytes
        self.received = bytearray()
        self.outgoing = bytearray()
        self.notes: dict[str, str] = {}
        self.begun = False
        self._at = 0
        self._gave_up = 0  # number of the step whose regex was

    def begin(self) -> Finding | None:
        """Go on to the first expectation; a finding when there is none."""
        self.begun = True
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
        rule = self._rule()
        status = rule.tout_status if isinstance(rule, Hear) and rule.tout_status else L7TOUT
        return Finding(status, 0, self._place())

    def broken(self, error: str) -> Finding:
        """The finding when the connection fails now, with the system's words; what has come before is judged as the whole answer."""
        if self.received and (judged := self._advance(ended=True)) is not None:
            return judged
        return Finding(SOCKERR, 0, error + self._place())

    def _rule(self) -> Say | Hear | Act:
        return self.steps[min(self._at, len(self.steps) - 1)][1]

    def _place(self) -> str:
        if not self.named:
            return ""
        number, rule = self.steps[min(self._at, len(self.steps) - 1)]
        comment = f" comment: '{rule.comment}'" if rule.comment else ""
        return f" at step {number} of tcp-check ({rule.words if isinstance(rule, Hear) else 'send'}){comment}"

    def _advance(self, ended: bool) -> Finding | None:
        while self._at < len(self.steps):
            number, rule = self.steps[self._at]
            if isinstance(rule, Act):
                if self.facts is not None:
                    self.facts.act(rule.action)
            elif isinstance(rule, Say):
                made = rule.made(self.facts)
                if made is None:
                    return Finding(L7RSP, 0, f"tcp-check send : failed to build log-format string at step {number}")
                self.outgoing += made
                self.received.clear()
            else:
                decided = self._hear(number, rule, ended)
                if not isinstance(decided, bool):
                    return decided
            self._at += 1
        return self._passed()

    def _passed(self) -> Finding:
        """All steps went well: the last one that is none of variables has the say."""
        last = next((rule for _, rule in reversed(self.steps) if not isinstance(rule, Act)), None)
        default = PASSED if self.named else ""
        if not isinstance(last, Hear):
            return Finding(L7OK, 0, default)
        return Finding(last.ok_status or L7OK, self._code(last), self._told(last.on_success) or default)

    def _told(self, words: Format | None) -> str:
        if words is None or self.facts is None:
            return ""
        self.facts.receive(bytes(self.received))
        return self.facts.render(words).decode("utf-8", "surrogateescape")

    def _code(self, rule: Hear) -> int:
        if rule.code is None or self.facts is None:
            return 0
        self.facts.receive(bytes(self.received))
        return self.facts.number(rule.code) or 0

    def _hear(self, number: int, rule: Hear, ended: bool) -> Finding | bool | None:
        """True: as expected; None: more is needed."""
        full = ended or len(self.received) >= self.max_bytes
        if not full and (not self.received or len(self.received) < rule.min_recv):
            return None
        if rule.judge is not None:
            return rule.judge(bytes(self.received), full, self.notes)
        if self._gave_up == number and not full:
            return None
        found = bool(self.received) and self._found(number, rule)
        if not found and not full and rule.min_recv < 0:
            return None
        return True if found is not rule.negated else self._failed(number, rule)

    def _found(self, number: int, rule: Hear) -> bool:
        """A regex that was given up is asked once more, when all has come."""
        try:
            return rule.found(bytes(self.received), self.facts)
        except GaveUp:
            self._gave_up = number
            return False

    def _failed(self, number: int, rule: Hear) -> Finding:
        comment = f" comment: {rule.comment}" if rule.comment else ""
        if rule.on_error is not None:
            text = self._told(rule.on_error)
        elif not self.received:
            text, comment = f"TCPCHK got an empty response at step {number}", comment and f" comment: '{rule.comment}'"
        elif self.named:
            text = "TCPCHK matched unwanted content" if rule.negated else "TCPCHK did not match content"
            text = f"{text} {'(binary)' if rule.kind == 'binary' else rule.wanted} at step {number}"
        else:
            text = ""
        return Finding(rule.error_status or L7RSP, self._code(rule), text + comment)
