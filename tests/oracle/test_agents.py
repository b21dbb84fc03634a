"""Agents that say the same to the real haproxy and to us: the same weights, limits, states and words in the statistics."""

from __future__ import annotations

import asyncio
import csv
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends import state
from backends.checks import published
from backends.checks.agent import Agent, Question
from backends.checks.status import TABLE, Finding
from tests.harness.checks import Bench
from tests.harness.ports import Reservation
from tests.harness.products import haproxy26, lacking_oracle

QUIET_SECONDS = 30.0
HEAD = "defaults\n mode tcp\n timeout connect 20s\n timeout check 3s\n timeout client 1s\n timeout server 1s\n"
SERVER = " server s 127.0.0.1:1 weight 40 agent-check agent-port {port} agent-inter 1s\n"
LINES = [
    b"up\n", b"75%\n", b"down\n", b"up down\n", b"down up\n", b"fail #desc here, so\n", b"stopped\n", b"stopped desc x\n", b"maint\n",
    b"drain\n", b"ready\n", b"0%\n", b"300%\n", b"1000%\n", b"7x%\n", b"-5%\n", b"%\n", b"75\n", b"75 up\n", b"maxconn:30 up\n", b"maxconn:x\n",
    b"maxconn:\n", b"maxconn:5x\n", b"MAXCONN:7\n", b"UP READY\n", b"what ever\n", b"what up\n", b"up nonsense\n", b"75% nonsense more\n",
    b"ready nonsense\n", b"75% #hello there\n", b"#hello up\n", b"down # desc\n", b"up down#x\n", b"down#x\n", b"up 7x%\n", b"up maxconn:x\n",
    b",,up,,\n", b"up,75%\tmaxconn:5 drain\n", b"maint drain\n", b"drain maint\n", b"ready drain\n", b"up\rdown\n", b"\n", b"", b"up 50% maxconn:10 #a b\n",
    b"down\0x\n", b"up #\xc3\xa9\n", b"down #" + b"z" * 300 + b"\n",
]  # fmt: skip
Seen = tuple[str, str, str, str, str]  # down or maintenance or drain, weight, limit, agent_status, last_agt


async def agents() -> tuple[list[asyncio.Server], list[int], list[int]]:
    """Returns: one for every line, their ports, how often each has been asked so far."""
    asked = [0] * len(LINES)

    def saying(at: int, line: bytes) -> asyncio.Server:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked[at] += 1
            writer.write(line)
            writer.close()

        return asyncio.start_server(answer, "127.0.0.1", 0)  # type: ignore[return-value]

    servers = [await saying(at, line) for at, line in enumerate(LINES)]  # type: ignore[misc]
    return servers, [server.sockets[0].getsockname()[1] for server in servers], asked


async def until_asked_again(asked: list[int]) -> None:
    """Every agent's first answer has been understood when it is asked once more."""
    end = asyncio.get_running_loop().time() + QUIET_SECONDS
    while min(asked) < 2:
        assert asyncio.get_running_loop().time() < end, asked
        await asyncio.sleep(0.02)


def backends(ports: list[int]) -> str:
    return "".join(f"backend b{i}\n" + SERVER.format(port=port) for i, port in enumerate(ports))


async def by_haproxy() -> list[Seen]:
    servers, ports, asked = await agents()
    with Reservation() as held, tempfile.TemporaryDirectory() as folder:
        front, door = held.take(), Path(folder, "door")
        text = f"global\n stats socket {door}\n{HEAD}frontend f\n bind 127.0.0.1:{front}\n default_backend b0\n" + backends(ports)
        running = await asyncio.to_thread(haproxy26().start, text, [front])
        try:
            await until_asked_again(asked)
            told = await between_checks(door)
        finally:
            await asyncio.to_thread(running.stop)
    for server in servers:
        server.close()
    return [seen_by_haproxy(told[f"b{i}"]) for i in range(len(LINES))]


async def between_checks(door: Path) -> dict[str, dict[str, str]]:
    """The servers' rows by backend. While it asks an agent haproxy shows no words of it: each row is from a moment when it did not."""
    told: dict[str, dict[str, str]] = {}
    end = asyncio.get_running_loop().time() + QUIET_SECONDS
    while len(told) < len(LINES):
        rows = [row for row in await statistics(door) if row["svname"] == "s"]
        told |= {row["pxname"]: row for row in rows if not row["agent_status"].startswith("*")}
        if asyncio.get_running_loop().time() > end:
            return {row["pxname"]: row for row in rows} | told
        await asyncio.sleep(0.02)
    return told


