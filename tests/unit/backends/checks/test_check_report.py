"""The sentences of the log are HAProxy's, word for word (seen on the packaged haproxy)."""

from __future__ import annotations

from backends.checks import report
from backends.checks.health import Health
from backends.checks.status import BY_NAME, TABLE, Finding, reason


def finding(name: str, code: int = 0, info: str = "") -> Finding:
    return Finding(BY_NAME[name], code, info)


def test_reasons() -> None:
    assert reason(finding("L7STS", 503, "No"), 2) == ', reason: Layer7 wrong status, code: 503, info: "No", check duration: 2ms'
    assert reason(finding("L7OK", 200), 0) == ", reason: Layer7 check passed, code: 200, check duration: 0ms"
    assert reason(finding("L7RSP", 200), 0) == ", reason: Layer7 invalid response, check duration: 0ms"
    assert reason(finding("L4TOUT"), 100) == ", reason: Layer4 timeout, check duration: 100ms"
    assert reason(finding("L4OK"), -1) == ", reason: Layer4 check passed"


def test_single_checks() -> None:
    said = report.checked("be", "s2", True, finding("L7OK", 200), 1, Health(2, 2, 3), 16)
    assert said.text == (
        "Health check for backup server be/s2 succeeded, reason: Layer7 check passed, code: 200, check duration: 1ms, status: 2/2 UP."
    )
    said = report.checked("be", "s2", False, finding("L7TOUT"), 201, Health(2, 3, 0), 16)
    assert said.text.endswith("failed, reason: Layer7 timeout, check duration: 201ms, status: 0/2 DOWN.")
    said = report.checked("be", "s2", False, finding("L7OKC", 404), 0, Health(1, 1, 1), 0)
    assert "conditionally succeeded, reason: Layer7 check conditionally passed, code: 404" in said.text
    assert said.text.endswith("status: 1/1 DRAIN.")


def test_numbers_of_statuses_are_their_places() -> None:
    assert [status.number for status in TABLE] == list(range(len(TABLE)))
    assert len(BY_NAME) == len(TABLE)
