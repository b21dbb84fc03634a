"""The sentences of a server's life are HAProxy's, word for word."""

from __future__ import annotations

from backends import sentences, state
from backends.checks.report import ALERT, EMERG, NOTICE
from backends.state import Change

NAME = "Server be/s1"


def change(old: int, new: int, active: int, backup: int = 0, sessions: int = 0, queued: int = 0) -> Change:
    return Change(True, old, new, 0, 0, 2, active, backup, sessions, queued)


def test_down() -> None:
    said = sentences.operational(NAME, ", reason: Layer4 timeout", change(state.RUNNING, state.STOPPED, 1), 0)
    assert said.text == (
        "Server be/s1 is DOWN, reason: Layer4 timeout. "
        "1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue."
    )
    assert (said.level, said.word, said.terminal) == (ALERT, "WARNING", said.text)


def test_down_of_the_last_active_server() -> None:
    said = sentences.operational(NAME, "", change(state.STOPPING, state.STOPPED, 0, 2, 3, 5), 4)
    assert said.text == (
        "Server be/s1 is DOWN. 0 active and 2 backup servers left. Running on backup. "
        "3 sessions active, 4 requeued, 5 remaining in queue."
    )
    assert said.level == NOTICE


def test_up_and_stopping() -> None:
    name = sentences.title("be", "s1", True)
    up = sentences.operational(name, "", change(state.STOPPED, state.RUNNING, 1, 1), 0)
    assert up.text == "Backup Server be/s1 is UP. 1 active and 1 backup servers online. 0 sessions requeued, 0 total in queue."
    stopping = sentences.operational(NAME, "", change(state.RUNNING, state.STOPPING, 0, 1), 0)
    assert stopping.text == (
        "Server be/s1 is stopping. 0 active and 1 backup servers online. Running on backup. 0 sessions requeued, 0 total in queue."
    )


def test_no_server() -> None:
    said = sentences.no_server("be")
    assert said.text == "backend be has no server available!"
    assert said.terminal == "backend 'be' has no server available!"
    assert (said.level, said.word) == (EMERG, "ALERT")
