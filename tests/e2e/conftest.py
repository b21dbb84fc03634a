"""Products and real servers for the end-to-end tests.

Every test runs on the packaged haproxy first: that shows that the test is right. Then on pyhaproxy.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.gateways import Gateways, lab_folder
from tests.harness.certs import Authority
from tests.harness.ports import Reservation
from tests.harness.products import ROOT, Product, Running, haproxy26, pyhaproxy

PRODUCTS = {"haproxy": haproxy26, "pyhaproxy": pyhaproxy}
CI = os.environ.get("CI") == "true"


def unavailable(reason: str) -> None:
    """Something that only a prepared machine has: skipped on a developer's machine, a failure in CI."""
    if CI:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session", params=list(PRODUCTS))
def product(request: pytest.FixtureRequest) -> Product:
    """The proxy under test."""
    found = PRODUCTS[request.param]()
    if found.missing:
        unavailable(found.missing)
    return found


@pytest.fixture(scope="session")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateways]:
    """Two gateways for the whole run (about 15 seconds to start)."""
    folder = lab_folder()
    if folder is None:
        unavailable("the gateways' lab is not here: PYHAPROXY_LAB names no folder with rgw-up")
    assert folder is not None
    work = tmp_path_factory.mktemp("rgw") / "lab"
    started = Gateways.start(folder, work)
    yield started
    started.stop()


class Front:
    """The proxy in front of the gateways: its addresses and the running program."""

    def __init__(self, running: Running, http: int, https: int, ca: Path) -> None:
        self.running = running
        self.http = f"http://localhost:{http}"
        self.https = f"https://localhost:{https}"
        self.ca = ca


def ceph_configuration(product: Product, gateways: Gateways, http: int, https: int, pem: Path) -> str:
    """etc/ceph-rgw/haproxy.cfg with this machine's addresses and nothing else changed.

    The oracle gets the first frontend in the form that it still knows.
    """
    text = (ROOT / "etc/ceph-rgw/haproxy.cfg").read_text()
    first = f"frontend http_web 127.0.0.1:{http}"
    if product.name.startswith("haproxy"):
        first = f"frontend http_web\n    bind 127.0.0.1:{http}"
    for old, new in (
        ("frontend http_web *:80", first),
        ("<vip ipv4>:443", f"127.0.0.1:{https}"),
        ("/etc/ssl/private/example.com.pem", str(pem)),
        ("10.0.0.71:80", gateways.addresses[0]),
        ("10.0.0.80:80", gateways.addresses[1]),
    ):
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="session")
def front(product: Product, gateways: Gateways, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """The Ceph example in front of the gateways."""
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority.new()
    (folder / "site.pem").write_bytes(authority.issue("localhost").bundle)
    (folder / "ca.pem").write_bytes(authority.pem)
    with Reservation() as ports:
        http, https = ports.take(), ports.take()
        text = ceph_configuration(product, gateways, http, https, folder / "site.pem")
        running = product.start(text, [http, https])
    with running:
        yield Front(running, http, https, folder / "ca.pem")


@pytest.fixture
def local_port() -> Iterator[int]:
    """A port of 127.0.0.1 for a proxy's bind line."""
    with Reservation() as ports:
        yield ports.take()


@pytest.fixture
def listening_socket() -> Iterator[socket.socket]:
    """A listening socket of 127.0.0.1 for a server of the test's own."""
    sock = socket.create_server(("127.0.0.1", 0), backlog=128)
    yield sock
    sock.close()
