"""Where `bind` lines listen, and what a reload makes of a socket whose line has changed, beside the real haproxy."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from frontends import handing
from tests.adversity.group import children, poll
from tests.harness.ports import Reservation
from tests.harness.products import Product, Running, haproxy26, lacking_oracle, pyhaproxy

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())

LINES = (
    ":{p}", "*:{p}", "*:{p} v4v6", "*:{p} v6only", "127.0.0.1:{p}", ":::{p}", "[::]:{p}", "ipv6@:{p}", "ipv6@*:{p}", "ipv6@:::{p}",
    ":::{p} v6only", ":::{p} v4v6", ":::{p} v4v6 v6only", "::1:{p}", "[::1]:{p}", "[::1]:{p} v4v6", "::ffff:127.0.0.1:{p}", "ipv4@:{p}",
)  # fmt: skip
CONFIG = """
global
    stats socket {folder}/s level admin expose-fd listeners
defaults
    mode http
    timeout client 9s
    timeout server 9s
    timeout connect 9s
frontend f
    bind {line}
"""
SOL_IPV6, SO_BINDTODEVICE, TCP_FASTOPEN = 41, 25, 23
CHANGES = (
    "127.0.0.1:{p} backlog 7", "127.0.0.1:{p} defer-accept", "127.0.0.1:{p} tfo mss 700", "127.0.0.1:{p} interface lo", "127.0.0.1:{p}",
    ":::{p} v6only", ":::{p}",
)  # fmt: skip


def reaches(host: str, port: int) -> bool:
    """Whether somebody listens there."""
    with contextlib.suppress(OSError):
        socket.create_connection((host, port), 10).close()
        return True
    return False


def reached(product: Product, ports: dict[str, int]) -> dict[str, tuple[bool, bool]]:
    """By line: (over IPv4, over IPv6)."""
    lines = "".join(f"    bind {line.replace('{p}', str(port))}\n" for line, port in ports.items())
    config = f"defaults\n    mode http\n    timeout client 9s\nfrontend f\n{lines}"
    with product.start(config, ports.values()):
        return {line: (reaches("127.0.0.1", port), reaches("::1", port)) for line, port in ports.items()}


def test_same_families() -> None:
    with Reservation() as taken:
        ports = {line: taken.take() for line in LINES}
        taken.release()
        theirs = reached(haproxy26(), ports)
        ours = reached(pyhaproxy(), ports)
    assert ours == theirs


def options(path: str, port: int) -> list[dict[str, object]]:
    """What the listening sockets on a port are set to, as the runtime socket hands them out."""
    found, given = [], handing.take(path)
    for one in given:
        with socket.socket(fileno=os.dup(one.fd)) as sock:
            if sock.family == socket.AF_UNIX or sock.getsockname()[1] != port:
                continue
            found.append({
                "family": sock.family.name,
                "interface": sock.getsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, 16).rstrip(b"\0"),
                "v6only": sock.family == socket.AF_INET6 and sock.getsockopt(SOL_IPV6, socket.IPV6_V6ONLY),
                "defer-accept": bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT)),
                "tfo": bool(sock.getsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN)),
                "mss": sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG),
            })  # fmt: skip
    handing.close(one.fd for one in given)
    return found


def reload(run: Running, config: str) -> None:
    """Returns when no worker of before is left. A signal that haproxy's master has lost is sent again."""
    before = set(children(run.pid))
    loaded = run.stderr().count("Loading success.")
    sent = 0.0

    def done() -> bool:
        nonlocal sent
        if run.stderr().count("Loading success.") > loaded:
            return not before & set(children(run.pid))
        if time.monotonic() > sent + 5:
            os.kill(run.pid, signal.SIGUSR2)
            sent = time.monotonic()
        return False

    (run.folder / "haproxy.cfg").write_text(config)
    poll(done, f"a reload; said {run.stderr()}", 60)


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A short path, for sockets."""
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def changed(product: Product) -> list[list[dict[str, object]]]:
    """The settings of the socket under each line of CHANGES."""
    found = []
    with Reservation() as taken, folder() as place:
        port = taken.take()
        configs = [CONFIG.format(folder=place, line=line.format(p=port)) for line in CHANGES]
        taken.release()
        with product.start(configs[0], [port], flags=("-W",)) as run:
            poll(lambda: "Loading success." in run.stderr(), "the start")
            for number, config in enumerate(configs):
                if number:
                    reload(run, config)
                found.append(options(f"{place}/s", port))
    return found


@pytest.mark.timeout(300)
def test_a_reload_changes_what_a_line_says() -> None:
    theirs, ours = changed(haproxy26()), changed(pyhaproxy())
    assert dict(zip(CHANGES, ours, strict=True)) == dict(zip(CHANGES, theirs, strict=True))
