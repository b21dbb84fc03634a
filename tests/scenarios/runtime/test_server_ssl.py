"""Two workers: `set server B/S ssl` acts on both at once and outlives each of them."""

from __future__ import annotations

from tests.harness.eitherway import either_way
from tests.harness.ports import Reservation
from tests.scenarios.runtime.stage import Stage, answers, fetch, kill, stage, until

MORE = """\
frontend g
  bind 127.0.0.1:{port}
  default_backend t
backend t
  http-reuse always
  server s 127.0.0.1:{origin} ssl verify none
"""


def spoken(port: int, count: int = 12) -> set[bytes]:
    """What so many requests, which fall to both workers, were asked by: T or P."""
    return {fetch(port, "/")[1][:1] for _ in range(count)}


def all_new(on: Stage) -> None:
    """Kill the workers, one after the other."""
    for pid in on.workers():
        kill(pid)
        until(lambda pid=pid: len(set(on.workers()) - {pid}) == 2, "another worker")  # type: ignore[misc]
        until(lambda: answers(on.admin) and on.ask("show threads").count("Thread") == 2, "both serve")


def test_both_workers_follow_and_so_do_those_to_come() -> None:
    with either_way() as origin, Reservation() as ports:
        port = ports.take()
        with stage(more=MORE.format(port=port, origin=origin.port)) as on:
            assert spoken(port) == {b"T"}
            assert on.ask("set server t/s ssl off") == "server ssl setting updated.\n"
            assert spoken(port) == {b"P"}
            all_new(on)
            assert spoken(port) == {b"P"}
            assert on.ask("show servers state t").split("\n")[2].split()[20] == "0"
            on.ask("set server t/s ssl on")
            assert spoken(port) == {b"T"}
