"""A check that only connects is over before the server's program is told of a connection, on the real haproxy and on ours."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, lacking_oracle, pyhaproxy

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())
CONFIG = """defaults
 timeout connect 5s
 timeout client 5s
 timeout server 5s
listen l
 bind 127.0.0.1:{port}
 server silent 127.0.0.1:{silent} check inter 50ms
 server told 127.0.0.1:{told} check send-proxy inter 50ms
"""
CHECKS = 20


class Server:
    """Counts the connections that it is given."""

    def __init__(self) -> None:
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.accepted = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                self.sock.accept()[0].close()
            except OSError:
                return
            self.accepted += 1


@pytest.mark.parametrize("product", [haproxy26(), pyhaproxy()], ids=lambda product: product.name)
def test_the_server_is_not_told(product: Product) -> None:
    silent, told = Server(), Server()
    with Reservation() as taken:
        port = taken.take()
        with product.start(CONFIG.format(port=port, silent=silent.port, told=told.port), [port]):
            end = time.monotonic() + 60
            while told.accepted < CHECKS:  # a check that says something is a connection like any other
                assert time.monotonic() < end, "nobody checks"
                time.sleep(0.02)
    # the kernel sends the ACK all the same when the checking process is held up for 40 ms
    assert silent.accepted <= CHECKS // 2
