"""maxsslconn: TLS connections of the whole process, two workers; whoever is too many waits until one has ended."""

from __future__ import annotations

import contextlib
import socket
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.harness.certs import Authority
from tests.harness.ports import Reservation
from tests.scenarios.runtime.stage import Stage, fetch, stage, until

LIMIT = 2
MORE = """
global
  maxsslconn {limit}
frontend other
  bind 127.0.0.1:{tls} ssl crt {crt}
  bind 127.0.0.1:{plain}
  use_backend outward if {{ path /outward }}
  default_backend b
backend outward
  server s 127.0.0.1:{tls} ssl verify none
"""


def over_tls(port: int) -> ssl.SSLSocket:
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    return trust.wrap_socket(socket.create_connection(("127.0.0.1", port), 20))


def status(sock: socket.socket) -> int:
    sock.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    return int(sock.recv(4096).split()[1])


def info(on: Stage, name: str) -> int:
    return next(int(line.split(": ")[1]) for line in on.ask("show info").split("\n") if line.startswith(f"{name}: "))


@contextlib.contextmanager
def limited() -> Iterator[tuple[Stage, int, int]]:
    """The stage, a TLS port, a plain port."""
    with tempfile.TemporaryDirectory() as folder, Reservation() as ports:
        crt = Path(folder, "a.pem")
        crt.write_bytes(Authority.new().issue("a.example").bundle)
        tls, plain = ports.take(), ports.take()
        with stage(more=MORE.format(limit=LIMIT, tls=tls, plain=plain, crt=crt)) as on:
            yield on, tls, plain


def test_who_is_too_many_waits_and_plain_ones_go_on() -> None:
    with limited() as (on, tls, plain):
        assert info(on, "MaxSslConns") == LIMIT
        with over_tls(tls) as first, over_tls(tls) as second, socket.create_connection(("127.0.0.1", tls), 20) as third:
            assert [status(first), status(second)] == [200, 200]
            assert info(on, "CurrSslConns") == LIMIT
            assert fetch(plain)[0] == 200
            assert fetch(plain, "/outward")[0] == 500
            assert on.stat("econ", "outward", "BACKEND") == "1"
            assert info(on, "CurrSslConns") == LIMIT
            first.close()
            trust = ssl.create_default_context()
            trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
            with trust.wrap_socket(third) as late:
                assert status(late) == 200
        until(lambda: info(on, "CurrSslConns") == 0, "no TLS connection left")
        assert info(on, "CumSslConns") == LIMIT + 1
