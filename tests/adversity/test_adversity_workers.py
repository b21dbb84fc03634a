"""Several workers: exact limits and counts, a killed one, reloads under load, soft and hard stops."""

from __future__ import annotations

import os
import signal
import socket
import time

import pytest

from tests.adversity.group import SLOW, Group, Load, Origin, ask, children, poll, state

CONFIG = """
global
    nbthread 2
    hard-stop-after 20s
defaults
    mode http
    timeout connect 5s
    timeout client 20s
    timeout server 20s
    timeout queue 20s
frontend web
    bind 127.0.0.1:{web}
    default_backend b
backend b
    server s1 127.0.0.1:{s}
    server s2 127.0.0.1:{s}
    server s3 127.0.0.1:{s}
"""
OK = b"HTTP/1.1 200"
RELOADS = 100 if SLOW else 3


def open_and_ask(group: Group, count: int) -> list[socket.socket]:
    """Connections with a request under way on each."""
    made = [group.connect() for _ in range(count)]
    for sock in made:
        sock.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    return made


def close_all(socks: list[socket.socket]) -> None:
    for sock in socks:
        sock.close()


def test_the_sums_of_two_workers_are_exact_and_round_robin_is_one_sequence() -> None:
    with Group(CONFIG) as group:
        assert len(group.workers()) == 2
        for _ in range(90):
            assert group.get().startswith(OK)
        found = group.numbers()
        assert [found.servers["b", f"s{n}"] for n in (1, 2, 3)] == [(0, 0, 30)] * 3
        assert found.proxies == {"web": (0, 0, 0, 90, 0), "b": (0, 0, 0, 0, 90)}


def test_sums_under_load() -> None:
    with Group(CONFIG) as group:
        load = Load(group.web, 16)
        poll(lambda: load.done >= 1500, "1500 requests")
        load.stop()
        assert load.failed == []
        poll(lambda: group.numbers().proxies["web"][0] == 0, "the end of all sessions")
        found = group.numbers()
        totals = [found.servers["b", f"s{n}"][2] for n in (1, 2, 3)]
        assert sum(totals) == load.done == group.origin.requests and max(totals) - min(totals) <= 1
        assert found.proxies["web"] == (0, 0, 0, load.done, 0)


def test_the_limit_of_a_server_is_that_of_all_workers() -> None:
    config = CONFIG.replace("    server s2 127.0.0.1:{s}\n    server s3 127.0.0.1:{s}\n", "").replace("{s}\n", "{s} maxconn 5\n")
    with Group(config) as group:
        group.origin.hold()
        socks = open_and_ask(group, 40)
        poll(lambda: len(group.origin.held) == 5 and group.numbers().proxies["b"][2] == 35, "a queue of 35")
        assert group.numbers().servers["b", "s1"][0] == 5
        group.origin.release()
        for sock in socks:
            assert sock.recv(4096).startswith(OK)
        assert group.origin.most == 5
        close_all(socks)


@pytest.mark.parametrize("where", ["global\n", "frontend web\n", "{web}\n"], ids=["process", "frontend", "bind line"])
def test_the_limit_of_connections_is_that_of_all_workers(where: str) -> None:
    said = "{web} maxconn 7\n" if where == "{web}\n" else where + "    maxconn 7\n"
    config = CONFIG.replace(where, said, 1).replace("frontend web\n", "frontend web\n    backlog 500\n")
    with Group(config) as group:
        group.origin.hold()
        socks = open_and_ask(group, 30)
        poll(lambda: len(group.origin.held) == 7, "seven requests")
        assert group.numbers().proxies["web"][0] == 7
        group.origin.release()
        for sock in socks:
            sock.recv(4096)
            sock.close()
        assert group.origin.most == 7 and group.origin.requests == 30
        poll(lambda: group.numbers().proxies["web"][0] == 0, "nobody inside")


def test_a_killed_worker_is_replaced_and_only_its_connections_end() -> None:
    with Group(CONFIG.replace("frontend web\n", "frontend web\n    maxconn 12\n    backlog 500\n")) as group:
        socks = [group.connect() for _ in range(12)]
        assert all(ask(sock).startswith(OK) for sock in socks)
        first, second = group.workers()
        os.kill(first, signal.SIGKILL)
        poll(lambda: len(group.workers()) == 2 and first not in group.workers() and second in group.workers(), "another worker")
        living = [sock for sock in socks if _lives(sock)]
        poll(lambda: group.numbers().proxies["web"][0] == len(living), "only the living counted")
        assert group.numbers().proxies["web"][3] == 12
        assert group.numbers().proxies["b"][4] == 12 + len(living)
        more = [group.connect() for _ in range(12 - len(living))]
        assert all(ask(sock).startswith(OK) for sock in more)
        assert group.numbers().proxies["web"][0] == 12
        close_all(socks + more)


def _lives(sock: socket.socket) -> bool:
    try:
        return ask(sock).startswith(OK)
    except ConnectionError:
        return False


