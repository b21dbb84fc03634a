"""What a health check can find: numbers, the statistics' words, the words of the log (management manual 9.1, check_status).

The number goes into shared memory (ServerShared.check_status), so it never changes its meaning while workers run.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from haproxy_py.observe.statistics.serverstate import name_findings

INFO_ROOM = 127  # bytes of words that are kept of a finding (ServerShared.last_chk)


class Verdict(IntEnum):
    """What a finding means for the server's health."""

    UNKNOWN = 0
    FAILED = 1
    PASSED = 2
    CONDITIONAL = 3  # up, but no new sessions (404 with http-check disable-on-404)


@dataclass(frozen=True, slots=True)
class Status:
    """One row of the table. has_code: the layer 5-7 code is part of the finding (shown in logs, check_code in statistics)."""

    number: int
    name: str
    text: str
    verdict: Verdict
    has_code: bool = False


UNK = Status(0, "UNK", "Unknown", Verdict.UNKNOWN)
INI = Status(1, "INI", "Initializing", Verdict.UNKNOWN)
HANA = Status(2, "HANA", "Health analyze", Verdict.FAILED)
SOCKERR = Status(3, "SOCKERR", "Socket error", Verdict.FAILED)
L4OK = Status(4, "L4OK", "Layer4 check passed", Verdict.PASSED)
L4TOUT = Status(5, "L4TOUT", "Layer4 timeout", Verdict.FAILED)
L4CON = Status(6, "L4CON", "Layer4 connection problem", Verdict.FAILED)
L6OK = Status(7, "L6OK", "Layer6 check passed", Verdict.PASSED)
L6TOUT = Status(8, "L6TOUT", "Layer6 timeout", Verdict.FAILED)
L6RSP = Status(9, "L6RSP", "Layer6 invalid response", Verdict.FAILED)
L7TOUT = Status(10, "L7TOUT", "Layer7 timeout", Verdict.FAILED)
L7RSP = Status(11, "L7RSP", "Layer7 invalid response", Verdict.FAILED)
L7OK = Status(12, "L7OK", "Layer7 check passed", Verdict.PASSED, True)
L7OKC = Status(13, "L7OKC", "Layer7 check conditionally passed", Verdict.CONDITIONAL, True)
L7STS = Status(14, "L7STS", "Layer7 wrong status", Verdict.FAILED, True)
CHECKED = Status(15, "CHECKED", "No status change", Verdict.UNKNOWN)
PROCERR = Status(16, "PROCERR", "External check error", Verdict.FAILED, True)
PROCTOUT = Status(17, "PROCTOUT", "External check timeout", Verdict.FAILED, True)
PROCOK = Status(18, "PROCOK", "External check passed", Verdict.PASSED, True)

TABLE = (
    UNK, INI, HANA, SOCKERR, L4OK, L4TOUT, L4CON, L6OK, L6TOUT, L6RSP, L7TOUT, L7RSP, L7OK, L7OKC, L7STS, CHECKED, PROCERR,
    PROCTOUT, PROCOK,
)  # fmt: skip
BY_NAME = {status.name: status for status in TABLE}
name_findings({each.number: (each.name, each.text) for each in TABLE}, [each.number for each in TABLE if each.has_code])


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check. code: of the layer 5-7 answer, 0 none; info: HAProxy's words, "" none; fleeting: they are for the log only."""

    status: Status
    code: int = 0
    info: str = ""
    fleeting: bool = False

    @property
    def last(self) -> bytes:
        """What statistics show of the words (last_chk)."""
        return b"" if self.fleeting else self.words

    @property
    def words(self) -> bytes:
        """What is kept of the words: up to a NUL, INFO_ROOM bytes at most."""
        return self.info.encode("utf-8", "surrogateescape").partition(b"\0")[0][:INFO_ROOM]


def shown(words: bytes) -> str:
    """What a log line shows of a server's words: nothing that could be taken for the line's own."""
    return "".join(chr(c) if 32 <= c < 127 and c not in b'<>"' else f"<{c:02X}>" for c in words)


def reason(finding: Finding, duration_ms: int) -> str:
    """The `, reason: ...` part of a log line, as HAProxy words it."""
    parts = [f", reason: {finding.status.text}"]
    if finding.status.has_code:
        parts.append(f", code: {finding.code}")
    if finding.words:
        parts.append(f', info: "{shown(finding.words)}"')
    if duration_ms >= 0:
        parts.append(f", check duration: {duration_ms}ms")
    return "".join(parts)
