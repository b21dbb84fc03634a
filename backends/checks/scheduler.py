"""When every server is checked, and what its findings lead to. Runs in exactly one worker, on its asyncio loop.

    checker = Checker(config, lookup, log)       # before privileges are dropped: it reads what TLS checks need
    checker.prepare()                            # before the fork: first health and state of every checked server
    await checker.start()                        # in the worker that won the election
    await checker.stop()
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from backends import state
from backends.checks.connection import check
from backends.checks.http import Exchange, request_bytes
from backends.checks.monitor import Monitor
from backends.checks.plan import BARE, Plan, TlsMaker, first_delays, make_plan
from backends.checks.report import Message
from backends.checks.rules import Round
from backends.checks.samples import Facts
from backends.checks.status import L4OK, SOCKERR, Finding, Verdict
from backends.checks.tcp import PASSED, Script
from backends.checks.tls import client_context
from backends.life import Life
from haproxy_py.config.keywords.options import LOG_HEALTH_CHECKS
from haproxy_py.config.keywords.server_options import CHECK, INIT_STATE
from haproxy_py.config.model import Config, Proxy, Server
from haproxy_py.engine.shm import ServerSlot

Log = Callable[[Proxy, int, str], None]
Lookup = Callable[[Proxy, Server], ServerSlot | None]
STATE_WORDS = {True: "UP", False: "DOWN"}


def to_stderr(message: Message) -> None:
    """Say it where HAProxy says it while its stderr is open."""
    print(f"{'[' + message.word + ']':<10} ({os.getpid()}) : {message.terminal}", file=sys.stderr, flush=True)


class ServerCheck:
    """The check of one server: its plan, its judge, its next time."""

    def __init__(self, plan: Plan, monitor: Monitor, hostname: str) -> None:
        self.plan = plan
        self.monitor = monitor
        self.hostname = hostname
        self.hurried = asyncio.Event()  # it is to be checked within fastinter

    @property
    def slot(self) -> ServerSlot:
        return self.monitor.slot

    def wanted(self) -> bool:
        """Not in maintenance, and not stopped by the runtime socket."""
        bits = state.check_state(self.slot)
        enabled = bits & (state.CHECK_ENABLED | state.CHECK_PAUSED) == state.CHECK_ENABLED
        return enabled and not state.facts(self.slot)["admin"] & state.MAINT

    def place(self) -> tuple[str, int]:
        """Where the server is now; port -1 with the path of a socket."""
        address = self.plan.server.address
        if address.family == "unix":
            return address.host or "", -1
        if address.family == "abns":
            return "\0" + (address.host or ""), -1
        host, port = state.address(self.slot)
        return (host, port) if host else (address.host or "", address.port)

    def state_header(self) -> str:
        """The value of X-Haproxy-Server-State (manual 4.2, http-check send-state)."""
        facts, health = state.facts(self.slot), self.monitor.health
        value, of = health.progress()
        word = "NOLB" if facts["state"] == state.STOPPING else STATE_WORDS[health.up]
        progress = "" if health.settled else f" {value}/{of}"
        host, port = self.place()
        weight, total = -(-facts["eweight"] // 16), -(-facts["tot_weight"] // 16)
        return (
            f"{word}{progress}; address={'unix' if port < 0 else host}; port={'unix' if port < 0 else port}; "
            f"name={self.monitor.backend}/{self.slot.name}; node={self.hostname}; weight={weight}/{total}; "
            f"scur={facts['scur']}/{facts['served']}; qcur={facts['qcur']}"
        )

    def exchange(self, at: int, step: Round, facts: Facts | None) -> Exchange:
        """The HTTP exchange of one round, as things stand now."""
        if facts is not None:
            for one in step.before:
                facts.act(one.action)
        wire = self.plan.wires[at]
        if wire is None:
            wire = request_bytes(step.send, self.state_header() if self.plan.send_state else "", facts)
        accept_404 = self.plan.accept_404 and self.monitor.state != state.STOPPED
        return Exchange(step, wire, facts, accept_404=accept_404)

    async def probe(self) -> Finding:
        """Run every round; the first that does not pass decides."""
        facts = Facts(self.slot) if self.plan.sampling else None
        try:
            return await self._script(facts) if self.plan.parts else await self._rounds(facts)
        except Exception as wrong:  # noqa: BLE001 - whatever happens in a check, it must never end the checking
            return Finding(SOCKERR, 0, str(wrong))

    async def _rounds(self, facts: Facts | None) -> Finding:
        """HTTP, or the connection alone."""
        host, port = self.place()
        finding = Finding(L4OK)
        for at, step in enumerate(self.plan.rounds):
            target = self.plan.target(step.connect, host, port, facts)
            finding = await check(target, self.plan.limits, self.exchange(at, step, facts))
            if finding.status.verdict is not Verdict.PASSED:
                return finding
        return finding if self.plan.rounds else await check(self.plan.target(BARE, host, port), self.plan.limits, None)

    async def _script(self, facts: Facts | None) -> Finding:
        """The parts of a script, one connection each. A connection of a tcp-check that fails says at which step."""
        host, port = self.place()
        finding = Finding(L4OK)
        for part in self.plan.parts:
            if facts is not None:
                for one in part.before:
                    facts.act(one.action)
            target = self.plan.target(part.connect, host, port, facts)
            script = Script(part, facts, named=self.plan.named) if part.steps else None
            finding = await check(target, self.plan.limits, script)
            connecting = not script.begun if script else finding.status.verdict is not Verdict.PASSED
            if connecting:
                return replace(finding, info=finding.info + part.place) if self.plan.named else finding
            if finding.status.verdict is not Verdict.PASSED:
                return finding
        connected = part.number and not part.steps and self.plan.named
        return replace(finding, info=PASSED) if connected else finding


class Checker:
    """All checks of a configuration.

    Args: lookup: the shared slot of a server, None if it has none. life: of its servers; without one log (a line to a proxy's
    log targets at a syslog level 0..7) and say (a message on stderr) are used to make it. tls_maker: TLS contexts of checks.
    """

    def __init__(
        self,
        config: Config,
        lookup: Lookup,
        log: Log,
        *,
        say: Callable[[Message], None] = to_stderr,
        life: Life | None = None,
        tls_maker: TlsMaker = client_context,
    ) -> None:
        self.config = config
        self.life = life or Life(config, lookup, log, say)
        self.spread = _global(config, "spread-checks")
        self.max_spread = _global(config, "max-spread-checks")
        self.tls_maker = tls_maker
        self.running = False
        self.tasks: list[asyncio.Task[None]] = []  # of the checks, in their order, while it runs
        hostname = _node(config)
        self.checks = [
            _server_check(make_plan(proxy, server, config, tls_maker), slot, self.life, hostname)
            for proxy, server, slot in _checked(config, lookup)
        ]

    def add(self, proxy: Proxy, server: Server, slot: ServerSlot) -> None:
        """A server that was added at run time: its check is there, `enable health` lets it run."""
        each = _server_check(make_plan(proxy, server, self.config, self.tls_maker), slot, self.life, _node(self.config))
        self.checks.append(each)
        if not state.check_state(slot) & state.CHECK_CONFIGURED:
            state.set_check_state(slot, state.CHECK_CONFIGURED)
        if self.running:
            self.tasks.append(asyncio.create_task(self._run(each, each.plan.inter)))

    def remove(self, slot: ServerSlot) -> None:
        """A server that is being deleted."""
        at = next((i for i, each in enumerate(self.checks) if each.slot is slot), -1)
        if at >= 0:
            del self.checks[at]
            if self.running:
                self.tasks.pop(at).cancel()

    def prepare(self) -> None:
        """Give every checked server that has none its first health and state; best before the workers are forked."""
        for each in self.checks:
            if not state.check_state(each.slot) & state.CHECK_CONFIGURED:
                each.monitor.begin(each.plan.server[INIT_STATE])

    async def start(self) -> None:
        """Begin to check, spread as HAProxy does. A worker that takes over goes on from the shared health."""
        self.prepare()
        self.running = True
        delays = first_delays([each.plan.inter for each in self.checks], self.max_spread)
        self.tasks = [asyncio.create_task(self._run(each, delay)) for each, delay in zip(self.checks, delays, strict=True)]

    async def stop(self) -> None:
        """End every check and wait for that."""
        self.running = False
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks = []

    async def _run(self, each: ServerCheck, delay_ms: float) -> None:
        while True:
            delay_ms = await self._wait(each, delay_ms)
            if delay_ms > 0:
                continue
            if each.wanted():
                await self.run_once(each)
            delay_ms = each.plan.interval(each.monitor.health, self.spread)

    async def _wait(self, each: ServerCheck, delay_ms: float) -> float:
        """Sleep, or until the check is hurried: what is left to wait then is fastinter at most. 0: the time has come."""
        until = time.monotonic() + delay_ms / 1000
        try:
            await asyncio.wait_for(each.hurried.wait(), delay_ms / 1000)
        except TimeoutError:
            return 0
        each.hurried.clear()
        return max(0.001, min((until - time.monotonic()) * 1000, each.plan.fastinter))

    def hurry(self, slot: ServerSlot) -> None:
        """Check this server within fastinter."""
        for each in self.checks:
            if each.slot is slot:
                each.hurried.set()

    async def run_once(self, each: ServerCheck) -> Finding:
        """Check a server now and act on the finding."""
        bits = state.check_state(each.slot)
        state.set_check_state(each.slot, bits | state.CHECK_IN_PROGRESS)
        began = time.monotonic()
        try:
            finding = await each.probe()
        finally:
            state.set_check_state(each.slot, state.check_state(each.slot) & ~state.CHECK_IN_PROGRESS)
        duration = int((time.monotonic() - began) * 1000)
        if each.wanted():
            each.monitor.conclude(finding, duration)
        return finding


def _server_check(plan: Plan, slot: ServerSlot, life: Life, hostname: str) -> ServerCheck:
    monitor = Monitor(slot, plan.proxy.name, plan.rise, plan.fall, life, verbose=bool(plan.proxy[LOG_HEALTH_CHECKS]))
    return ServerCheck(plan, monitor, hostname)


def _checked(config: Config, lookup: Lookup) -> Iterator[tuple[Proxy, Server, ServerSlot]]:
    for proxy in config.proxies:
        for server in proxy.servers if proxy.is_backend else ():
            slot = lookup(proxy, server) if server[CHECK] else None
            if slot is not None:
                yield proxy, server, slot


def _global(config: Config, name: str) -> int:
    """A number of the global section, 0 when it was not given."""
    return next((int(value) for setting, value in config.globals.values.items() if setting.name == name), 0)


def _node(config: Config) -> str:
    """The name in state headers: global `node`, else the host's."""
    said = next((str(value) for setting, value in config.globals.values.items() if setting.name == "node"), "")
    return said or socket.gethostname()
