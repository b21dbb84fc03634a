"""A reload of the master begins with what the checks had found; what the runtime socket had changed is forgotten."""

from __future__ import annotations

import signal
import socket
import time
from pathlib import Path

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import pyhaproxy

CONFIG = """global
 stats socket {folder}/sock level admin
 nbthread 2
defaults
 mode http
 timeout client 5s
 timeout server 5s
 timeout connect 1s
listen b
 bind 127.0.0.1:{front}
 server s1 127.0.0.1:{dead} check inter 60s
 server s3 127.0.0.1:{dead}
"""
pytestmark = pytest.mark.timeout(60)


def states(folder: Path) -> list[list[str]]:
    """`show servers state`: name, operational and administrative state, rise/fall counter of each server; [] while none answers."""
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(20)
            sock.connect(str(folder / "sock"))
            sock.sendall(b"show servers state\n")
            text = b"".join(iter(lambda: sock.recv(65536), b"")).decode()
    except OSError:
        return []
    words = [line.split() for line in text.split("\n")[2:] if line]
    return [[w[3], w[5], w[6], w[12]] for w in words]


def wait_for(folder: Path, wanted: list[list[str]]) -> None:
    end = time.monotonic() + 15
    found = states(folder)
    while found != wanted:
        assert time.monotonic() < end, f"the servers stand at {found}, not at {wanted}"
        time.sleep(0.05)
        found = states(folder)


def test_states_survive_a_reload(tmp_path: Path) -> None:
    """The first check of the new configuration would come too late to have found the server down itself."""
    with Reservation() as ports:
        front, dead = ports.take(), ports.take()
        text = CONFIG.format(folder=tmp_path, front=front, dead=dead)
        with pyhaproxy().start(text, [front], ("-W", "-db")) as running:
            wait_for(tmp_path, [["s1", "0", "0", "0"], ["s3", "2", "0", "2"]])
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(str(tmp_path / "sock"))
                sock.sendall(b"set server b/s3 state maint\n")
                sock.recv(100)
            running.process.send_signal(signal.SIGUSR2)
            wait_for(tmp_path, [["s1", "0", "0", "0"], ["s3", "2", "0", "2"]])
            assert running.stderr().count("Server b/s1 is DOWN") == 1
