"""`option external-check` by the real haproxy and by ours: arguments, environment, findings, lines; and what it must never leave behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness.checks import Bench
from tests.harness.ports import Reservation
from tests.harness.products import haproxy26, lacking_oracle
from tests.harness.syslog import Syslog

pytestmark = pytest.mark.timeout(60)
PROGRAM = """#!/bin/sh
{ for word in "$@"; do echo "[$word]"; done; env | grep -v ^PWD | sort; } > $(dirname $0)/said.$HAPROXY_PROXY_NAME.$HAPROXY_SERVER_NAME
case $HAPROXY_SERVER_NAME in
  three) exit 3;;
  killed) kill -9 $$;;
  slow) exec sleep 20;;
esac
"""
HEAD = "defaults\n mode http\n{log} timeout connect 5s\n timeout client 1s\n timeout server 1s\n option log-health-checks\n"
TEXT = """listen a
 bind 127.0.0.1:{port}
 bind 127.0.0.1:{other}
 option external-check
 external-check command {folder}/program
 external-check path /bin:/usr/bin
 server well 127.0.0.1:80 {check}
 server six [::1]:81 {check} ssl verify none id 55
 server path unix@/tmp/none.sock {check}
 server three 127.0.0.1:80 {check} port 99 addr 127.0.0.9 maxconn 7
 server killed 127.0.0.1:80 {check} weight 9
 server slow 127.0.0.1:80 check inter 300 rise 1 fall 1
backend tcp
 mode tcp
 id 77
 option external-check
 external-check command program
 external-check path {folder}:/bin:/usr/bin
 server s 127.0.0.1:80 {check}
 server hidden abns@nobody {check}
backend absent
 option external-check
 external-check command /nonexistent
 server s 127.0.0.1:80 {check}
backend forbidden
 option external-check
 external-check command {folder}/plain
 server s 127.0.0.1:80 {check}
backend shell
 option external-check
 external-check command {folder}/script
 server s 127.0.0.1:80 {check}
backend pathless
 option external-check
 external-check command {folder}/pathless
 server s 127.0.0.1:80 {check}
listen local
 bind {folder}/front
 option external-check
 external-check command {folder}/program
 external-check path /bin:/usr/bin
 server s 127.0.0.1:80 {check}
