"""Global words and flags that bound something: -N, -dR, -dV, noreuseport, thread-hard-limit, tune.http.cookielen, sizes of buffers in the kernel."""

from __future__ import annotations

import csv
import io
import re
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from frontends.bind import kernel_buffers
from haproxy_py import features
from haproxy_py.config.reader import load
from haproxy_py.process.options import Options
from haproxy_py.process.settings import preset, settings
from haproxy_py.tls.pem import PemError, load_certificate
from haproxy_py.tls.words import SERVER_VERIFY
from tests.harness.certs import Authority
from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, haproxy28, lacking_oracle, pyhaproxy
from tests.harness.runtime_client import ask

oracle = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())
PROXIES = """defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 10s
"""


def slims(product: Product, path: Path) -> dict[str, str]:
    """The limits of two frontends, one of which says its own, with -N 7."""
    with Reservation() as taken:
        ports = [taken.take(), taken.take()]
        text = f"global\n  stats socket {path}\n{PROXIES}listen a\n  bind 127.0.0.1:{ports[0]}\nlisten b\n  maxconn 5\n  bind 127.0.0.1:{ports[1]}\n"
        with product.start(text, ports, ("-db", "-N", "7")):
            table = list(csv.reader(io.StringIO(ask(path, "show stat").decode())))
    return {row[0]: row[table[0].index("slim")] for row in table if row[1:2] == ["FRONTEND"]}


@oracle
def test_default_of_maxconn(tmp_path: Path) -> None:
    seen = [slims(product, tmp_path / str(n)) for n, product in enumerate((haproxy26(), pyhaproxy()))]
    assert seen[1] == seen[0] == {"a": "7", "b": "5"}


@oracle
@pytest.mark.parametrize("flags, words", [(("-db", "-dR"), ""), (("-db",), "noreuseport")])
def test_nobody_beside(flags: tuple[str, ...], words: str) -> None:
    """Without SO_REUSEPORT a second process does not get the port of the first one."""
    with Reservation() as taken:
        port = taken.take()
        taken.release()
        text = f"global\n  {words}\n{PROXIES}listen a\n  bind 127.0.0.1:{port}\n"
        said = []
        for product in (haproxy26(), pyhaproxy()):
            with product.start(text, [port], flags):
                outcome = product.check(text, flags)
            said.append((outcome.code, re.findall(r"cannot bind socket \(.*?\)", outcome.stderr)))
    assert said[1] == said[0]
    assert said[0][0] == 1


COOKIES = """global
  {words}
{proxies}frontend a
  bind 127.0.0.1:1
  capture cookie SID len {length}
listen b
  bind 127.0.0.1:2
  capture cookie SID len {length}
frontend c
  bind 127.0.0.1:3
  capture cookie SID len 5
"""


@oracle
@pytest.mark.parametrize(
    "words, length",
    [
        ("", 63),
        ("", 64),
        ("tune.http.cookielen 20", 20),
        ("tune.http.cookielen 20", 21),
        ("tune.http.cookielen 100", 100),
    ],
)
def test_length_of_cookies(words: str, length: int) -> None:
    text = COOKIES.format(words=words, proxies=PROXIES, length=length)
    newest = haproxy26() if haproxy28().missing else haproxy28()
    said = [re.findall(r"truncating .*", product.check(text).stderr) for product in (newest, pyhaproxy())]
    assert said[1] == said[0]
    assert bool(said[0]) == (length in (64, 21))


def pushed(words: str) -> int:
    """Bytes that a server can push towards a client that does not read, until a second passes without any."""
    with Reservation() as taken, socket.create_server(("127.0.0.1", 0)) as origin:
        port = taken.take()
        text = f"global\n{words}{PROXIES}listen a\n  mode tcp\n  bind 127.0.0.1:{port}\n  server s 127.0.0.1:{origin.getsockname()[1]}\n"
        with pyhaproxy().start(text, [port]), socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", port))
            origin.settimeout(20)
            server, _ = origin.accept()
            with server, suppress(TimeoutError):
                server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
                server.settimeout(1)
                sent = 0
                while sent < 2_000_000:
                    sent += server.send(b"x" * 4096)
    return sent


def test_buffers_in_the_kernel() -> None:
    words = ("tune.sndbuf.client", "tune.rcvbuf.client", "tune.sndbuf.server", "tune.rcvbuf.server", "tune.pipesize")
    assert pushed("".join(f"  {word} 4096\n" for word in words)) < 200_000


def test_buffers_of_listeners() -> None:
    features.load()
    config, _ = load([], texts=[("a", b"global\n tune.rcvbuf.client 30000\n tune.sndbuf.client 20000\n")])
    with socket.create_server(("127.0.0.1", 0)) as door:
        kernel_buffers(config, door.fileno())
        assert (
            door.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF),
            door.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF),
        ) == (60000, 40000)


def test_limit_of_workers() -> None:
    features.load()
    config, faults = load([], texts=[("a", b"global\n nbthread 3\n thread-hard-limit 2\n")])
    assert settings(config, Options()).workers == 2
    assert [str(fault) for fault in faults.found] == [
        "config : 'nbthread 3' is more than 'thread-hard-limit 2' allows: 2 it is."
    ]


def test_unverified_servers() -> None:
    features.load()
    flags = preset(Options(no_server_verify=True))
    assert load([], texts=[("a", b"global\n")], preset=flags)[0].globals[SERVER_VERIFY] == "none"
    assert (
        load([], texts=[("a", b"global\n ssl-server-verify required\n")], preset=flags)[0].globals[SERVER_VERIFY]
        == "required"
    )


def test_short_names_of_extra_files(tmp_path: Path) -> None:
    leaf = Authority.new().issue("a.example")
    path = tmp_path / "x.crt"
    path.write_bytes(leaf.cert_pem)
    (tmp_path / "x.key").write_bytes(leaf.key_pem)
    assert load_certificate(str(path), short=True).kind == "ecdsa"
    with pytest.raises(PemError, match=r"x\.crt\.key"):
        load_certificate(str(path))


@oracle
@pytest.mark.parametrize("word", ["", "ssl-load-extra-del-ext"])
def test_short_names_in_a_file(tmp_path: Path, word: str) -> None:
    leaf = Authority.new().issue("a.example")
    (tmp_path / "x.crt").write_bytes(leaf.cert_pem)
    (tmp_path / "x.key").write_bytes(leaf.key_pem)
    text = f"global\n  {word}\n{PROXIES}listen a\n  bind 127.0.0.1:1 ssl crt {tmp_path}/x.crt\n"
    codes = [product.check(text).code for product in (haproxy26(), pyhaproxy())]
    assert codes[1] == codes[0] == (0 if word else 1)
