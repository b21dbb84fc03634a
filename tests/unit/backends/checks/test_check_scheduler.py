"""Checks against scripted servers on loopback: what each kind of trouble is called, and what it does to the shared state."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from backends import state
from backends.checks.plan import first_delays
from backends.checks.status import Finding
from tests.harness.certs import Authority
from tests.harness.checks import Bench

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
pytestmark = pytest.mark.timeout(30)


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of a server."""

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the check has gone, or the test is over
        finally:
            writer.close()

    server = await asyncio.start_server(run, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


def reply(data: bytes, seen: list[bytes] | None = None) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(got)
        writer.write(data)
        await writer.drain()

    return handler


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def shouting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)
    await reader.read()


async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def result(text: str, handler: Handler, tls: ssl.SSLContext | None = None) -> tuple[str, int, str]:
    """(status, code, info) of one check of `server s 127.0.0.1:PORT check` in a backend with `text`."""

    async def run() -> Finding:
        async with serving(handler, tls) as port:
            return await Bench("backend b\n" + text.format(f"server s 127.0.0.1:{port} check") + "\n").once()

    finding = asyncio.run(run())
    return finding.status.name, finding.code, finding.info


HTTP = " option httpchk\n {}"


def test_troubles_have_haproxys_names() -> None:
    assert result(" {}", silent) == ("L4OK", 0, "")
    assert result(HTTP, reply(OK)) == ("L7OK", 200, "")
    assert result(HTTP, reply(b"HTTP/1.1 503 Busy\r\n\r\n")) == ("L7STS", 503, "Busy")
    assert result(HTTP, reply(b"garbage\r\n\r\n")) == ("L7RSP", 0, "")
    assert result(HTTP, reply(b"")) == ("L7RSP", 0, "")
    assert result(HTTP, silent) == ("L7TOUT", 0, "")
    assert result(HTTP, resetting) == ("SOCKERR", 0, "Connection reset by peer")
    assert result(" {} check-ssl verify none", shouting) == ("L6RSP", 0, "SSL handshake failure")
    assert result(" {} check-ssl verify none", silent) == ("L6TOUT", 0, "")


def test_a_refused_connection() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        finding = asyncio.run(Bench(f"backend b\n server s 127.0.0.1:{held.getsockname()[1]} check\n").once())
    assert (finding.status.name, finding.info) == ("L4CON", "Connection refused")


def test_a_full_backlog_is_a_connect_timeout() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        finding = asyncio.run(Bench(f"backend b\n server s 127.0.0.1:{port} check\n").once())
        for filler in fillers:
            filler.close()
    assert finding.status.name == "L4TOUT"


def test_a_check_over_tls(tmp_path: Path) -> None:
    authority = Authority.new()
    (tmp_path / "site.pem").write_bytes(authority.issue("localhost").bundle)
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    (tmp_path / "other.pem").write_bytes(Authority.new("Other").pem)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "site.pem")
    trusting, other = f"ca-file {tmp_path / 'ca.pem'}", f"ca-file {tmp_path / 'other.pem'}"
    assert result(" {} ssl verify none", silent, tls)[0] == "L6OK"
    assert result(f" {{}} ssl verify required {trusting}", silent, tls)[0] == "L6OK"
    assert result(f" {{}} ssl verify required verifyhost localhost {trusting}", silent, tls)[0] == "L6OK"
    assert result(f" {{}} ssl verify required verifyhost elsewhere {trusting}", silent, tls)[0] == "L6RSP"
    assert result(f" {{}} ssl verify required {other}", silent, tls)[0] == "L6RSP"
    assert result(HTTP + " ssl verify none", reply(OK), tls) == ("L7OK", 200, "")


