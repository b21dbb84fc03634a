"""`shutdown sessions server` beside the real haproxy: what the client of a stream gets that waits for its reply."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.adversity.group import poll
from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, pyhaproxy

CONFIG = """
global
    stats socket {path} level admin
defaults
    mode {mode}
    timeout connect 1s
    timeout client 10s
    timeout server 10s
listen l
    bind 127.0.0.1:{port}
    server s 127.0.0.1:{server}
"""


def command(path: Path, text: str) -> bytes:
    """One command of the runtime socket; its whole answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(10)
        sock.connect(str(path))
        sock.sendall(text.encode() + b"\n")
        found = b""
        while part := sock.recv(4096):
            found += part
        return found


def told(product: Product, folder: Path, mode: str) -> bytes:
    """What the client gets when the sessions of its silent server are shut down."""
    path = folder / f"{product.name}.sock"
    with Reservation() as ports, socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(10)
        port = ports.take()
        text = CONFIG.format(path=path, port=port, server=silent.getsockname()[1], mode=mode)
        with product.start(text, [port]), socket.create_connection(("127.0.0.1", port), 10) as client:
            client.sendall(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            with silent.accept()[0] as server:
                server.settimeout(10)
                assert server.recv(4096).startswith(b"GET / ")
                poll(path.exists, "the runtime socket")
                command(path, "shutdown sessions server l/s")
                found = b""
                while part := client.recv(4096):
                    found += part
                return found


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_the_client_is_told_as_by_haproxy(tmp_path: Path, mode: str) -> None:
    oracle = haproxy26()
    if oracle.missing:
        if os.environ.get("CI") == "true":
            pytest.fail(f"the oracle must be installed in CI: {oracle.missing}")
        pytest.skip(oracle.missing)
    ours = told(pyhaproxy(), tmp_path, mode)
    assert ours == told(oracle, tmp_path, mode)
    assert ours.startswith(b"HTTP/1.1 502 ") == (mode == "http")
