"""Work of the checker that is done piece by piece: in order, every piece once, whatever one of them does."""

from __future__ import annotations

import pytest

from backends.checks.bites import Bites
from haproxy_py.engine.reactor import Reactor

PIECES = 50


def turned(reactor: Reactor, bites: Bites) -> int:
    """Turn until nothing waits. Returns: the turns."""
    turns = 0
    while len(bites):
        reactor.turn()
        turns += 1
    return turns


def test_the_first_piece_of_a_turn_at_once_the_others_in_order() -> None:
    reactor, bites, done = Reactor(), Bites(), list[int]()
    bites.attach(reactor)
    reactor.turn()
    for i in range(PIECES):
        bites.do(lambda i=i: done.append(i))  # type: ignore[misc]
    assert done == [0]
    assert len(bites) == PIECES - 1
    assert turned(reactor, bites) > 0
    assert done == list(range(PIECES))
    bites.do(lambda: done.append(PIECES))
    assert done[-1] == PIECES, "another turn, and nothing waits"
    bites.detach()


def test_a_piece_that_makes_another_one() -> None:
    reactor, bites, done = Reactor(), Bites(), list[str]()
    bites.attach(reactor)
    reactor.turn()
    bites.do(lambda: bites.do(lambda: done.append("inner")))
    assert done == []
    turned(reactor, bites)
    assert done == ["inner"]
    bites.detach()


def test_a_piece_that_fails_is_told_and_is_not_the_last(capfd: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        raise ValueError("this one")

    reactor, bites, done = Reactor(), Bites(), list[int]()
    bites.attach(reactor)
    reactor.turn()
    bites.do(lambda: done.append(1))
    bites.do(fails)
    bites.do(lambda: done.append(2))
    turned(reactor, bites)
    assert done == [1, 2]
    assert "ValueError: this one" in capfd.readouterr().err
    bites.detach()


def test_what_is_left_is_forgotten() -> None:
    reactor, bites, done = Reactor(), Bites(), list[int]()
    bites.attach(reactor)
    reactor.turn()
    for i in range(3):
        bites.do(lambda i=i: done.append(i))  # type: ignore[misc]
    bites.detach()
    reactor.turn()
    assert done == [0]
    bites.do(lambda: done.append(7))
    assert done == [0, 7], "without a reactor there is nothing to wait for"
