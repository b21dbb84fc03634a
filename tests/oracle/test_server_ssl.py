"""`set server B/S ssl on|off` beside haproxy 2.8: which servers may, what traffic and checks speak then, state files."""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.harness.eitherway import EitherWay, either_way
from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy28, lacking_oracle, pyhaproxy
from tests.harness.runtime_client import ask

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle() or "-")

HEAD = """\
global
  stats socket {folder}/admin level admin
  server-state-file {folder}/state
  nbthread 1
defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 5s
  http-reuse always
  load-server-state-from-file global
frontend f
  bind 127.0.0.1:{port}
  use_backend %[path,field(2,/)]
"""
WORDS = """\
backend b
  server plain 127.0.0.1:{origin} verify none
  server on 127.0.0.1:{origin} ssl verify none
  server sni 127.0.0.1:{origin} verify none sni str(x)
  server chk 127.0.0.1:{origin} check-ssl verify none
  server nossl 127.0.0.1:{origin} no-ssl verify none
backend ds
  default-server ssl verify none
  server in 127.0.0.1:{origin}
  server off 127.0.0.1:{origin} no-ssl
  server-template t 2 127.0.0.1:{origin} no-ssl
backend dv
  default-server verify none
  server in 127.0.0.1:{origin}
backend hc
  option httpchk
  http-check connect ssl
  server a 127.0.0.1:{origin} verify none
backend tc
  option tcp-check
  tcp-check connect ssl
  server a 127.0.0.1:{origin} verify none
"""
SERVERS = [f"b/{name}" for name in ("plain", "on", "sni", "chk", "nossl")] + [
    "ds/in", "ds/off", "ds/t1", "dv/in", "hc/a", "tc/a",
]  # fmt: skip
QUESTIONS = [f"set server {server} ssl {word}" for server in SERVERS for word in ("on", "off", "", "ON", "on more")] + [
    "add server b/dyn 127.0.0.1:{origin} ssl verify none", "set server b/dyn ssl off", "add server ds/dyn 127.0.0.1:{origin}",
    "set server ds/dyn ssl on", "set server b/on SSL on", "set server b/on ssl on", "set server ds/in ssl off", "show servers state",
]  # fmt: skip
CHECKED = {
    "ssl": "ssl check", "nossl": "no-ssl check", "checkssl": "no-ssl check check-ssl", "port": "no-ssl check port {origin}",
    "addr": "no-ssl check addr 127.0.0.1", "never": "ssl check no-check-ssl", "nevernow": "no-ssl check no-check-ssl",
}  # fmt: skip


def on(product: Product, origin: EitherWay, backends: str, act: Callable[[Path, int], object], state: str = "") -> object:
    """What `act` (folder of the sockets, port) finds on a running product."""
    with tempfile.TemporaryDirectory(prefix="ssl-") as folder, Reservation() as ports:
        port = ports.take()
        Path(folder, "state").write_text(state.format(origin=origin.port))
        text = (HEAD + backends).format(folder=folder, port=port, origin=origin.port)
        with product.start(text, [port]):
            return act(Path(folder, "admin"), port)


def beside(origins: tuple[EitherWay, EitherWay], backends: str, act: Callable[..., object], state: str = "") -> list[object]:
    """The same on haproxy 2.8 and ours, each with an origin of its own."""
    with ThreadPoolExecutor(2) as pool:
        return list(
            pool.map(
                lambda product, origin: on(product, origin, backends, lambda *place: act(origin, *place), state),
                (haproxy28(), pyhaproxy()), origins,
            )
        )  # fmt: skip


@pytest.fixture
def origins() -> object:
    with either_way() as one, either_way() as other:
        yield one, other


def test_which_servers_may_and_what_is_answered(origins: tuple[EitherWay, EitherWay]) -> None:
    def act(origin: EitherWay, admin: Path, port: int) -> list[str]:
        told = [ask(admin, line.format(origin=origin.port)).decode().rstrip("\n") for line in QUESTIONS]
        shown = [line.split() for line in told.pop().split("\n")[2:]]
        return [*told, " ".join(f"{words[1]}/{words[3]} {words[20]}" for words in shown)]

    theirs, ours = beside(origins, WORDS, act)
    assert isinstance(theirs, list) and isinstance(ours, list)
    assert dict(zip(QUESTIONS, ours, strict=True)) == dict(zip(QUESTIONS, theirs, strict=True))


