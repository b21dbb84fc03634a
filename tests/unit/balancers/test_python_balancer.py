"""balance python.NAME: what the class sees, what it may answer, what its faults do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import balancers
import haproxy_py
from balancers import registry
from balancers.python import PythonBalancer
from balancers.testing import Pool
from haproxy_py.config.keywords import python_load
from tests.harness.ports import Reservation
from tests.harness.products import pyhaproxy

DOCS = Path(__file__).parents[3] / "docs" / "balancers.md"


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers goes with it."""
    monkeypatch.setattr(registry, "_table", dict(registry._table))
    yield


class Last:
    """The last one offered."""

    def __init__(self) -> None:
        self.seen: list[list[str]] = []
        self.told: list[tuple[str, float, bool]] = []

    def pick(self, servers: list[Any], request: Any) -> Any:
        self.seen.append([server.name for server in servers])
        return servers[-1]

    def answered(self, server: Any, seconds: float, failed: bool) -> None:
        self.told.append((server.name, seconds, failed))


class Wrong:
    def pick(self, servers: list[Any], request: Any) -> Any:
        raise SystemExit("no")


def pool(cls: type, weights: list[int], **more: Any) -> tuple[Pool, PythonBalancer]:
    made = Pool(lambda: PythonBalancer("x", cls), weights, **more)  # type: ignore[arg-type]
    assert isinstance(made.balancer, PythonBalancer)
    return made, made.balancer


def test_the_offered_are_those_that_can_serve() -> None:
    made, balancer = pool(Last, [1, 1, 1, 1, 1], backups=(3, 4), maxconn=[0, 1, 1, 0, 0])
    last = balancer.made
    assert isinstance(last, Last)
    assert [made.take() for _ in range(3)] == [2, 1, 0]
    assert last.seen == [["s0", "s1", "s2"], ["s0", "s1"], ["s0"]]
    made.down(0)
    assert made.take() is None
    made.down(1)
    made.down(2)
    assert made.take() == 3
    made.up(0)
    made.free(1)
    made.up(1)
    found = balancer.next_server(None, made.servers[1])
    assert found is made.servers[0]
    assert balancer.next_server(None, made.servers[0]) is made.servers[1]
    made.down(1)
    assert balancer.next_server(None, made.servers[0]) is made.servers[0]


def test_answers() -> None:
    made, balancer = pool(Last, [1, 2])
    made.answered(1, 2500, failed=True)
    last = balancer.made
    assert isinstance(last, Last) and last.told == [("s1", 0.0025, True)]


def test_facts_of_a_server() -> None:
    class Facts:
        def pick(self, servers: list[Any], request: Any) -> Any:
            one = servers[0]
            assert (one.name, one.id, one.weight, one.streams, one.queued, one.maxconn, one.backup) == ("s0", 9, 7, 1, 0, 3, False)
            assert repr(one) == "<server s0>" and one.data is None
            assert (request.src, request.method, request.target, request.header("host")) == ("", "", "", None)
            return one

    made, balancer = pool(Facts, [7], ids=[9], maxconn=[3])
    told: list[str] = []
    balancer.complain = told.append
    made.limit(0, 3, 1)
    assert made.pick() == 0 and told == []


@pytest.mark.parametrize("answer", [None, "s0", 0])
def test_round_robin_stands_in(answer: object) -> None:
    class Odd:
        def pick(self, servers: list[Any], request: Any) -> Any:
            return answer

    made, balancer = pool(Odd, [1, 1, 1])
    told: list[str] = []
    balancer.complain = told.append
    assert made.picks(4) == [0, 1, 2, 0]
    assert len(told) == (answer is not None)


def test_a_fault_is_told_once() -> None:
    made, balancer = pool(Wrong, [2, 1])
    told: list[str] = []
    balancer.complain = told.append
    assert made.picks(3) == [0, 0, 1]
    assert told == ["Backend b: balance python.x failed, round robin stands in: SystemExit: no"]