async def statistics(door: Path) -> list[dict[str, str]]:
    reader, writer = await asyncio.open_unix_connection(str(door))
    writer.write(b"show stat\n")
    rows = list(csv.DictReader((await reader.read()).decode().removeprefix("# ").splitlines()))
    writer.close()
    return rows


def seen_by_haproxy(row: dict[str, str]) -> Seen:
    word = row["status"].split(" ")[0]
    shown = word if word in ("DOWN", "MAINT", "DRAIN") else "UP"
    return shown, row["weight"], row["slim"] or "0", row["agent_status"].removeprefix("* "), row["last_agt"]


async def by_ours() -> list[Seen]:
    servers, ports, asked = await agents()
    bench = Bench(HEAD + backends(ports))
    bench.start()
    await until_asked_again(asked)
    bench.stop()
    for server in servers:
        server.close()
    return [seen_by_ours(bench, f"b{i}") for i in range(len(LINES))]


def seen_by_ours(bench: Bench, backend: str) -> Seen:
    facts, told = bench.facts(backend=backend), published.agent(bench.slot(backend=backend))
    word = "DOWN" if facts["state"] == state.STOPPED else "DRAIN" if facts["admin"] & state.DRAIN else "UP"
    shown = "MAINT" if facts["admin"] & state.MAINT else word
    return shown, str(facts["uweight"]), str(facts["maxconn"]), TABLE[told["agent_status"]].name, told["last_agt"]


@pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())
def test_the_same_words_do_the_same() -> None:
    async def both() -> tuple[list[Seen], list[Seen]]:
        theirs, ours = await asyncio.gather(by_haproxy(), by_ours())
        return theirs, ours

    theirs, ours = asyncio.run(both())
    assert dict(zip(LINES, ours, strict=True)) == dict(zip(LINES, theirs, strict=True))


def test_a_server_goes_down_and_comes_back_at_its_agents_word() -> None:
    bench = Bench(HEAD + "backend b\n" + SERVER.format(port=1) + " server t 127.0.0.1:1 backup\n")
    agent = bench.checker.agents[0].agent
    for line in ("up", "down #no disk", "up"):
        agent.conclude(Question(b"").step(line.encode() + b"\n") or Finding(TABLE[0]), 1)
    assert bench.told() == [
        (
            'Server b/s is DOWN, reason: Layer7 wrong status, code: 0, info: "via agent : down (no disk)", check duration: 1ms. '
            "0 active and 1 backup servers left. Running on backup. 0 sessions active, 0 requeued, 0 remaining in queue."
        ),
        (
            'Server b/s is UP, reason: Layer7 check passed, code: 0, info: "via agent : up", check duration: 1ms. '
            "1 active and 1 backup servers online. 0 sessions requeued, 0 total in queue."
        ),
    ]


def test_a_megabyte_without_a_line_is_a_finding() -> None:
    finding = Question(b"").step(b"x" * (1 << 20))
    assert finding is not None and (finding.status.name, finding.info) == ("L7TOUT", "Ignoring incomplete line from agent")


WORDS = st.sampled_from([b"up", b"down", b"75%", b"0%", b"maxconn:3", b"maxconn:", b"drain", b"ready", b"maint", b"#", b"x", b" ", b",", b"\t"])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(WORDS, st.binary(max_size=6)), max_size=12), st.lists(st.integers(0, 40), max_size=3))
def test_any_words_in_any_pieces(words: list[bytes], cuts: list[int]) -> None:
    """Invariant: the same finding however the bytes arrive, and no exception."""
    line = b" ".join(words) + b"\n"
    all_at_once = Question(b"")
    whole = all_at_once.step(line) or all_at_once.step(b"")
    asked, finding, at = Question(b""), None, 0
    for cut in [*sorted(cut for cut in cuts if cut <= len(line)), len(line)]:
        if finding is None and cut > at:
            finding = asked.step(line[at:cut])
            at = cut
    assert (finding or asked.step(b"")) == whole and whole is not None
    BENCH.conclude(whole, 0)


BENCH: Agent = Bench(HEAD + "backend b\n" + SERVER.format(port=1)).checker.agents[0].agent
