"""Checks of every kind against the service it was made for: up, killed, down; by the packaged haproxy and by pyhaproxy at once."""

from __future__ import annotations

import csv
import io
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import unavailable
from tests.e2e.services import KINDS, Service, program
from tests.harness.ports import Reservation
from tests.harness.products import haproxy26, pyhaproxy

SECONDS = 30.0
COLUMNS = ("status", "check_status", "check_code", "last_chk", "check_desc", "check_rise", "check_fall", "check_health")
TEXT = """global
 stats socket {path} mode 600 level admin
defaults
 mode {mode}
 timeout connect 2s
 timeout check 2s
 timeout client 2s
 timeout server 2s
listen b
 bind 127.0.0.1:{front}
{lines}
 server s 127.0.0.1:{port} check inter 200ms rise 2 fall 2
"""
Row = dict[str, str]
pytestmark = pytest.mark.timeout(90)


def row(path: Path) -> Row:
    """The columns of the check of the only server."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        sock.sendall(b"show stat\n")
        said = b"".join(iter(lambda: sock.recv(65536), b"")).decode()
    found = next(each for each in csv.DictReader(io.StringIO(said.lstrip("# "))) if each["svname"] == "s")
    return {name: found[name] for name in COLUMNS}


def settled(found: Row) -> bool:
    """No check is under way: from its begin on haproxy has forgotten code and words of the one before."""
    return not found["check_status"].startswith("* ")


def until(paths: list[Path], condition: Callable[[Row], bool], service: Service) -> list[Row]:
    end = time.monotonic() + SECONDS
    rows = [row(path) for path in paths]
    while not all(settled(each) and condition(each) for each in rows):
        assert time.monotonic() < end, (rows, service.said())
        time.sleep(0.02)
        rows = [row(path) for path in paths]
    return rows


@pytest.mark.parametrize("name", list(KINDS))
def test_up_and_killed(name: str, tmp_path: Path) -> None:
    kind, products = KINDS[name], [haproxy26(), pyhaproxy()]
    for missing in (product.missing for product in products if product.missing):
        unavailable(missing)
    if not program(os.path.basename(kind.program)) and not os.path.exists(kind.program):
        unavailable(f"{kind.program} is not installed")
    with Reservation() as ports:
        port, fronts = ports.take(), [ports.take() for _ in products]
        paths = [tmp_path / f"{i}.sock" for i in range(len(products))]
        with Service(kind, port) as service:
            texts = [
                TEXT.format(path=path, mode="http" if "httpchk" in kind.lines else "tcp", front=front, lines=kind.lines, port=port)
                for path, front in zip(paths, fronts, strict=True)
            ]
            running = [product.start(text, [front]) for product, text, front in zip(products, texts, fronts, strict=True)]
            try:
                # the check may have begun before the service: then it comes up
                well = until(paths, lambda found: found["status"] == "UP" and found["check_health"] == "3", service)
                assert well[0] == well[1]
                assert well[0]["check_status"] == kind.status
                service.kill()
                ill = until(paths, lambda found: found["status"] == "DOWN", service)
                assert ill[0] == ill[1]
                assert (ill[0]["check_status"], ill[0]["last_chk"]) == ("L4CON", "Connection refused")
            finally:
                for each in running:
                    each.stop()
