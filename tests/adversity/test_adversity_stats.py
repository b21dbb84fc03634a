"""Two workers, one of them killed: the statistics stay exact, whichever worker gives them."""

from __future__ import annotations

import csv
import io
import os
import signal
import socket
from pathlib import Path

from tests.adversity.group import poll
from tests.harness.ports import Reservation
from tests.harness.products import pyhaproxy

CONFIG = """global
  nbthread 2
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend fe
  bind 127.0.0.1:{fe}
  http-request return status 200
frontend st
  bind 127.0.0.1:{st}
  stats uri /
"""


def ask(port: int, times: int = 1) -> bytes:
    got = b""
    for _ in range(times):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as c:
            c.sendall(b"GET /;csv HTTP/1.0\r\n\r\n")
            got = b""
            while data := c.recv(65536):
                got += data
    return got


def totals(port: int) -> dict[str, str]:
    text = ask(port).partition(b"\r\n\r\n")[2].decode()
    return next(row for row in csv.DictReader(io.StringIO(text)) if row["# pxname"] == "fe")


def workers(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_counters_survive_a_killed_worker() -> None:
    with Reservation() as taken:
        ports = {"fe": taken.take(), "st": taken.take()}
        with pyhaproxy().start(CONFIG.format(**ports), ports.values()) as running:
            ask(ports["fe"], 150)
            poll(lambda: totals(ports["st"])["scur"] == "0", "the end of the last connection")
            before = totals(ports["st"])
            assert (before["stot"], before["req_tot"], before["hrsp_2xx"]) == ("150", "150", "150")
            old = workers(running.pid)
            assert len(old) == 2
            os.kill(old[0], signal.SIGKILL)
            poll(lambda: len(set(workers(running.pid)) - {old[0]}) == 2, "another worker")
            ask(ports["fe"], 50)
            poll(lambda: totals(ports["st"])["scur"] == "0", "the end of the last connection")
            after = [totals(ports["st"]) for _ in range(6)]
    assert {(row["stot"], row["req_tot"], row["hrsp_2xx"], row["scur"]) for row in after} == {("200", "200", "200", "0")}
    assert all(int(row["rate_max"]) <= 200 and int(row["bout"]) == int(before["bout"]) * 200 // 150 for row in after)
