"""What a check's connection and its dialog agree on. probe.Probe runs them on the engine's reactor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from backends.checks.status import Finding


@dataclass(frozen=True, slots=True)
class Limits:
    """Milliseconds. connect: until the connection (and TLS) stands; answer: from then on, -1: connect goes on."""

    connect: int
    answer: int


class Dialog(Protocol):
    """What is said on a connection, and how it is judged (http.Exchange, tcp.Script, agent.Question)."""

    def begin(self) -> Finding | None:
        """Called when the connection stands. A finding ends the check."""

    def take(self) -> bytes:
        """What is to be sent now, b"" nothing."""

    def step(self, received: bytes) -> Finding | None:
        """Judge what has arrived; b"" is the end of the connection."""

    def timeout(self) -> Finding:
        """Time has run out."""

    def broken(self, error: str) -> Finding:
        """The connection has failed."""
