"""What a change of a server's health says in the log and on stderr: HAProxy's sentences (manual 8, "Server ... is DOWN")."""

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


@dataclass(frozen=True, slots=True)
class Counts:
    """Usable servers after a change, and what the server still has."""

    active: int
    backup: int
    sessions: int = 0
    requeued: int = 0
    queued: int = 0


def checked(backend: str, server: str, backup: bool, finding: Finding, duration_ms: int, health: Health, weight: int) -> Message:
    """`Health check for server ...`: one check's outcome (option log-health-checks)."""
    value, of = health.progress()
    word = ("UP" if weight else "DRAIN") if health.up else "DOWN"
    text = (
        f"Health check for {'backup ' if backup else ''}server {backend}/{server} {OUTCOMES[finding.status.verdict]}"
        f"{reason(finding, duration_ms)}, status: {value}/{of} {word}."
    )
    return Message(NOTICE, text, text)


def _running_on_backup(counts: Counts) -> str:
    return " Running on backup." if counts.backup and not counts.active else ""


def _name(backend: str, server: str, backup: bool) -> str:
    return f"{'Backup ' if backup else ''}Server {backend}/{server}"


def down(backend: str, server: str, backup: bool, why: str, counts: Counts, *, was_running: bool) -> Message:
    """`Server ... is DOWN`. A server that was stopping is expected to go, so that is only a notice."""
    text = (
        f"{_name(backend, server, backup)} is DOWN{why}. {counts.active} active and {counts.backup} backup servers left."
        f"{_running_on_backup(counts)} {counts.sessions} sessions active, {counts.requeued} requeued, "
        f"{counts.queued} remaining in queue."
    )
    return Message(ALERT if was_running else NOTICE, text, text)


def back(backend: str, server: str, backup: bool, word: str, why: str, counts: Counts) -> Message:
    """`Server ... is UP` or `is stopping`."""
    text = (
        f"{_name(backend, server, backup)} is {word}{why}. {counts.active} active and {counts.backup} backup servers online."
        f"{_running_on_backup(counts)} {counts.requeued} sessions requeued, {counts.queued} total in queue."
    )
    return Message(NOTICE, text, text)


def no_server(backend: str) -> Message:
    """`backend ... has no server available!`."""
    return Message(
        EMERG, f"backend {backend} has no server available!", f"backend '{backend}' has no server available!", "ALERT"
    )
