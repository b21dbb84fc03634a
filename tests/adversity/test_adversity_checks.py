"""Bad days of the checker: everything dies at once, descriptors run out, another worker takes over."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import socket
from collections.abc import Callable

from backends import state
from backends.checks.scheduler import Checker
from tests.adversity.lab import GET, Lab, run
from tests.harness.checks import Bench
from tests.harness.wire import HEAD

MANY = 500


def listening() -> socket.socket:
    """A socket whose backlog takes what is checked: nobody accepts."""
    return socket.create_server(("127.0.0.1", 0), backlog=4096)


def bench(sock: socket.socket, servers: int, options: str = "inter 100ms rise 2 fall 2") -> Bench:
    port = sock.getsockname()[1]
    return Bench("backend b\n" + "".join(f" server s{i} 127.0.0.1:{port} check {options}\n" for i in range(servers)))


def sockets() -> int:
    """How many are open in this process."""
    gc.collect()
    names = [os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
    return sum(os.path.lexists(name) and os.readlink(name).startswith("socket:") for name in names)


async def until(condition: Callable[[], bool], what: str) -> None:
    end = asyncio.get_running_loop().time() + 20
    while not condition():
        assert asyncio.get_running_loop().time() < end, f"waited in vain for {what}"
        await asyncio.sleep(0.01)


def test_five_hundred_servers_die_at_once_and_come_back() -> None:
    async def scenario() -> None:
        sock = listening()
        address = sock.getsockname()
        made = bench(sock, MANY)
        made.start()
        await until(lambda: all(made.facts(f"s{i}")["check_status"] == 4 for i in range(MANY)), "first checks")
        assert made.told() == []
        turns = 0

        def beside() -> None:
            nonlocal turns
            turns += 1
            asyncio.get_running_loop().call_soon(beside)

        sock.close()
        asyncio.get_running_loop().call_soon(beside)
        await until(lambda: all(made.facts(f"s{i}")["state"] == state.STOPPED for i in range(MANY)), "their end")
        assert turns > MANY / 4  # others had their turn while they died
        lines = made.told()
        assert sum("is DOWN, reason: Layer4 connection problem" in line for line in lines) == MANY
        assert lines[-1] == "backend b has no server available!"
        again = socket.create_server(address, backlog=4096)
        await until(lambda: all(made.facts(f"s{i}")["state"] != state.STOPPED for i in range(MANY)), "their return")
        assert sum("is UP, reason: Layer4 check passed" in line for line in made.told()) == MANY
        made.stop()
        again.close()

    asyncio.run(scenario())


def test_without_descriptors_checks_fail_and_recover() -> None:
    async def scenario() -> None:
        sock = listening()
        made = bench(sock, 3, "inter 200ms rise 1 fall 1")
        made.start()
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        await until(lambda: all(made.facts(f"s{i}")["check_status"] == 4 for i in range(3)), "first checks")
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
        try:
            await until(lambda: all(made.facts(f"s{i}")["state"] == state.STOPPED for i in range(3)), "the failure")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        assert 'reason: Socket error, info: "Too many open files"' in made.told()[0]
        await until(lambda: all(made.facts(f"s{i}")["state"] != state.STOPPED for i in range(3)), "the recovery")
        made.stop()
        sock.close()

    asyncio.run(scenario())
    before = sockets()
    asyncio.run(scenario())
    assert sockets() == before


def test_another_checker_goes_on_without_a_flap() -> None:
    async def scenario() -> None:
        sock, gone = listening(), listening()
        ports = [each.getsockname()[1] for each in (sock, gone)]
        gone.close()
        made = Bench("backend b\n" + "".join(f" server s{i} 127.0.0.1:{port} check inter 30ms rise 3 fall 3\n" for i, port in enumerate(ports)))
        made.start()
        await until(lambda: made.facts("s1")["state"] == state.STOPPED, "the dead one")
        made.checker.stop()
        made.told()
        facts = [made.facts(name) for name in ("s0", "s1")]
        heir = Checker(made.checker.config, made.world.lookup, made.log, life=made.life)
        heir.prepare()
        assert [made.facts(name)["health"] for name in ("s0", "s1")] == [each["health"] for each in facts]
        heir.start(made.reactor)
        await asyncio.sleep(0.3)
        heir.stop()
        assert made.told() == []
        assert [made.facts(name)["state"] for name in ("s0", "s1")] == [each["state"] for each in facts]
        made.stop()
        sock.close()

    asyncio.run(scenario())


def test_traffic_goes_on_while_checks_fail() -> None:
    async def scenario(lab: Lab) -> None:
        lab.origin("s")
        dead = "".join(f"    server d{i} 127.0.0.1:{{nobody}} check inter 20ms rise 1 fall 1\n" for i in range(200))
        await lab.start("backend b\n    server s 127.0.0.1:{s}\nbackend ill\n" + dead)
        for _ in range(60):
            client = await lab.client()
            await client.run([GET, HEAD])
            assert bytes(client.received[9:12]) == b"200"
        await until(lambda: all(lab.total("chkdown", f"d{i}", "ill") for i in range(200)), "failing checks")

    run(scenario)
