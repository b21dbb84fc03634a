"""Commands register once; one that is built takes the place of one that says it is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from haproxy_py import features
from haproxy_py.config import known
from haproxy_py.runtime import registry
from haproxy_py.runtime.call import Call
from haproxy_py.runtime.registry import COMMANDS, MASTER_COMMANDS, command, find


@pytest.fixture
def table() -> Iterator[None]:
    features.load()
    before = dict(COMMANDS)
    yield
    COMMANDS.clear()
    COMMANDS.update(before)


def nothing(call: Call) -> None:
    """Says nothing."""


def test_twice_is_refused(table: None) -> None:
    command("x y")(nothing)
    with pytest.raises(RuntimeError, match="command 'x y' registered by"):
        command("x y")(nothing)


@pytest.mark.parametrize("first", [True, False])
def test_a_placeholder_gives_way(table: None, first: bool) -> None:
    command("x y", "old" if first else "new", placeholder=first)(nothing)
    command("x y", "new" if first else "old", placeholder=not first)(nothing)
    assert COMMANDS["x", "y"].usage == "new"


def test_the_longest_command_is_found(table: None) -> None:
    assert find(["show", "servers", "conn", "b"], COMMANDS) is COMMANDS["show", "servers", "conn"]
    assert find(["show"], COMMANDS) is None
    assert registry.find(["help"], MASTER_COMMANDS) is MASTER_COMMANDS[("help",)]


def test_every_command_of_haproxy_is_known(table: None) -> None:
    """What is not built says so; nothing that HAProxy has is called unknown."""
    wanted = {name for name in known.words("cli") if not name.startswith("debug dev")}
    later = {"_getsocks", "acme challenge_ready", "add ssl jwt", "del ssl jwt", "show ssl jwt", "show defaults", "show default-server"}
    assert {name for name in wanted if find(name.split(), COMMANDS) is None} <= later
