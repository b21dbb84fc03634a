"""What the runtime socket does to servers: answers, states, sentences. Every answer was seen on HAProxy 2.6 and 2.8."""

from __future__ import annotations

import pytest

from backends import commands, state
from backends.relocate import NO_MAP, set_addr
from tests.harness.checks import Bench

FARM = """backend b
 server s1 127.0.0.1:1001 check
 server s2 127.0.0.1:1002 backup weight 20
 server s3 127.0.0.1:1003
 server t1 127.0.0.1:1004 track b/s1
 server u 127.0.0.1
 server p 127.0.0.1:1005 check port 1006
 server x unix@/tmp/x
"""
NOBODY = "0 sessions active, 0 requeued, 0 remaining in queue."


@pytest.mark.parametrize(
    ("text", "answer", "weight"),
    [
        ("", "Require <weight> or <weight%>.\n", 20),
        ("foo", "Empty weight string empty or preceded by garbage", 20),
        ("-1", "Absolute weight can only be between 0 and 256 inclusive.\n", 20),
        ("257", "Absolute weight can only be between 0 and 256 inclusive.\n", 20),
        ("-5%", "Relative weight must be positive.\n", 20),
        ("10%x", "Trailing garbage in weight string", 20),
        ("10x", "Trailing garbage in weight string", 20),
        ("50%", "", 10),
        ("5000%", "", 256),
        ("0", "", 0),
        ("256", "", 256),
    ],
)
def test_weight(text: str, answer: str, weight: int) -> None:
    bench = Bench(FARM)
    assert commands.set_weight(bench.life, bench.slot("s2"), text).text == answer
    assert bench.facts("s2")["eweight"] == 16 * weight
    assert commands.get_weight(bench.slot("s2")).text == f"{weight} (initial 20)\n"


@pytest.mark.parametrize(
    ("server", "host", "port", "answer", "place"),
    [
        ("s2", "127.0.0.2", "", "IP changed from '127.0.0.1' to '127.0.0.2'", ("127.0.0.2", 1002)),
        ("s2", "foo", "", "Invalid addr 'foo'", ("127.0.0.1", 1002)),
        ("s2", "127.0.0.1", "1002", "no need to change the addr, no need to change the port", ("127.0.0.1", 1002)),
        ("s2", "::1", "7", "IP changed from '127.0.0.1' to '::1', port changed from '1002' to '7'", ("::1", 7)),
        ("s2", "127.0.0.1", "foo", "no need to change the addr, problem converting port 'foo' to an int", ("127.0.0.1", 1002)),
        ("u", "127.0.0.2", "8", "IP changed from '127.0.0.1' to '127.0.0.2', port changed from '+0' to '8'", ("127.0.0.2", 8)),
        ("p", "127.0.0.1", "-3", "no need to change the addr, port changed from '1005' to '-3'", ("127.0.0.1", 65533)),
        (
            "s2", "127.0.0.1", "+1",
            f"no need to change the addr, {NO_MAP}",
            ("127.0.0.1", 1002),
        ),
        (
            "x", "127.0.0.2", "",
            "Update for the current server address family is only supported through configuration file",
            ("", 0),
        ),
    ],
)  # fmt: skip
def test_addresses(server: str, host: str, port: str, answer: str, place: tuple[str, int]) -> None:
    bench = Bench(FARM)
    assert set_addr(bench.life, bench.slot(server), host, port or None).text == f"{answer} by 'stats socket command'\n"
    assert state.address(bench.slot(server)) == place


def test_maintenance_is_inherited_and_told() -> None:
    bench = Bench(FARM)
    assert commands.set_admin(bench.life, bench.slot("s1"), "foo").level == commands.ERROR
    commands.set_admin(bench.life, bench.slot("s1"), "maint")
    assert bench.told() == [
        f"Server b/s1 is going DOWN for maintenance. 5 active and 1 backup servers left. {NOBODY}",
        f"Server b/t1 is going DOWN for maintenance via b/s1. 4 active and 1 backup servers left. {NOBODY}",
    ]
    commands.set_admin(bench.life, bench.slot("s1"), "drain")
    assert bench.told() == [
        "Server b/s1 is UP/DRAIN (leaving forced maintenance).",
        "Server b/s1 remains in forced drain mode.",
        "Server b/t1 is UP/DRAIN (leaving maintenance).",
        "Server b/t1 remains in drain mode via b/s1.",
    ]
    commands.set_admin(bench.life, bench.slot("s1"), "ready")
    assert bench.told() == ["Server b/s1 is UP (leaving forced drain).", "Server b/t1 is UP (leaving drain) via b/s1."]
    assert bench.slot("t1").usable


def test_health() -> None:
    bench = Bench(FARM)
    tracking = "cannot change health on a tracking server.\n"
    assert commands.set_health(bench.life, bench.slot("t1"), "down").text == tracking
    assert "expects 'up', 'stopping', or 'down'" in commands.set_health(bench.life, bench.slot("s1"), "x").text
    commands.set_health(bench.life, bench.slot("s1"), "down")
    assert [text.split(".")[0] for text in bench.told()] == ["Server b/s1 is DOWN, changed from CLI", "Server b/t1 is DOWN via b/s1"]
    assert bench.facts("t1")["state"] == state.STOPPED
    commands.set_health(bench.life, bench.slot("s1"), "stopping")
    assert bench.facts("t1")["state"] == state.STOPPING
    commands.set_health(bench.life, bench.slot("s1"), "up")
    assert bench.facts("t1")["state"] == state.RUNNING


def test_checks_and_agents() -> None:
    bench = Bench(FARM)
    assert "Health check was not configured" in commands.set_check(bench.life, bench.slot("s3"), True).text
    assert commands.set_check(bench.life, bench.slot("s3"), False) == commands.DONE
    assert "Agent was not configured" in commands.set_agent_check(bench.life, bench.slot("s1"), True).text
    assert "agent checks are not enabled" in commands.set_agent(bench.life, bench.slot("s1"), "up").text


@pytest.mark.parametrize(
    ("text", "answer", "maxconn"),
    [("", "Require <maxconn>.\n", 0), ("foo", "maxconn string empty or preceded by garbage", 0), ("10", "", 10), ("0", "", 0)],
)
def test_maxconn(text: str, answer: str, maxconn: int) -> None:
    bench = Bench(FARM)
    assert commands.set_maxconn(bench.life, bench.slot("s1"), text).text == answer
    assert bench.facts("s1")["maxconn"] == maxconn


def test_slowstart_ramps() -> None:
    """Weight 16 over 8 seconds: two sixteenths more each second, then the whole."""
    bench = Bench("backend b\n server s 127.0.0.1:1 weight 16 slowstart 8s maxconn 100\n")
    bench.life.stopped(bench.slot(), "")
    bench.life.running(bench.slot(), "")
    bench.told()
    seen = []
    for second in range(9):
        bench.clock = 1000.0 + second
        bench.life.warmed(bench.slot())
        seen.append((bench.facts()["eweight"], bench.facts()["state"]))
    assert seen == [(16 * (2 * i + 1), state.STARTING) for i in range(8)] + [(256, state.RUNNING)]
    assert bench.told() == ["Server b/s is UP. 1 active and 0 backup servers online. 0 sessions requeued, 0 total in queue."]
