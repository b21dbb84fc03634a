"""Many reloads under every kind of client at once: no request fails, nothing is left over in any process."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.adversity.group import SLOW, Group, Load, Origin, children, poll
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
    {extra}
    default_backend b
backend b
    server s1 127.0.0.1:{s} check inter 100ms
    server s2 127.0.0.1:{s}
    server s3 127.0.0.1:{s} maxconn 4
"""
RELOADS = 100 if SLOW else 5
CLOSING = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\n\r\n"
LARGE = b"HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n" + b"x" * 300000


def workers_of(group: Group, former: set[int]) -> bool:
    """Whether two workers live that are none of `former`; of those, some may still finish."""
    return len(set(group.workers()) - former) == 2


def reload(group: Group, number: int, folder: Path) -> None:
    """By a signal or, every other time, by the master's socket; returns when the new workers serve."""
    before = set(group.workers())
    if number % 2:
        group.signal(signal.SIGUSR2)
    else:
        assert ask_master(folder / "master", "reload").startswith("Success=1\n")
    poll(lambda: workers_of(group, before), f"new workers of reload {number}", 60)


def kinds(pid: int) -> Counter[str]:
    """What a process has open: kinds of descriptors, without the numbers of sockets and pipes."""
    found: Counter[str] = Counter()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[re.sub(r"\d+", "N", os.readlink(f"/proc/{pid}/fd/{fd}"))] += 1
        except FileNotFoundError:
            continue
    return found


def settled(group: Group, folder: Path) -> list[Counter[str]]:
    """The descriptors of the master and of its two workers, when no other process is left and nobody is connected."""
    poll(lambda: len(children(group.pid)) == 2, "only the last workers", 60)
    poll(lambda: "# old workers" not in ask_master(folder / "master", "show proc"), "the master knows it", 60)
    return [kinds(pid) for pid in (group.pid, *sorted(children(group.pid)))]


def steady(kind: Counter[str]) -> Counter[str]:
    """Without what comes and goes with traffic: connections to servers and pipes to splice with."""
    return Counter({name: count for name, count in kind.items() if name not in ("socket:[N]", "pipe:[N]")})


class Asker(threading.Thread):
    """Asks the runtime socket one thing after the other; `failed` has what was no whole answer."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.path = path
        self.done = 0
        self.failed: list[str] = []
        self.ending = False
        self.start()

    def run(self) -> None:
        while not self.ending:
            try:
                told = ask(self.path, "show stat;show version").decode()
                if not told.endswith("\n\n3.2.0\n\n"):
                    self.failed.append(told)
            except OSError as wrong:
                self.failed.append(repr(wrong))
            self.done += 1
            time.sleep(0.02)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("extra", ["", "option idle-close-on-response"], ids=["plain", "idle-close-on-response"])
def test_many_reloads_lose_nothing(tmp_path: Path, extra: str) -> None:
    """With `option idle-close-on-response` not even a client that never asks twice sees a connection end under its request."""
    config = CONFIG.replace("{extra}", extra).replace("{folder}", str(tmp_path))
    flags = ("-W", "-db", "-S", f"{tmp_path}/master")
    with Group(config, flags=flags, origin=Origin(LARGE)) as group:
        poll(lambda: (tmp_path / "master").exists(), "the master's socket")
        reload(group, 0, tmp_path)
        first = settled(group, tmp_path)
        loads = [
            Load(group.web, 3, fresh=False, strict=bool(extra)), Load(group.web, 2, fresh=True),
            Load(group.web, 2, request=CLOSING), Load(group.web, 1, request=OLD),
        ]  # fmt: skip
        asker = Asker(tmp_path / "stats")
        for number in range(RELOADS):
            done = [load.done for load in loads]
            reload(group, number, tmp_path)
            poll(lambda d=done: all(load.done > was + 2 for load, was in zip(loads, d, strict=True)), f"requests after reload {number}", 60)  # type: ignore[misc]
        asker.ending = True
        asker.join()
        assert asker.done and asker.failed == []
        for load in loads:
            load.stop()
        assert [load.failed for load in loads] == [[]] * len(loads)
        poll(lambda: settled(group, tmp_path)[0] <= first[0], "the master has no more than it had")
        poll(lambda: all(steady(one) <= steady(first[1]) | steady(first[2]) for one in settled(group, tmp_path)[1:]), "nor have the workers")
        assert f"{RELOADS + 1} [failed: 0]" in ask_master(tmp_path / "master", "show proc")
        assert not list(tmp_path.glob("*.tmp"))
