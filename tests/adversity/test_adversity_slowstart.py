"""A server's slowstart goes on, neither back nor in a leap, when the workers that drive it are killed one after the other."""

from __future__ import annotations

import csv
import os
import signal
import tempfile
from pathlib import Path

from tests.adversity.group import Group, children, poll, serves
from tests.harness.runtime_client import ask

SHARES = [
    100 * ((16 * second + 6) // 6) // 16 for second in range(6)
]  # percent of the weight after 0, 1, ... seconds of 6
CONFIG = """
global
    nbthread 2
    stats socket {door} level admin
defaults
    mode http
    timeout connect 5s
    timeout client 20s
    timeout server 20s
frontend web
    bind 127.0.0.1:{web}
    default_backend b
backend b
    server s 127.0.0.1:{s} weight 160 slowstart 6s
"""


def test_killed_workers_in_the_middle() -> None:
    with tempfile.TemporaryDirectory() as folder:
        door = Path(folder, "door")
        with Group(CONFIG.replace("{door}", str(door))) as group:
            seen: list[int] = []

            def share() -> int:
                """Percent of its weight; 100 in the end."""
                rows = csv.DictReader(ask(door, "show stat").decode().removeprefix("# ").splitlines())
                row = next(row for row in rows if row["svname"] == "s")
                seen.append(int(row["throttle"] or 100) if row["status"] != "DOWN" else 0)
                return seen[-1]

            ask(door, "set server b/s health down")
            ask(door, "set server b/s health up")
            first = children(group.pid)
            for victim, progress in zip(first, (SHARES[1], SHARES[3]), strict=True):
                poll(lambda least=progress: share() >= least, "progress")  # type: ignore[misc]
                os.kill(victim, signal.SIGKILL)
                poll(lambda: sum(map(serves, children(group.pid))) == 2, "another worker")
            poll(lambda: share() == 100, "the end", 40)
            assert set(seen) <= {*SHARES, 100} and seen == sorted(seen)