def fetch(sock: socket.socket, path: str) -> str:
    """The body of one request on a kept connection."""
    sock.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    reply = b""
    while b"\r\n\r\n" not in reply or len(reply.partition(b"\r\n\r\n")[2]) < int(reply.lower().split(b"content-length: ")[1].split()[0]):
        data = sock.recv(65536)
        assert data, reply
        reply += data
    return reply.partition(b"\r\n\r\n")[2].decode()


def test_traffic_speaks_what_was_set_and_idle_connections_of_the_other_kind_are_gone(origins: tuple[EitherWay, EitherWay]) -> None:
    """The numbers of the connections show which were used again."""

    def act(origin: EitherWay, admin: Path, port: int) -> list[str]:
        found = []
        with socket.create_connection(("127.0.0.1", port), 20) as kept:
            for backend in ("b", "ds"):
                for word in ("", "on", "off", "off", "on"):
                    if word:
                        ask(admin, f"set server {backend}/on ssl {word}")
                    with socket.create_connection(("127.0.0.1", port), 20) as fresh:
                        found += [fetch(kept, f"/{backend}/"), fetch(kept, f"/{backend}/"), fetch(fresh, f"/{backend}/")]
        return found

    backends = """\
backend b
  server on 127.0.0.1:{origin} ssl verify none sni str(x)
backend ds
  default-server ssl verify none
  server on 127.0.0.1:{origin} no-ssl
"""
    theirs, ours = beside(origins, backends, act)
    assert ours == theirs
    assert {body[0] for body in ours[:3]} == {"T"}  # type: ignore[index]


def test_which_checks_follow(origins: tuple[EitherWay, EitherWay]) -> None:
    """Those of servers that began without TLS, of their own address and without a word about TLS; one that began with it keeps it."""

    def seen(origin: EitherWay, since: int) -> set[tuple[str, str]]:
        return {(kind, path) for kind, path in origin.asked[since:]}

    def act(origin: EitherWay, admin: Path, port: int) -> list[set[tuple[str, str]]]:
        found = []
        for word in ("", "on", "off"):
            for name in CHECKED if word else ():
                ask(admin, f"set server {name}/a ssl {word}")
            end = time.monotonic() + 15
            for _ in range(2):  # a check that had begun before may speak as before
                since = len(origin.asked)
                while {path for _, path in seen(origin, since)} != {f"/{name}" for name in CHECKED}:
                    assert time.monotonic() < end
                    time.sleep(0.02)
            found.append(seen(origin, since))
        return found

    backends = "".join(
        f"backend {name}\n  option httpchk GET /{name}\n  default-server ssl verify none inter 50\n  server a 127.0.0.1:{{origin}} {words}\n"
        for name, words in CHECKED.items()
    )
    theirs, ours = beside(origins, backends, act)
    assert ours == theirs
    assert ours[1] - ours[0] == {("T", "/nossl")}  # type: ignore[index]


def test_a_state_file_brings_it_back(origins: tuple[EitherWay, EitherWay]) -> None:
    kinds = {"s": "ssl", "n": "no-ssl", "p": "", "c": "check-ssl"}
    numbers = ["1", "0", "-1", "5", "x"]
    names = [(f"{kind}{at}", words, number) for kind, words in kinds.items() for at, number in enumerate(numbers)]

    def act(origin: EitherWay, admin: Path, port: int) -> list[str]:
        state = ask(admin, "show servers state").decode().split("\n")[2:]
        shown = [f"{line.split()[3]} {line.split()[20]}" for line in state if line]
        with socket.create_connection(("127.0.0.1", port), 20) as sock:
            return shown + [fetch(sock, "/b/")[0] for _ in names]

    lines = "".join(f"  server {name} 127.0.0.1:{{origin}} {words} verify none\n" for name, words, _ in names)
    state = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight and so on\n" + "".join(
        f"3 b {at} {name} 127.0.0.1 2 0 1 1 1 1 0 2 0 0 0 0 - {{origin}} - {number} 0 - - 0\n" for at, (name, _, number) in enumerate(names, 1)
    )
    theirs, ours = beside(origins, "backend b\n" + lines, act, state)
    assert ours == theirs
    assert isinstance(ours, list)
    assert "c0 1" in ours and "T" in ours
