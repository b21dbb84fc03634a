"""What commands of the runtime socket do to the columns of `show stat`, beside the real haproxy: states, limits, cookies."""

from __future__ import annotations

import csv
import io
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, lacking_oracle, pyhaproxy
from tests.harness.runtime_client import ask

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle() or "-")

CONFIG = """global
  nbthread {workers}
  maxconn 200
  stats socket {folder}/admin level admin
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend f
  bind 127.0.0.1:{port}
  maxconn 50
  http-request return status 200
frontend g
  bind 127.0.0.1:{other}
  http-request return status 200
backend b
  server s1 127.0.0.1:1 check inter 1h rise 2 fall 3
  server s2 127.0.0.1:1 track s1
  server s3 127.0.0.1:1 track s2
backend d
  dynamic-cookie-key abc
  cookie D insert dynamic
  server w1 127.0.0.1:7
  server w2 127.0.0.1:8 cookie own
  server w3 127.0.0.1:9 disabled
"""
COLUMNS = ("status", "slim", "cookie", "tracked", "addr", "weight")
STORY = [
    "disable frontend f", "enable frontend f", "set maxconn frontend f 0", "disable frontend f", "shutdown frontend f", "shutdown frontend g",
    "set server b/s1 health down", "set server b/s1 health up", "set server b/s1 state drain", "set server b/s1 health stopping",
    "set server b/s1 state ready", "set server b/s1 state maint", "set server b/s1 state ready", "disable health b/s1",
    "set server b/s1 state drain", "set server b/s1 state ready", "set server b/s3 state drain", "disable server b/#3",
    "set server d/w1 addr 127.0.0.5", "set server d/w3 addr [::1]", "disable dynamic-cookie backend d", "set dynamic-cookie-key backend d xyz",
    "enable dynamic-cookie backend d", "enable server d/w3",
]  # fmt: skip
QUESTIONS = [
    "show stat f 1 -1", "show stat nosuch 1 1", "show stat a b c", "show stat typed desc up", "show stat b 4 2", "show stat b 4 foo",
    "show sess 0x99", "shutdown session", "shutdown session x", "shutdown session 0", "set server b/s1 addr 127.0.0.1 port",
    "disable server b/#9",
]  # fmt: skip


@contextmanager
def served(product: Product, workers: int = 1) -> Iterator[tuple[str, int]]:
    """(runtime socket, port of the frontend f)."""
    with tempfile.TemporaryDirectory(prefix="rt-") as folder, Reservation() as ports:
        port, other = ports.take(), ports.take()
        config = CONFIG.format(folder=folder, port=port, other=other, workers=workers)
        with product.start(config, [port, other]):
            path, end = f"{folder}/admin", time.monotonic() + 20
            while b"L4CON" not in stat(path):
                assert time.monotonic() < end, "the first check does not come"
                time.sleep(0.02)
            yield path, port


def stat(path: str) -> bytes:
    """`show stat`, or nothing when nobody serves the socket yet."""
    try:
        return ask(path, "show stat")
    except OSError:
        return b""


def states(path: str) -> list[list[str]]:
    """The chosen columns of every row."""
    rows = csv.DictReader(io.StringIO(stat(path).decode().lstrip("# ")))
    return [[row["pxname"], row["svname"], *(row[name] for name in COLUMNS)] for row in rows]


def told(product: Product) -> list[tuple[str, object]]:
    with served(product) as (path, port):
        told: list[tuple[str, object]] = [("start", states(path))]
        for line in STORY:
            told += [(line, ask(path, line).rstrip(b"\n").replace(b"%d" % port, b"PORT")), (line, states(path))]
        for line in QUESTIONS:
            told.append((line, [part[:40] for part in ask(path, line).rstrip(b"\n").split(b"\n")]))
        return told


def test_the_same_columns_behind_every_command() -> None:
    theirs, ours = told(haproxy26()), told(pyhaproxy())
    assert [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]] == []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_frontend_with_maxconn_0_lets_nobody_in_until_it_is_raised(workers: int) -> None:
    with served(pyhaproxy(), workers) as (path, port):
        assert ask(path, "set maxconn frontend f 0") == b"\n"
        clients = [socket.create_connection(("127.0.0.1", port), 20) for _ in range(4)]
        for client in clients:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert [row[3] for row in states(path)][0] == "0"
        clients[0].settimeout(0.3)
        with pytest.raises(TimeoutError):
            clients[0].recv(1)
        assert ask(path, "set maxconn frontend f 1") == b"\n"
        for client in clients:
            client.settimeout(20)
            assert client.recv(12) == b"HTTP/1.1 200"
            client.close()


def test_startup_logs_are_what_the_start_printed() -> None:
    with tempfile.TemporaryDirectory(prefix="rt-") as folder, Reservation() as ports:
        port, other = ports.take(), ports.take()
        config = CONFIG.format(folder=folder, port=port, other=other, workers=2).replace("timeout connect 5s\n", "")
        with pyhaproxy().start(config, [port, other]) as running:
            end = time.monotonic() + 20
            while not stat(f"{folder}/admin"):
                assert time.monotonic() < end, "nobody serves the runtime socket"
                time.sleep(0.02)
            logs = ask(f"{folder}/admin", "show startup-logs").decode()
            printed = running.stderr()
    assert "[WARNING]" in logs
    assert printed.startswith(logs.rstrip("\n"))
