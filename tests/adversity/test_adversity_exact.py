"""Two workers: the numbers of `show stat` are those that the servers counted themselves, while commands come, workers die and a reload runs."""

from __future__ import annotations

import contextlib
import csv
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.adversity.group import SLOW, Group, Load, Origin, poll
from tests.harness.runtime_client import ask, ask_master

CONFIG = """
global
    nbthread 2
    stats socket {folder}/stats level admin
    hard-stop-after 60s
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout queue 60s
frontend web
    bind 127.0.0.1:{web}
    default_backend b
backend b
    server s1 127.0.0.1:{s} maxconn 2
    server s2 127.0.0.1:{s2} maxconn 2
    server s3 127.0.0.1:{s3}
"""
GAUGES = ("scur", "qcur")
TOTALS = ("stot", "hrsp_2xx")
ROUNDS = 20 if SLOW else 3
CLIENTS = 8


@dataclass
class Farm:
    """A proxy and its servers. before: what each server had counted when the statistics were cleared."""

    group: Group
    folder: Path
    origins: list[Origin]
    before: list[int] = field(default_factory=lambda: [0, 0, 0])

    def say(self, command: str) -> str:
        return ask(self.folder / "stats", command).decode()

    def rows(self) -> dict[str, dict[str, str]]:
        """FRONTEND, s1, s2, s3, BACKEND."""
        found = csv.DictReader(self.say("show stat").lstrip("# ").strip().split("\n"))
        return {row["svname"]: row for row in found}

    def calm(self) -> dict[str, dict[str, str]]:
        """The statistics when nobody is connected and nobody waits any more."""
        last: dict[str, dict[str, str]] = {}

        def nobody() -> bool:
            nonlocal last
            last = self.rows()
            return all(row[gauge] in ("0", "") for row in last.values() for gauge in GAUGES)

        poll(nobody, f"nobody inside; {[(name, row['scur'], row['qcur']) for name, row in last.items()]}")
        return last

    def clear(self) -> None:
        """With nobody connected."""
        self.calm()
        assert self.say("clear counters all") == "\n"
        self.before = [origin.requests for origin in self.origins]
        assert all(row[name] in ("0", "") for row in self.rows().values() for name in TOTALS)

    def asked(self) -> list[int]:
        """How many requests each server has seen since clear()."""
        return [origin.requests - was for origin, was in zip(self.origins, self.before, strict=True)]

    def kill_one(self) -> None:
        """SIGKILL, and wait for the successor."""
        workers = self.group.workers()
        os.kill(workers[0], signal.SIGKILL)
        poll(lambda: len(set(self.group.workers()) - {workers[0]}) == 2, "another worker")
        poll(self.answers, "whoever serves the socket now")

    def answers(self) -> bool:
        """Somebody serves the socket."""
        with contextlib.suppress(OSError):
            return bool(self.say("show version"))
        return False


@contextlib.contextmanager
def farm(folder: Path) -> Iterator[Farm]:
    origins = [Origin(), Origin(), Origin()]
    config = CONFIG.replace("{folder}", str(folder)).replace("{s2}", str(origins[1].port)).replace("{s3}", str(origins[2].port))
    try:
        with Group(config, flags=("-W", "-db", "-S", f"{folder}/master"), origin=origins[0]) as group:
            made = Farm(group, folder, origins)
            poll(made.answers, "the runtime socket")
            yield made
    finally:
        for origin in origins[1:]:
            origin.close()


def exact(on: Farm, requests: int) -> None:
    """Run so many requests, at least, and compare every total with what the servers counted."""
    on.clear()
    loads = [Load(on.group.web, 4, fresh=True), Load(on.group.web, 4, fresh=False)]
    poll(lambda: sum(load.done for load in loads) >= requests, f"{requests} requests", 60)
    for load in loads:
        load.stop()
    assert [load.failed for load in loads] == [[], []]
    rows, done = on.calm(), sum(load.done for load in loads)
    for name in TOTALS:
        assert [int(rows[f"s{n}"][name]) for n in (1, 2, 3)] == on.asked(), name
    assert sum(on.asked()) == done
    assert int(rows["FRONTEND"]["req_tot"]) == int(rows["BACKEND"]["req_tot"]) == int(rows["BACKEND"]["stot"]) == done
    assert int(rows["FRONTEND"]["hrsp_2xx"]) == int(rows["BACKEND"]["hrsp_2xx"]) == done
    assert int(rows["FRONTEND"]["stot"]) == loads[0].done + loads[1].clients + loads[1].again


