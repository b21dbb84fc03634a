"""What a check says in the log and on stderr: HAProxy's sentences (option log-health-checks). Those of states: backends.sentences."""

from __future__ import annotations

from dataclasses import dataclass

from backends.checks.health import Health
from backends.checks.status import Finding, Verdict, reason

EMERG, ALERT, WARNING, NOTICE = 0, 1, 4, 5
OUTCOMES = {Verdict.FAILED: "failed", Verdict.PASSED: "succeeded", Verdict.CONDITIONAL: "conditionally succeeded"}


@dataclass(frozen=True, slots=True)
class Message:
    """level: syslog's, 0..7; terminal: what stderr says, with its word; the log gets `text`."""

    level: int
    text: str
    terminal: str
    word: str = "WARNING"


def checked(
    backend: str, server: str, backup: bool, finding: Finding, duration_ms: int, health: Health, weight: int, what: str = "Health"
) -> Message:
    """`Health check for server ...`, `Agent check ...`: one check's outcome (option log-health-checks)."""
    value, of = health.progress()
    word = ("UP" if weight else "DRAIN") if health.up else "DOWN"
    text = (
        f"{what} check for {'backup ' if backup else ''}server {backend}/{server} {OUTCOMES[finding.status.verdict]}"
        f"{reason(finding, duration_ms)}, status: {value}/{of} {word}."
    )
    return Message(NOTICE, text, text)