def test_registration() -> None:
    haproxy_py.balancer("last")(Last)
    row = balancers.find("python.last")
    assert row is not None and row.make().made.__class__ is Last
    with pytest.raises(RuntimeError, match=r"balance 'python\.last' registered by"):
        haproxy_py.balancer("last")(Last)
    with pytest.raises(TypeError, match=r"has no method pick\(servers, request\)"):
        haproxy_py.balancer("other")(object)
    with pytest.raises(ValueError, match="a name of one word"):
        haproxy_py.balancer("two words")(Last)


CONFIG = """defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend f
  bind 127.0.0.1:{front}
  http-response set-header x-s %s
  default_backend b
backend b
  balance python.field
  server s0 127.0.0.1:{inner}
  server s1 127.0.0.1:{inner}
frontend inner
  bind 127.0.0.1:{inner}
  http-request return status 200
"""


def test_a_request_is_seen() -> None:
    seen = []

    class Field:
        def pick(self, servers: list[Any], request: Any) -> Any:
            seen.append((request.src, request.method, request.target, request.header("Host"), request.header("x-none")))
            return servers[int(request.header("x-want"))]

    haproxy_py.balancer("field")(Field)
    with Reservation() as ports:
        asyncio.run(wanted(CONFIG.format(front=ports.take(), inner=ports.take())))
    assert seen[0] == ("127.0.0.1", "GET", "/a?b", "h", None)


async def wanted(config: str) -> None:
    async with haproxy_py.Proxy.from_text(config) as proxy:
        host, port = proxy.addresses["f"][0]
        reader, writer = await asyncio.open_connection(host, port)
        for want in (b"1", b"0", b"1", b"x"):
            writer.write(b"GET /a?b HTTP/1.1\r\nhost: h\r\nx-want: " + want + b"\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"x-s: s" + (b"0" if want == b"x" else want) in head
        writer.close()


def errors(text: str) -> str:
    with pytest.raises(haproxy_py.ConfigurationError) as caught:
        haproxy_py.Proxy.from_text(text)
    return str(caught.value)


@pytest.mark.parametrize(
    "line, told",
    [
        ("balance python.none", "balance 'python.none' : no Python balancer of this name is registered; "),
        ("balance python.last 3", "balance python.last takes no other argument (got '3')."),
        ("balance ewma 0", "balance ewma expects a time from 1ms to 1d (got '0')."),
        ("balance ewma 25h", "balance ewma expects a time from 1ms to 1d (got '25h')."),
        ("balance ewma 1s 2s", "balance ewma takes no other argument (got '2s')."),
    ],
)
def test_refusals(line: str, told: str) -> None:
    haproxy_py.balancer("last")(Last)
    assert f"parsing [<text>:2] : {told}" in errors(f"backend b\n {line}\n server s 127.0.0.1:1\n")


def test_files_that_cannot_be_loaded(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("1 / 0\n")
    text = f"global\n python-load {broken}\n python-load no.such.module\n python-load ./absent.py\n python-load\n"
    found = errors(text).split("\n")
    assert found[0] == f"parsing [<text>:2] : 'python-load' : cannot load '{broken}': ZeroDivisionError: division by zero"
    assert "'no.such.module': ModuleNotFoundError: No module named 'no'" in found[1]
    assert "cannot load './absent.py': FileNotFoundError" in found[2]
    assert found[3] == "parsing [<text>:5] : 'python-load' expects a file or the name of a module as argument."


def test_a_file_is_run_once(tmp_path: Path) -> None:
    one = tmp_path / "one.py"
    one.write_text(f"open({str(tmp_path / 'runs')!r}, 'a').write('x')\n")
    python_load.load_file(str(one))
    python_load.load_file(str(one))
    assert (tmp_path / "runs").read_text() == "x"


def test_the_example_of_the_documentation_with_two_workers(tmp_path: Path) -> None:
    code = re.search(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert code is not None
    (tmp_path / "fastest.py").write_text(code[1])
    with Reservation() as ports:
        front, inner = ports.take(), ports.take()
        text = CONFIG.format(front=front, inner=inner).replace("python.field", "python.fastest")
        text = f"global\n  nbthread 2\n  python-load {tmp_path}/fastest.py\n{text}"
        with pyhaproxy().start(text, [front, inner]):
            asyncio.run(many(front))


async def many(port: int) -> None:
    for _ in range(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()
