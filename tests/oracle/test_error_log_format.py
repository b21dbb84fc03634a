"""error-log-format is for what never became a stream; unique ids are made when something asks for them; text in a line ends at a NUL."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, haproxy28, lacking_oracle, pyhaproxy

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle() or "has an oracle")
CONFIG = """\
global
  log stdout format raw local0
defaults
  log global
  timeout client 20s
  timeout server 20s
  timeout connect 20s
  timeout http-keep-alive 400ms
  retries 0
frontend f
  mode http
  bind 127.0.0.1:{http}
  log-format "LOG %ts %ST id=%ID/%[unique-id] rt=%rt be=%[be_name] bin=%[bin(00ff0a22)]/%[bin(4100ff)]/%{{+Q}}[bin(41ff22)]"
  error-log-format "ERR %ts %ST id=%ID rt=%rt be=%[be_name] %b"
  unique-id-format u%rt
  http-request deny if {{ path /deny }}
  http-request return status 200 hdr id %[unique-id] if {{ path /return }}
  default_backend none
frontend h
  mode http
  timeout client 400ms
  bind 127.0.0.1:{hasty}
  log-format "LOG %ts %ST id=%ID/%[unique-id] rt=%rt be=%[be_name] bin=%[bin(00ff0a22)]/%[bin(4100ff)]/%{{+Q}}[bin(41ff22)]"
  error-log-format "ERR %ts %ST id=%ID rt=%rt be=%[be_name] %b"
  unique-id-format u%rt
  http-request deny if {{ path /deny }}
  http-request return status 200 hdr id %[unique-id] if {{ path /return }}
  default_backend none
frontend t
  mode tcp
  bind 127.0.0.1:{tcp}
  unique-id-format v%rt
  log-format "TCP %ts %ID/%[unique-id] %rt"
  error-log-format "ERR %ts %ID"
  default_backend dead
frontend p
  mode http
  bind 127.0.0.1:{proxy} accept-proxy
  log-format "LOG %ts"
  error-log-format "ERR %ts %ST %ci %b rt=%rt"
  unique-id-format w%rt
frontend q
  mode tcp
  bind 127.0.0.1:{tcpproxy} accept-proxy
  unique-id-format x%rt
  log-format "TCP %ts %rt"
  error-log-format "ERR %ts id=%ID/%[unique-id] rt=%rt"
  default_backend dead
backend none
  mode http
backend dead
  mode tcp
  server s 127.0.0.1:{dead}
"""
ASKED = [
    ("http", b"GET /deny HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("http", b"GET /return HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("http", b"GET /none HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("http", b"GARBAGE\r\n\r\n"),
    ("hasty", b""),
    ("hasty", b"GET / HT"),
    ("tcp", b""),
    ("proxy", b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("tcpproxy", b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
]


def told(product: Product) -> tuple[list[str], list[str]]:
    """The lines of the log, one for each of ASKED, and the ids in replies."""
    with Reservation() as ports:
        numbers = {name: ports.take() for name in ("http", "hasty", "tcp", "proxy", "tcpproxy", "dead")}
        with product.start(CONFIG.format(**numbers), [numbers[name] for name in ("http", "hasty", "tcp", "proxy", "tcpproxy")]) as running:
            ids = []
            for count, (name, what) in enumerate(ASKED, 1):
                with socket.create_connection(("127.0.0.1", numbers[name]), 20) as sock:
                    sock.sendall(what)
                    said = all_of(sock)
                ids += re.findall(r"^id: (.*)\r$", said.decode("latin-1"), re.MULTILINE)
                end = time.monotonic() + 20
                while running.stdout().count("\n") < count and time.monotonic() < end:
                    time.sleep(0.01)
            return running.stdout().split("\n"), ids


def all_of(sock: socket.socket) -> bytes:
    """What comes until the other side has nothing more to say, or has said an answer whole."""
    found = b""
    try:
        while data := sock.recv(65536):
            found += data
            if found.endswith(b"\r\n\r\n") and b"content-length: 0" in found:
                break
    except ConnectionResetError:
        pass
    return found


@pytest.mark.parametrize("oracle", [haproxy26, haproxy28])
def test_the_same_lines(oracle: Callable[[], Product]) -> None:
    theirs, ours = told(oracle()), told(pyhaproxy())
    assert ours == theirs
    assert len(ours[0]) == len(ASKED) + 1 and ours[1] == ["u1"]
