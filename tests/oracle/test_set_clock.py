"""Somebody sets the machine's clock: ages and rates go on as they were, dates follow. Beside the real haproxy."""

from __future__ import annotations

import csv
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.adversity.group import poll
from tests.harness.ports import Reservation
from tests.harness.products import Product, Running, haproxy26, haproxy28, lacking_oracle, pyhaproxy
from tests.harness.runtime_client import ask
from tests.harness.set_clock import WallClock
from tests.harness.wire import take_turns

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle() or "has an oracle")
DAY_S = 86400
CONFIG = """\
global
  stats socket {sock} level admin
  log stdout format raw local0
defaults
  mode http
  log global
  timeout client 20s
  timeout server 20s
  timeout connect 20s
frontend f
  log-format "[%t] %HP"
  bind 127.0.0.1:{web}
  http-request use-service prometheus-exporter if {{ path /metrics }}
  http-request return status 200 if {{ path /here }}
  default_backend b
backend b
  server up 127.0.0.1:{web} weight 10
  server off 127.0.0.1:{web} disabled
  server down 127.0.0.1:{web} check inter 1h
  server slow 127.0.0.1:{web} weight 100 slowstart 1h
  http-request set-path /here
"""


def ages(sock: Path, port: int) -> dict[str, bool]:
    """Every age that is told, and the percent of slowstart: whether it is one of this test, which is far from an hour old."""
    found: dict[str, str] = {}
    for row in csv.DictReader(ask(sock, "show stat").decode().removeprefix("# ").splitlines()):
        found |= {
            f"{row['pxname']}/{row['svname']} {name}": row[name]
            for name in ("lastchg", "downtime", "lastsess", "throttle")
        }
    for line in ask(sock, "show servers state b").decode().strip().splitlines()[2:]:
        found[f"state of {line.split()[3]}"] = line.split()[9]
    found["Uptime_sec"] = re.search(rb"Uptime_sec: (-?\d+)", ask(sock, "show info"))[1].decode()  # type: ignore[index]
    for name, value in re.findall(
        r"^haproxy_((?:process_uptime|server_check_last_change|backend_last_session)_seconds.*) (\S+)$",
        metrics(port),
        re.M,
    ):
        found[name] = value
    return {
        name: -1 <= float(value) < 50 * (1 if name.endswith("throttle") else 60)
        for name, value in found.items()
        if value
    }


def metrics(port: int) -> str:
    with socket.create_connection(("127.0.0.1", port), 20) as sock:
        sock.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        said = b""
        while part := sock.recv(65536):
            said += part
    return said.decode()


def day_of(line: str) -> int:
    """Days since the epoch of a date in a log."""
    return int(time.mktime(time.strptime(line[1:21], "%d/%b/%Y:%H:%M:%S"))) // DAY_S


def dated(running: Running, port: int) -> int:
    """The day in the line of one more request."""
    before = running.stdout().count(" /\n")
    take_turns(port, ["/"], 1)
    poll(lambda: running.stdout().count(" /\n") > before, "the request is logged")
    return day_of([line for line in running.stdout().splitlines() if line.endswith(" /")][-1])


def played(product: Product, clock: WallClock, sock: Path) -> list[dict[str, bool]]:
    """After each setting, and with servers whose states change then: which ages are right."""
    told = []
    with Reservation() as ports:
        web = ports.take()
        clock.set(0)
        with clock.of(product).start(CONFIG.format(sock=sock, web=web), [web]) as running:
            today = dated(running, web)
            ask(sock, "set server b/slow state maint; set server b/slow state ready")
            for days in (0, 10, -10, 0):
                clock.set(days * DAY_S)
                poll(lambda: dated(running, web) - today in (days, days + 1), f"dates {days} days later")  # noqa: B023 - called at once
                told.append(ages(sock, web))
                ask(sock, "set server b/off state ready; set server b/down health down")
                told.append(ages(sock, web))
                ask(sock, "set server b/off state maint; set server b/down health up")
                told.append(ages(sock, web))
    return told


@pytest.mark.parametrize("oracle", [haproxy26, haproxy28])
def test_ages_go_on(oracle: Callable[[], Product], tmp_path: Path) -> None:
    clock = WallClock(tmp_path)
    theirs = played(oracle(), clock, tmp_path / "their.sock")
    told = played(pyhaproxy(), clock, tmp_path / "our.sock")
    for found, wanted in zip(told, theirs, strict=True):
        assert all(found.values()), found
        assert all(wanted.values()), wanted
        assert wanted.keys() <= found.keys()