"""
SERVERS = 13
CHECK = "check inter 2s rise 1 fall 1"
FIRST = re.compile(r"Health check for server (\S+) (\w+, reason: .*), check duration: \d+ms, (status: .*)\.$")
ALLOWED = "global\n external-check\n insecure-fork-wanted\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "program").write_text(PROGRAM)
    (tmp_path / "script").write_text("exit 9\n")
    (tmp_path / "plain").write_text("exit 0\n")
    for name in ("program", "script"):
        (tmp_path / name).chmod(0o755)
    pathless = tmp_path / "pathless"
    pathless.write_text('#!/bin/sh\n[ -z "$PATH" ] && exit 7\nexit 8\n')
    pathless.chmod(0o755)
    return tmp_path


def text(folder: Path, port: int, other: int) -> str:
    return TEXT.format(folder=folder, port=port, other=other, check=CHECK)


def found(lines: list[str]) -> dict[str, tuple[str, str]]:
    """The first finding of every server."""
    told: dict[str, tuple[str, str]] = {}
    for line in lines:
        if match := FIRST.search(line):
            told.setdefault(match[1], (match[2], match[3]))
    return told


async def until(condition: Callable[[], bool], what: str, seconds: float = 10) -> None:
    end = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < end, f"waited in vain for {what}"
        await asyncio.sleep(0.01)


def said(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.glob("said.*"))}


async def by_haproxy(folder: Path, port: int, other: int) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    syslog = await Syslog().open()
    head = ALLOWED + f" log 127.0.0.1:{syslog.port} local0\n" + HEAD.format(log=" log global\n")
    running = await asyncio.to_thread(haproxy26().start, head + text(folder, port, other), [port])
    try:
        lines: Callable[[], list[str]] = lambda: [line.decode().rstrip("\n") for line in syslog.lines]  # noqa: E731
        await until(lambda: len(found(lines())) == SERVERS, "haproxy's findings")
        return found(lines()), said(folder)
    finally:
        await asyncio.to_thread(running.stop)
        syslog.close()


def children() -> list[int]:
    """Of this process, zombies included."""
    return [int(pid) for task in os.listdir("/proc/self/task") for pid in Path(f"/proc/self/task/{task}/children").read_text().split()]


@contextlib.contextmanager
def nothing_left() -> Iterator[Callable[[], set[int]]]:
    """No process and no descriptor more than before. Gives: what tells the children that came since."""
    before, open_before = set(children()), len(os.listdir("/proc/self/fd"))
    yield lambda: set(children()) - before
    assert set(children()) <= before
    assert len(os.listdir("/proc/self/fd")) <= open_before


async def by_ours(folder: Path, port: int, other: int) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    bench = Bench(ALLOWED + HEAD.format(log="") + text(folder, port, other))
    bench.start()
    try:
        lines: Callable[[], list[str]] = lambda: [line for _, line in bench.logged]  # noqa: E731
        await until(lambda: len(found(lines())) == SERVERS, "our findings")
        return found(lines()), said(folder)
    finally:
        bench.stop()


@pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())
def test_the_same_words_and_findings(folder: Path) -> None:
    with Reservation() as ports:
        port, other = ports.take(), ports.take()
        theirs = asyncio.run(by_haproxy(folder, port, other))
        for path in folder.glob("said.*"):
            path.unlink()
        ours = asyncio.run(by_ours(folder, port, other))
    assert ours[0] == theirs[0]
    for name, words in theirs[1].items():
        assert (name, ours[1].get(name)) == (name, words)


def one(folder: Path, server: str = "slow", head: str = ALLOWED, **words: str) -> Bench:
    options = " option external-check\n external-check command {folder}/program\n external-check path /bin:/usr/bin\n"
    return Bench(head + HEAD.format(log="") + "backend b\n" + options.format(folder=folder) + f" server {server} 127.0.0.1:80 check inter 60 rise 1 fall 1\n")


def test_one_that_takes_too_long_is_ended(folder: Path) -> None:
    async def scenario() -> None:
        bench = one(folder)
        with nothing_left() as new:
            finding = await bench.once()
            assert (finding.status.name, finding.status.text, finding.code) == ("PROCTOUT", "External check timeout", 0)
            await until(lambda: not new(), "its end")
            bench.stop()

    asyncio.run(scenario())


def test_one_that_does_not_heed_is_killed(folder: Path) -> None:
    (folder / "program").write_text("#!/bin/sh\ntrap '' TERM\nsleep 20 & wait\nsleep 20\n")

    async def scenario() -> None:
        bench = one(folder)
        bench.start()
        with nothing_left() as new:
            assert (await bench.once()).status.name == "PROCTOUT"
            assert new()
            bench.stop()

    asyncio.run(scenario())


def test_stopping_leaves_nothing(folder: Path) -> None:
    async def scenario() -> None:
        bench = one(folder)
        with nothing_left() as new:
            bench.start()
            await until(lambda: bool(new()), "a first check")
            bench.stop()

    asyncio.run(scenario())


def test_without_leave_to_fork_it_fails(folder: Path) -> None:
    async def scenario() -> None:
        bench = one(folder, "well", head="global\n external-check\n")
        finding = await bench.once()
        assert (finding.status.name, finding.info) == ("SOCKERR", "Resource temporarily unavailable")
        assert not said(folder)
        bench.stop()

    asyncio.run(scenario())


def test_the_environment_is_kept_when_asked_for(folder: Path) -> None:
    async def scenario(head: str) -> str:
        bench = one(folder, "well", head=head)
        await bench.once()
        bench.stop()
        return said(folder)["said.b.well"]

    setenv = " setenv COLOUR blue\n"
    assert "COLOUR" not in asyncio.run(scenario(ALLOWED + setenv))
    assert "COLOUR=blue\n" in asyncio.run(scenario(ALLOWED.replace("external-check", "external-check preserve-env") + setenv))
