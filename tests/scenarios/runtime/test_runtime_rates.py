"""Limits on the rates of the whole process, two workers: nobody is lost, and no second has more than the limit allows."""

from __future__ import annotations

import socket
import ssl
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from tests.harness.certs import Authority
from tests.harness.ports import Reservation
from tests.scenarios.runtime.stage import Stage, fetch, stage, until

LIMIT = 4
MORE = """
global
  maxconnrate {limit}
frontend other
  bind 127.0.0.1:{other}
  bind 127.0.0.1:{tls} ssl crt {crt}
  default_backend b
"""


def all_at_once(asks: list[Callable[[], int]]) -> list[int]:
    """Statuses of requests that are made at the same time."""
    found: list[int] = []
    threads = [threading.Thread(target=lambda ask=ask: found.append(ask())) for ask in asks]  # type: ignore[misc]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def over_tls(port: int) -> int:
    """Status of one request over TLS."""
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    with trust.wrap_socket(socket.create_connection(("127.0.0.1", port), 20)) as sock:
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return int(sock.recv(4096).split()[1])


def info(on: Stage, name: str) -> int:
    """A number of `show info`."""
    return next(int(line.split(": ")[1]) for line in on.ask("show info").split("\n") if line.startswith(f"{name}: "))


def begin_anew(on: Stage, limits: str) -> None:
    """Set limits and forget the peaks, those of the current second too."""
    on.ask(limits)
    until(lambda: info(on, "ConnRate") == info(on, "SessRate") == 0, "a second without connections")
    on.ask("clear counters all")


def limits(on: Stage) -> list[int]:
    return [info(on, name) for name in ("ConnRateLimit", "SessRateLimit", "SslRateLimit")]


def test_rates_of_the_process() -> None:
    with tempfile.TemporaryDirectory() as folder, Reservation() as ports:
        crt = Path(folder, "a.pem")
        crt.write_bytes(Authority.new().issue("a.example").bundle)
        other, tls = ports.take(), ports.take()
        with stage(more=MORE.format(limit=LIMIT, other=other, tls=tls, crt=crt)) as on:
            assert limits(on) == [LIMIT, 0, 0]
            both = [lambda port=port: fetch(port)[0] for port in (on.port, other)]
            assert all_at_once(both * 5) == [200] * 10
            assert 0 < info(on, "MaxConnRate") <= LIMIT
            assert info(on, "CumConns") >= 10

            begin_anew(on, "set rate-limit connections global 0;set rate-limit sessions global 3")
            assert limits(on) == [0, 3, 0]
            assert all_at_once(both * 3) == [200] * 6
            assert 0 < info(on, "MaxSessRate") <= 3

            begin_anew(on, "set rate-limit sessions global 0;set rate-limit ssl-sessions global 2")
            assert limits(on) == [0, 0, 2]
            assert all_at_once([lambda: over_tls(tls)] * 4) == [200] * 4
            assert 0 < info(on, "MaxConnRate") <= 2
            on.ask("set rate-limit http-compression global 5")
            assert info(on, "CompressBpsRateLim") == 5120