def test_workers_that_are_killed_again_and_again_never_refuse_and_keep_the_counts() -> None:
    with Group(CONFIG) as group:
        load = Load(group.web, 8)
        poll(lambda: load.done > 200, "requests")
        for _ in range(4):
            victim = group.workers()[0]
            done = load.done
            os.kill(victim, signal.SIGKILL)
            poll(lambda v=victim: len(group.workers()) == 2 and v not in group.workers(), "another worker")  # type: ignore[misc]
            poll(lambda d=done: load.done > d + 50, "requests")  # type: ignore[misc]
        load.stop()
        assert len(load.failed) <= 4 * 8 and not any("Refused" in each for each in load.failed), load.failed
        poll(lambda: group.numbers().proxies["web"][0] == 0, "nobody inside")
        found = group.numbers()
        assert all(found.servers["b", f"s{n}"][:2] == (0, 0) for n in (1, 2, 3))
        assert found.proxies["web"][3] >= load.done


@pytest.mark.timeout(900)
@pytest.mark.parametrize("fresh", [True, False], ids=["fresh", "keep-alive"])
def test_reloads_under_load_lose_nothing(fresh: bool) -> None:
    with Group(CONFIG, flags=("-W", "-db")) as group:
        load = Load(group.web, 8, fresh=fresh)
        for number in range(RELOADS):
            before, done = set(group.workers()), load.done
            group.signal(signal.SIGUSR2)
            poll(lambda b=before: len(set(group.workers()) - b) == 2, f"new workers of reload {number}")  # type: ignore[misc]
            poll(lambda d=done: load.done > d + 20, f"requests after reload {number}")  # type: ignore[misc]
        load.stop()
        assert load.failed == []
        poll(lambda: len(children(group.pid)) == 2, "only the last workers")
        assert len(os.listdir(f"/proc/{group.pid}/fd")) < 30


def test_a_bad_new_configuration_leaves_the_old_one_at_work() -> None:
    with Group(CONFIG, flags=("-W", "-db")) as group:
        workers = group.workers()
        for number, wrong in enumerate(("frontend web\n    nonsense\n", CONFIG.replace("{s}", "nowhere"), CONFIG + "frontend x\n    bind 1.2.3.4:1\n"), 1):
            group.rewrite(wrong)
            group.signal(signal.SIGUSR2)
            poll(lambda n=number: group.running.stderr().count("Loading failure!") == n, "a complaint")  # type: ignore[misc]
            assert group.get().startswith(OK)
        poll(lambda: set(workers) <= set(group.workers()), "the old workers")
        group.rewrite(CONFIG)
        group.signal(signal.SIGUSR2)
        poll(lambda: not set(workers) & set(group.workers()) and len(group.workers()) == 2, "new workers")
        assert group.get().startswith(OK)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_soft_stop_finishes_what_is_under_way(threads: int) -> None:
    with Group(CONFIG.replace("nbthread 2", f"nbthread {threads}")) as group:
        idle = group.connect()
        assert ask(idle).startswith(OK)
        group.origin.hold()
        socks = open_and_ask(group, 6)
        poll(lambda: len(group.origin.held) == 6, "six requests")
        group.signal(signal.SIGUSR1)
        poll(lambda: _refused(group.web), "a refusal")
        assert idle.recv(10) == b""
        group.origin.release()
        for sock in socks:
            answer = sock.recv(4096)
            assert answer.startswith(OK)
            assert sock.recv(10) == b""
        close_all([idle, *socks])
        assert group.running.process.wait(10) == 0


@pytest.mark.parametrize("threads", [1, 2])
def test_hard_stop_after_ends_what_does_not(threads: int) -> None:
    config = CONFIG.replace("nbthread 2", f"nbthread {threads}").replace("after 20s", "after 500ms")
    with Group(config) as group:
        group.origin.hold()
        socks = open_and_ask(group, 3)
        poll(lambda: len(group.origin.held) == 3, "three requests")
        start = time.monotonic()
        group.signal(signal.SIGUSR1)
        group.running.process.wait(20)
        assert time.monotonic() - start >= 0.4
        assert "soft-stop running for too long" in group.running.stderr()
        close_all(socks)


def test_workers_end_with_a_killed_supervisor() -> None:
    with Group(CONFIG) as group:
        workers = group.workers()
        group.signal(signal.SIGKILL)
        poll(lambda: all(state(pid) in "ZX" for pid in workers), "the end of the workers")


def _refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_the_origin_counts() -> None:
    """The instrument itself: most requests at a time, requests."""
    origin = Origin()
    origin.hold()
    socks = [socket.create_connection(("127.0.0.1", origin.port)) for _ in range(3)]
    for sock in socks:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
    poll(lambda: len(origin.held) == 3, "three requests")
    origin.release()
    assert all(sock.recv(100).startswith(OK) for sock in socks)
    assert (origin.most, origin.requests) == (3, 3)
    close_all(socks)
    origin.close()