def test_own_port_turns_the_servers_tls_and_proxy_header_off() -> None:
    async def run() -> list[bytes]:
        seen: list[bytes] = []
        async with serving(reply(OK, seen)) as port:
            for options in ("send-proxy", f"send-proxy port {port}", f"port {port} send-proxy-v2 check-send-proxy"):
                bench = Bench(f"backend b\n option httpchk\n server s 127.0.0.1:{port} check {options}\n")
                await bench.once()
        return seen

    first, second, third = asyncio.run(run())
    assert first.startswith(b"PROXY TCP4 127.0.0.1 127.0.0.1 ")
    assert second.startswith(b"OPTIONS / HTTP/1.0\r\n")
    assert third.startswith(b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00OPTIONS") or third == b"\r\n\r\n"


def test_states_counters_and_words() -> None:
    """A server goes down at its first failure, up after two successes; its backend has nobody in between."""

    async def run() -> Bench:
        answers = [b"HTTP/1.1 500 No\r\n\r\n", OK, OK]

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reply(answers.pop(0))(reader, writer)

        async with serving(handler) as port:
            bench = Bench(f"backend b\n option httpchk\n server s 127.0.0.1:{port} check\n server t 127.0.0.1:1 backup disabled\n")
            for _ in range(3):
                await bench.once()
        return bench

    bench = asyncio.run(run())
    assert [(level, text.partition(",")[0]) for level, text in bench.logged] == [
        (1, "Server b/s is DOWN"),
        (0, "backend b has no server available!"),
        (5, "Server b/s is UP"),
    ]
    assert [message.word for message in bench.said] == ["WARNING", "ALERT", "WARNING"]
    facts = bench.facts()
    assert (facts["state"], facts["health"], facts["active"], facts["backups"]) == (state.RUNNING, 4, 1, 0)
    assert facts["tot_weight"] == 16


def test_404_takes_new_sessions_away_and_keeps_the_rest() -> None:
    async def run() -> Bench:
        answers = [b"HTTP/1.1 404 Gone\r\n\r\n", b"HTTP/1.1 500 No\r\n\r\n", b"HTTP/1.1 404 Gone\r\n\r\n", OK]

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reply(answers.pop(0))(reader, writer)

        async with serving(handler) as port:
            lines = f" option httpchk\n http-check disable-on-404\n server s 127.0.0.1:{port} check rise 1 fall 1\n"
            bench = Bench("backend b\n" + lines)
            for _ in range(4):
                await bench.once()
        return bench

    bench = asyncio.run(run())
    assert [text.split(",")[0] for _, text in bench.logged] == [
        "Server b/s is stopping",
        "backend b has no server available!",
        "Server b/s is DOWN",
        "Server b/s is UP",
    ]
    assert [level for level, _ in bench.logged] == [5, 0, 5, 5]


def test_every_check_is_logged_when_asked_for() -> None:
    async def run() -> Bench:
        async with serving(reply(OK)) as port:
            bench = Bench(f"backend b\n option httpchk\n option log-health-checks\n server s 127.0.0.1:{port} check\n")
            for _ in range(3):
                await bench.once()
        return bench

    logged = asyncio.run(run()).logged
    assert len(logged) == 1
    assert logged[0][1].startswith("Health check for server b/s succeeded, reason: Layer7 check passed, code: 200, check duration: ")
    assert logged[0][1].endswith("ms, status: 3/3 UP.")


def test_the_state_header() -> None:
    async def run() -> list[bytes]:
        seen: list[bytes] = []
        async with serving(reply(OK, seen)) as port:
            bench = Bench(f"backend b\n option httpchk\n http-check send-state\n server s 127.0.0.1:{port} check weight 30\n")
            await bench.once()
            await bench.once()
        return seen

    first, second = asyncio.run(run())
    assert b"x-haproxy-server-state: UP 1/3; address=127.0.0.1; port=" in first
    assert b"x-haproxy-server-state: UP; address=" in second
    assert b"; name=b/s; node=" in first and b"; weight=30/30; scur=0/0; qcur=0\r\n" in first


def test_first_states() -> None:
    for word, up, value in (("up", True, 2), ("fully-up", True, 4), ("down", False, 1), ("fully-down", False, 0)):
        facts = Bench(f"backend b\n server s 127.0.0.1:1 check init-state {word}\n").facts()
        assert (facts["state"] == state.RUNNING, facts["health"]) == (up, value)
        assert facts["active"] == int(up)


def test_a_server_in_maintenance_is_left_alone() -> None:
    bench = Bench("backend b\n server s 127.0.0.1:1 check disabled\n")
    assert not bench.checker.checks[0].wanted()


def test_the_schedule_runs_and_stops() -> None:
    async def run() -> tuple[int, Bench]:
        seen: list[bytes] = []
        async with serving(reply(OK, seen)) as port:
            bench = Bench(f"backend b\n option httpchk\n server s 127.0.0.1:{port} check inter 5ms\n")
            bench.start()
            end = asyncio.get_running_loop().time() + 10
            while len(seen) < 3 and asyncio.get_running_loop().time() < end:
                await asyncio.sleep(0.005)
            bench.stop()
        return len(seen), bench

    count, bench = asyncio.run(run())
    assert count >= 3 and bench.checker.reactor is None


def test_first_checks_are_spread_over_the_shortest_long_interval() -> None:
    assert first_delays([2000, 2000, 2000, 2000]) == [0, 500, 1000, 1500]
    assert first_delays([2000, 10000]) == [0, 5000]
    assert first_delays([100, 3000]) == [0, 1500]
    assert first_delays([2000, 10000], max_spread=1000) == [0, 500]
    assert first_delays([]) == []


def test_intervals_follow_health() -> None:
    bench = Bench("backend b\n server s 127.0.0.1:1 check inter 1000 fastinter 100 downinter 5000\n")
    plan = bench.checker.checks[0].plan
    for value, wanted in ((4, 1000), (0, 5000), (1, 100), (3, 100)):
        assert plan.delay(value, 0) == wanted
    assert plan.delay(4, 10, lambda: 0.0) == 1100
    assert plan.delay(4, 10, lambda: 1.0) == 900
