"""One name under resolution: when it is asked for, with which type, what counts as its answer and how long (manual 5.3.2).

A round asks every nameserver; the first valid answer ends it. When all have answered with faults the other address family
is asked for at once; `resolve_retries` such tries `timeout retry` apart end the round with the last fault. The next round
begins `timeout resolve` after the end of this one. Records that are not named any more are kept for `hold obsolete`.
"""

from __future__ import annotations

from typing import Protocol

from backends.resolvers.message import AAAA, SRV, A, Record, Reply, Status
from backends.resolvers.nameserver import Channel

OTHER_FAMILY = {A: AAAA, AAAA: A}
HOLD_OF = {Status.NX: "nx", Status.REFUSED: "refused", Status.TIMEOUT: "timeout"}


class Requester(Protocol):
    """Who wants a name."""

    def answered(self, found: Resolution, channel: Channel | None) -> None:
        """There is a valid answer. channel: whose it is, for the first of several requesters."""

    def failed(self, found: Resolution, status: Status) -> None:
        """A round has ended without one."""


class Asking(Protocol):
    """What a resolution needs of its section."""

    retries: int
    timeout_resolve_ms: int
    timeout_retry_ms: int

    def hold_ms(self, event: str) -> int:
        """`hold`."""

    def now_ms(self) -> int:
        """A clock that only goes forward."""

    def renew(self, found: Resolution) -> None:
        """A new number for the questions to come."""

    def ask(self, found: Resolution, kind: int) -> int:
        """Send a question to every nameserver; to how many it went."""

    def wake(self, found: Resolution, delay_ms: int) -> None:
        """Call found.due() after so long, instead of what was asked for before."""


class Resolution:
    """name: without its last dot; preferred: A, AAAA or SRV, what is asked first."""

    def __init__(self, section: Asking, name: str, preferred: int) -> None:
        self.section = section
        self.name = name
        self.preferred = preferred
        self.kind = preferred
        self.requesters: list[Requester] = []
        self.records: dict[tuple[int, str, int], Record] = {}
        self.seen: dict[tuple[int, str, int], int] = {}  # ms, by key
        self.answers = 0  # valid ones so far
        self.addresses: tuple[tuple[str, Record], ...] = ()  # of the last answer's additional section
        self.status: Status | None = None
        self.last_valid_ms: int | None = None
        self.running = False
        self.questions: dict[int, bytes] = {}  # by kind, as they were sent
        self._tries = 0
        self._asked = 0
        self._answers = 0

    def due(self) -> None:
        """The time that was asked for has come."""
        if not self.running:
            self.begin()
        elif self._tries == 0:
            self._fail(self.status if self._answers and self.status else Status.TIMEOUT)
        elif not self._answers or self.kind != self.preferred or self.preferred == SRV:
            self._tries -= 1
            self._ask(self.preferred)
        else:
            self._ask(OTHER_FAMILY[self.kind])

    def begin(self) -> None:
        """A new round."""
        self.running = True
        self._tries = self.section.retries - 1
        self.section.renew(self)
        self._ask(self.preferred)

    def _ask(self, kind: int) -> None:
        self.kind = kind
        self._answers = 0
        self.section.wake(self, self.section.timeout_retry_ms)
        self._asked = self.section.ask(self, kind)

    def take(self, reply: Reply, channel: Channel) -> None:
        """An answer of a nameserver to the question under way."""
        self._answers += 1
        self.status = reply.status
        if reply.status is Status.VALID:
            self._succeed(reply, channel)
        elif self._answers < self._asked:
            return
        elif self.kind == self.preferred and self.kind in OTHER_FAMILY:
            self._ask(OTHER_FAMILY[self.kind])
        elif self._tries == 0:
            self._fail(reply.status)

    def _end(self) -> None:
        self.running = False
        self.section.wake(self, self.section.timeout_resolve_ms)

    def _succeed(self, reply: Reply, channel: Channel) -> None:
        now = self.last_valid_ms = self.section.now_ms()
        self.answers += 1
        for record in reply.records:
            self.records[record.key] = record
            self.seen[record.key] = now
        for key in [key for key, at in self.seen.items() if now - at > self.section.hold_ms("obsolete")]:
            del self.records[key], self.seen[key]
        self.addresses = reply.addresses
        self._end()
        first: Channel | None = channel
        for each in list(self.requesters):
            each.answered(self, first)
            first = None

    def _fail(self, status: Status) -> None:
        self.status = status
        self._end()
        for each in list(self.requesters):
            each.failed(self, status)
        if not self.held(status):
            self.records.clear()
            self.seen.clear()

    def names(self, host: str) -> int:
        """The kind of record that has this address: A, AAAA, or 0 for none."""
        kind = AAAA if ":" in host else A
        return kind if (kind, host, 0) in self.records else 0

    def held(self, status: Status) -> bool:
        """Whether the last valid answer is so young that a failure does not count yet."""
        if self.last_valid_ms is None:
            return False
        return self.section.now_ms() < self.last_valid_ms + self.section.hold_ms(HOLD_OF.get(status, "other"))
