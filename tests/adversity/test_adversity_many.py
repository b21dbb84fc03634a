"""Numbers: ten thousand idle connections (less what a limit of 20,000 descriptors leaves no room for), a million requests, with memory and descriptors looked at."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.adversity.group import SLOW, Group, Load, ask, descriptors, poll, raise_descriptors, resident

CONFIG = """
global
    nbthread 1
    maxconn 9950
defaults
    mode http
    timeout connect 5s
    timeout client 300s
    timeout server 300s
    timeout http-keep-alive 300s
    maxconn 9950
    backlog 4096
frontend web
    bind 127.0.0.1:{web}
    default_backend b
backend b
    server s 127.0.0.1:{s}
"""
IDLE = 9_900 if SLOW else 1_000
REQUESTS = 1_000_000 if SLOW else 10_000
PER_CONNECTION = 2_048


@pytest.mark.timeout(300)
def test_idle_connections_cost_little_and_all_still_serve() -> None:
    assert raise_descriptors() > IDLE + 500
    with Group(CONFIG) as group:
        for _ in range(50):
            group.get()
        pid = group.workers()[0]
        before, fds = resident(pid), descriptors(pid)
        socks = [group.connect() for _ in range(IDLE)]
        for sock in socks:
            assert ask(sock).startswith(b"HTTP/1.1 200")
        each = (resident(pid) - before) / IDLE
        print(f"{IDLE} idle connections: {each:.0f} bytes of memory each")
        assert each < PER_CONNECTION
        assert group.numbers().proxies["web"][0] == IDLE
        assert all(ask(sock).startswith(b"HTTP/1.1 200") for sock in socks[::97])
        for sock in socks:
            sock.close()
        poll(lambda: group.numbers().proxies["web"][0] == 0, "the end of all")
        assert descriptors(pid) <= fds + 3
        assert group.get().startswith(b"HTTP/1.1 200")


def _requests(port: int, at_least: int) -> int:
    """Returns: how many requests were answered, none failed. Many are made by wrk, which must be installed for that."""
    if not SLOW:
        load = Load(port, 16, fresh=False)
        poll(lambda: load.done >= at_least, f"{at_least} requests", 60)
        load.stop()
        assert load.failed == []
        return load.done
    done = 0
    while done < at_least:
        command = ["wrk", "-t1", "-c64", "-d10s", f"http://127.0.0.1:{port}/"]
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
        assert "Socket errors" not in told and "Non-2xx" not in told, told
        found = re.search(r"(\d+) requests in", told)
        assert found is not None, told
        done += int(found[1])
    return done


@pytest.mark.timeout(900)
def test_very_many_requests_leave_memory_and_descriptors_flat() -> None:
    with Group(CONFIG) as group:
        pid = group.workers()[0]
        done = _requests(group.web, REQUESTS // 20)
        before, fds = resident(pid), descriptors(pid)
        done += _requests(group.web, REQUESTS)
        poll(lambda: group.numbers().proxies["web"][0] == 0, "the end of all")
        print(f"{done} requests: {(resident(pid) - before) / 1024:.0f} KiB more, {descriptors(pid) - fds} descriptors more")
        assert resident(pid) - before < 1 << 20
        assert descriptors(pid) <= fds
        assert group.numbers().servers["b", "s"][2] >= REQUESTS