@pytest.mark.timeout(600)
def test_totals_are_those_of_the_servers_behind_kills_and_reloads(tmp_path: Path) -> None:
    """Whatever has happened under load before, what comes after it is counted exactly, and nothing is left over."""
    with farm(tmp_path) as on:
        exact(on, 300)
        for number in range(ROUNDS):
            load = Load(on.group.web, CLIENTS, fresh=bool(number % 2))
            poll(lambda load=load: load.done > 30, "requests")  # type: ignore[misc]
            on.say(f"set server b/s2 weight {number + 2};disable server b/s1")
            on.kill_one()
            on.say("enable server b/s1;clear counters all")
            assert ask_master(tmp_path / "master", "reload").startswith("Success=1\n")
            on.kill_one()
            was = load.done
            poll(lambda load=load, was=was: load.done > was + 30, "requests")  # type: ignore[misc]
            load.stop()
            assert not any("Refused" in each for each in load.failed) and len(load.failed) <= 2 * CLIENTS, load.failed
            exact(on, 100)
            assert on.say("get weight b/s2") == "1 (initial 1)\n\n"


@pytest.mark.timeout(600)
def test_totals_while_workers_die(tmp_path: Path) -> None:
    """A request that a killed worker had in hand is counted or not; every other one is, and no counter goes back."""
    with farm(tmp_path) as on:
        on.clear()
        load = Load(on.group.web, CLIENTS)
        seen: list[list[int]] = []
        for number in range(ROUNDS):
            was = load.done
            poll(lambda was=was: load.done > was + 50, "requests")  # type: ignore[misc]
            seen.append([int(row[name]) for row in on.rows().values() for name in TOTALS])
            on.say(f"set server b/s3 weight {number + 1}")
            on.kill_one()
            seen.append([int(row[name]) for row in on.rows().values() for name in TOTALS])
        load.stop()
        rows = on.calm()
        assert all(before <= after for old, new in zip(seen, seen[1:], strict=False) for before, after in zip(old, new, strict=True))
        lost = len(load.failed) + ROUNDS  # of each killed worker one request may have been answered, but not yet counted
        assert len(load.failed) <= ROUNDS * CLIENTS and not any("Refused" in each for each in load.failed), load.failed
        for name in TOTALS:
            for n, asked in enumerate(on.asked(), 1):
                assert abs(int(rows[f"s{n}"][name]) - asked) <= lost, (name, n)
        assert abs(int(rows["FRONTEND"]["hrsp_2xx"]) - load.done) <= lost
        assert on.say("get weight b/s3") == f"{ROUNDS} (initial 1)\n\n"


def test_a_server_in_maintenance_gets_nothing_from_any_worker(tmp_path: Path) -> None:
    """From the moment at which it has nothing in hand any more; and its requests come back with `enable`."""
    with farm(tmp_path) as on:
        load = Load(on.group.web, CLIENTS)
        poll(lambda: load.done > 50, "requests")
        for number in range(ROUNDS):
            on.say("disable server b/s3")
            poll(lambda: on.rows()["s3"]["scur"] == "0", "it is idle")
            asked, was = on.origins[2].requests, load.done
            if number % 2:
                on.kill_one()
            poll(lambda was=was: load.done > was + 100, "requests")  # type: ignore[misc]
            assert on.origins[2].requests == asked
            on.say("enable server b/s3")
            poll(lambda asked=asked: on.origins[2].requests > asked, "requests come back")  # type: ignore[misc]
        load.stop()
        on.calm()
