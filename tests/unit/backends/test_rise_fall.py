"""The rise/fall counter against the manual's own words: so many successes in a row, so many failures in a row."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backends.checks.health import Health
from backends.checks.status import Verdict

RESULTS = st.lists(st.sampled_from([Verdict.PASSED, Verdict.FAILED, Verdict.CONDITIONAL]), max_size=60)
LIMITS = st.integers(1, 6)


class Model:
    """`fall` failures in a row take an up server down, `rise` successes in a row bring it back; at first one failure is enough."""

    def __init__(self, rise: int, fall: int) -> None:
        self.rise, self.fall = rise, fall
        self.up = True
        self.left = 1

    def apply(self, passed: bool) -> None:
        if passed is self.up:
            self.left = self.fall if self.up else self.rise
            return
        self.left -= 1
        if not self.left:
            self.up = passed
            self.left = self.fall if self.up else self.rise


@given(LIMITS, LIMITS, RESULTS)
def test_any_sequence_agrees_with_the_model(rise: int, fall: int, results: list[Verdict]) -> None:
    health, model = Health(rise, fall), Model(rise, fall)
    for verdict in results:
        health.apply(verdict)
        model.apply(verdict is not Verdict.FAILED)
        assert health.up is model.up
        assert 0 <= health.value <= rise + fall - 1
        value, of = health.progress()
        assert 0 <= value <= of
        wanted = model.left if model.up else rise - model.left
        assert value == wanted


@given(LIMITS, LIMITS, RESULTS)
def test_a_report_is_due_when_an_up_server_fails_or_a_success_counts(rise: int, fall: int, results: list[Verdict]) -> None:
    health = Health(rise, fall)
    for verdict in results:
        before, was_up = health.value, health.up
        due = health.apply(verdict)
        assert due is (was_up if verdict is Verdict.FAILED else health.value != before)


def test_a_fresh_server_is_up_and_falls_at_the_first_failure() -> None:
    health = Health(2, 3)
    assert health.up and health.progress() == (1, 3)
    health.apply(Verdict.FAILED)
    assert not health.up and health.progress() == (0, 2)


def test_one_success_restores_an_up_server() -> None:
    health = Health(2, 3)
    health.apply(Verdict.PASSED)
    assert health.progress() == (3, 3) and health.settled
    health.apply(Verdict.FAILED)
    assert health.progress() == (2, 3) and not health.settled
    health.apply(Verdict.PASSED)
    assert health.progress() == (3, 3)


def test_an_unknown_result_changes_nothing() -> None:
    health = Health(2, 3)
    assert health.apply(Verdict.UNKNOWN) is False
    assert health.value == 2
