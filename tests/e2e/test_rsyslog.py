"""Debian's rsyslog receives the lines: over UDP and over a socket like that of a chroot, with the files of etc/rsyslog.d."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import unavailable
from tests.harness.ports import Reservation
from tests.harness.products import ROOT, Product

SNIPPETS = ROOT / "etc/rsyslog.d"
WAIT_SECONDS = 10.0
LINES = 120
BATCH = 6  # a UNIX socket holds ten datagrams by default (net.unix.max_dgram_qlen); what comes on top is lost, in HAProxy too
pytestmark = pytest.mark.timeout(60)


class Rsyslog:
    """rsyslogd in a folder of its own: UDP on `port`, a socket at `socket`; lines in `udp.log` and `unix.log`."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port, self.socket = folder, port, folder / "dev-log"
        udp = (SNIPPETS / "49-haproxy-udp.conf").read_text().replace('port="514"', f'port="{port}"')
        unix = (SNIPPETS / "49-haproxy.conf").read_text().replace("/var/lib/haproxy/dev/log", str(self.socket))
        unix = unix.replace('module(load="imuxsock")', 'module(load="imuxsock" SysSock.Use="off")')
        text = udp.replace("/var/log/haproxy.log", str(folder / "udp.log")) + unix.replace("/var/log/haproxy.log", str(folder / "unix.log"))
        (folder / "rsyslog.conf").write_text(f'global(workDirectory="{folder}")\n{text}')
        program = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"
        words = [program, "-n", "-f", str(folder / "rsyslog.conf"), "-i", str(folder / "pid")]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.wait(self.socket.exists, "its socket")

    def wait(self, there: Callable[[], bool], what: str) -> None:
        """Until there() is true. Raises: AssertionError."""
        end = time.monotonic() + WAIT_SECONDS
        while not there():
            assert self.process.poll() is None, "rsyslogd has ended"
            assert time.monotonic() < end, f"rsyslogd never showed {what}"
            time.sleep(0.02)

    def requests(self, name: str) -> list[str]:
        """The access lines in a file."""
        path = self.folder / name
        return [row for row in path.read_text().splitlines() if "GET /line-" in row] if path.exists() else []

    def close(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=10)


@pytest.fixture
def rsyslog() -> Iterator[Rsyslog]:
    if not Path("/usr/sbin/rsyslogd").exists():
        unavailable("rsyslogd is not installed")
    with tempfile.TemporaryDirectory(prefix="rsyslog-") as folder, Reservation() as ports:
        port = ports.take()
        running = Rsyslog(Path(folder), port)
        yield running
        running.close()


def test_every_line_arrives(product: Product, rsyslog: Rsyslog) -> None:
    with Reservation() as ports:
        port = ports.take()
        config = f"""global
    log 127.0.0.1:{rsyslog.port} local2
    log {rsyslog.socket} local0
defaults
    mode http
    log global
    option httplog
    timeout client 5s
    timeout connect 5s
    timeout server 5s
listen web
    bind 127.0.0.1:{port}
    http-request return status 200
"""
        with product.start(config, [port]):
            for first in range(0, LINES, BATCH):
                urls = [f"http://127.0.0.1:{port}/line-{n}" for n in range(first, first + BATCH)]
                subprocess.run(["curl", "-s", *urls], check=True, timeout=30, stdout=subprocess.DEVNULL)
                for name in ("udp.log", "unix.log"):
                    rsyslog.wait(lambda: len(rsyslog.requests(name)) >= first + BATCH, f"line {first + BATCH} in {name}")  # noqa: B023
            for name in ("udp.log", "unix.log"):
                rows = rsyslog.requests(name)
                assert [row[row.index('"GET') :] for row in rows] == [f'"GET /line-{n} HTTP/1.1"' for n in range(LINES)]
                assert all(" haproxy[" in row and " web web/<NOSRV> " in row for row in rows)
