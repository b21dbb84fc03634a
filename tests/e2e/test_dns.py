"""A real nameserver (dnsmasq) whose answers change: every worker sends its requests to the new address, services are shared out."""

from __future__ import annotations

import http.client
import http.server
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.conftest import unavailable
from tests.harness.ports import Reservation
from tests.harness.products import Product
from tests.harness.runtime_client import ask

DNSMASQ = shutil.which("dnsmasq", path="/usr/sbin:/usr/bin:/sbin:/bin")
CONFIG = """\
global
  nbthread 2
  stats socket {folder}/socket level admin
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
resolvers lab
  nameserver n1 127.0.0.1:{dns}
  timeout resolve 200ms
  timeout retry 200ms
  hold obsolete 300ms
  hold nx 300ms
  hold other 300ms
frontend f
  bind 127.0.0.1:{port}
  default_backend b
backend b
  server web web.test:{origin} resolvers lab init-addr none resolve-prefer ipv4
backend services
  server-template s 2 _http._tcp.web.test resolvers lab resolve-prefer ipv4
"""


class Origin(http.server.BaseHTTPRequestHandler):
    """Answers with the address that it was asked at."""

    def do_GET(self) -> None:
        body = str(self.connection.getsockname()[0]).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def nameserver(folder: Path, port: int) -> Iterator[Callable[[str], None]]:
    """dnsmasq; gives a function that changes its hosts."""
    hosts = folder / "hosts"
    hosts.write_text("")
    process = subprocess.Popen(
        [str(DNSMASQ), "--keep-in-foreground", f"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv",
         "--no-hosts", "--conf-file=/dev/null", f"--addn-hosts={hosts}", "--pid-file=", "--user=root", "--local=/test/",
         "--srv-host=_http._tcp.web.test,h1.test,8081,1,2560"],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def change(text: str) -> None:
        hosts.write_text(text)
        process.send_signal(signal.SIGHUP)

    try:
        until(lambda: answers(port), "the nameserver answers")  # before that, the signal of a change would end it
        yield change
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    """Whether the nameserver says anything to a question (for the addresses of `test`)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.2)
        sock.connect(("127.0.0.1", port))
        try:
            sock.send(b"\0\1\1\0\0\1\0\0\0\0\0\0\4test\0\0\1\0\1")
            return bool(sock.recv(512))
        except OSError:
            return False


def until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 15
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def get(port: int) -> str:
    """The body of a request on a connection of its own, so that any worker may have it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        reply = connection.getresponse()
        return reply.read().decode() if reply.status == 200 else str(reply.status)
    finally:
        connection.close()


def test_addresses_change(product: Product, tmp_path: Path) -> None:
    """Requests follow the name, in all workers; a name that is gone costs the server its traffic."""
    if DNSMASQ is None:
        unavailable("dnsmasq is not installed")
    with Reservation() as ports:
        dns, port, origin = ports.take(), ports.take(), ports.take()
        servers = [http.server.ThreadingHTTPServer((ip, origin), Origin) for ip in ("127.0.0.2", "127.0.0.3")]
        for server in servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        config = CONFIG.format(folder=tmp_path, dns=dns, port=port, origin=origin)
        with nameserver(tmp_path, dns) as change, product.start(config, [port]):
            state = lambda: ask(tmp_path / "socket", "show servers state").decode()  # noqa: E731
            for address in ("127.0.0.2", "127.0.0.3"):
                change(f"{address} web.test\n127.0.0.9 h1.test\n")
                until(lambda a=address: f"web {a} 2 0" in state(), state())  # type: ignore[misc]
                until(lambda a=address: {get(port) for _ in range(8)} == {a}, "requests follow")  # type: ignore[misc]
            until(lambda: "s1 127.0.0.9 2 64 10 1" in state() and "h1.test 8081 _http._tcp.web.test" in state(), state())
            change("127.0.0.9 h1.test\n")
            until(lambda: "web - 0 32" in state(), state())
            assert get(port) == "503"
        for server in servers:
            server.shutdown()
            server.server_close()
