"""The rise/fall counter of one server, as HAProxy keeps it. Pure: no clock, no sockets.

`value` runs from 0 to rise+fall-1. Below `rise` the server is down and `value` counts the successes of the way up; from
`rise` on it is up. One success of an up server restores the full value; one failure of a down one throws it back to 0.
"""

from __future__ import annotations

from dataclasses import dataclass

from backends.checks.status import Verdict


@dataclass(slots=True)
class Health:
    """rise, fall >= 1. A server starts at `rise`: up, and down at the first failure (manual 5.2, "fall")."""

    rise: int
    fall: int
    value: int = -1

    def __post_init__(self) -> None:
        if self.value < 0:
            self.value = self.rise

    @property
    def up(self) -> bool:
        return self.value >= self.rise

    @property
    def full(self) -> int:
        """The value of a server whose checks all pass."""
        return self.rise + self.fall - 1

    @property
    def settled(self) -> bool:
        """Neither on its way up nor down: `inter` or `downinter` apply, not `fastinter`."""
        return self.value in (0, self.full)

    def apply(self, verdict: Verdict) -> bool:
        """Count one result. Returns True if it is worth a report: it changed the value, or failed while up."""
        if verdict is Verdict.FAILED:
            was_up = self.up
            self.value = self.value - 1 if self.value > self.rise else 0
            return was_up
        if verdict in (Verdict.PASSED, Verdict.CONDITIONAL) and self.value < self.full:
            self.value += 1
            if self.up:
                self.value = self.full
            return True
        return False

    def progress(self) -> tuple[int, int]:
        """(n, of): up 2/3 or down 1/2, as logs, statistics and the state header show it."""
        return (self.value - self.rise + 1, self.fall) if self.up else (self.value, self.rise)
