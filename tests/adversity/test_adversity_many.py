"""Numbers: ten thousand idle connections (less what a limit of 20,000 descriptors leaves no room for), a million requests, with memory and descriptors looked at."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.adversity.group import SLOW, Group, ask, descriptors, poll, raise_descriptors, resident, slow

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
REQUESTS = 1_000_000
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


def _wrk(port: int, seconds: int) -> int:
    """Returns: how many requests were answered; none may fail."""
    command = ["wrk", "-t1", "-c64", f"-d{seconds}s", f"http://127.0.0.1:{port}/"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60).stdout
    assert "Socket errors" not in told and "Non-2xx" not in told, told
    found = re.search(r"(\d+) requests in", told)
    assert found is not None, told
    return int(found[1])


@slow
@pytest.mark.timeout(900)
def test_a_million_requests_leave_memory_and_descriptors_flat() -> None:
    if shutil.which("wrk") is None:
        pytest.fail("wrk is not installed")
    with Group(CONFIG) as group:
        pid = group.workers()[0]
        done = _wrk(group.web, 5)
        before, fds = resident(pid), descriptors(pid)
        while done < REQUESTS:
            done += _wrk(group.web, 20)
        poll(lambda: group.numbers().proxies["web"][0] == 0, "the end of all")
        print(f"{done} requests: {(resident(pid) - before) / 1024:.0f} KiB more, {descriptors(pid) - fds} descriptors more")
        assert resident(pid) - before < 1 << 20
        assert descriptors(pid) <= fds
        assert group.numbers().servers["b", "s"][2] >= REQUESTS
