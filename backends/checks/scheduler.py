"""When every server is checked, and what its findings lead to. Runs in exactly one worker, on its reactor.

    checker = Checker(config, lookup, log)       # before privileges are dropped: it reads what TLS checks need
    checker.prepare()                            # before the fork: first health and state of every checked server
    checker.start(reactor)                       # in the worker that won the election
    checker.stop()

A burst of checks that are due, or of findings that change something, is worked off piece by piece, so that traffic has
its turn in between: the reactor sees to the former (Reactor.expire), checks.bites to the latter.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Iterator

from backends import state
from backends.checks import agent_keywords as ak
from backends.checks import published
from backends.checks.agent import Agent, AgentCheck, AgentPlan
from backends.checks.bites import Bites
from backends.checks.monitor import Monitor
from backends.checks.plan import TlsMaker, first_delays, make_plan
from backends.checks.probe import clock_us
from backends.checks.process import end_late_ones
from backends.checks.report import Message
from backends.checks.run import CheckRun
from backends.checks.servercheck import ServerCheck
from backends.checks.status import Finding
from backends.checks.tls import client_context
from backends.life import Life
from haproxy_py.config.keywords.options import LOG_HEALTH_CHECKS
from haproxy_py.config.keywords.server_options import CHECK, CHECK_ADDR, INIT_STATE
from haproxy_py.config.keywords.timeouts import TIMEOUT_CHECK
from haproxy_py.config.model import Config, Proxy, Server
from haproxy_py.engine.reactor import Reactor
from haproxy_py.engine.shm import ServerSlot

Log = Callable[[Proxy, int, str], None]
Lookup = Callable[[Proxy, Server], ServerSlot | None]


def to_stderr(message: Message) -> None:
    """Say it where HAProxy says it while its stderr is open."""
    print(f"{'[' + message.word + ']':<10} ({os.getpid()}) : {message.terminal}", file=sys.stderr, flush=True)


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
        self.reactor: Reactor | None = None
        self.bites = Bites()
        self.hostname = _node(config)
        self.tls_maker = tls_maker
        self.running: set[CheckRun] = set()
        self.agents = [self._agent_of(proxy, server, slot) for proxy, server, slot in _asked(config, lookup)]
        self.checks = [self._check_of(proxy, server, slot) for proxy, server, slot in _checked(config, lookup)]

    def _check_of(self, proxy: Proxy, server: Server, slot: ServerSlot) -> ServerCheck:
        plan = make_plan(proxy, server, slot, self.config, self.tls_maker)
        verbose = bool(proxy[LOG_HEALTH_CHECKS])
        monitor = Monitor(slot, proxy.name, plan.rise, plan.fall, self.life, verbose=verbose)
        return ServerCheck(plan, monitor, self.hostname, self.begin)

    def _agent_of(self, proxy: Proxy, server: Server, slot: ServerSlot) -> AgentCheck:
        agent = Agent(slot, proxy.name, self.life, verbose=bool(proxy[LOG_HEALTH_CHECKS]))
        inter = server[ak.AGENT_INTER]
        addr = server[CHECK_ADDR]
        host = server[ak.AGENT_ADDR] or (addr.host or "" if addr else "")
        plan = AgentPlan(host, server[ak.AGENT_PORT], inter, proxy[TIMEOUT_CHECK] or inter, server[ak.AGENT_SEND])
        return AgentCheck(plan, agent, make_plan(proxy, server, slot, self.config, self.tls_maker), self.ask)

    def prepare(self) -> None:
        """Give every checked server that has none its first health and state; best before the workers are forked."""
        for each in self.checks:
            each.monitor.prepare(each.plan.server[INIT_STATE])
        for one in self.agents:
            one.agent.prepare()

    def start(self, reactor: Reactor) -> None:
        """Begin to check, spread as HAProxy does. A worker that takes over goes on from the shared health."""
        self.prepare()
        self.reactor = reactor
        self.bites.attach(reactor)
        tickers = self._in_order()
        for each, delay in zip(tickers, first_delays([one.plan.inter for one in tickers], self.max_spread), strict=True):
            each.arm(reactor, delay)

    def _in_order(self) -> list[ServerCheck | AgentCheck]:
        """As the file has the servers; the check of each before its agent."""
        order = {slot: at for at, slot in enumerate(self.life.servers)}
        tickers: list[ServerCheck | AgentCheck] = [*self.checks, *self.agents]
        return sorted(tickers, key=lambda one: order[one.slot])

    def stop(self) -> None:
        """End every check."""
        for each in self.checks:
            each.disarm()
        for one in self.agents:
            one.cancel()
            published.asking(one.slot, False)
        for run in list(self.running):
            run.cancel()
            published.ended(run.check.slot)
        self.running.clear()
        end_late_ones()
        self.bites.detach()
        self.reactor = None

    def add(self, proxy: Proxy, server: Server, slot: ServerSlot) -> None:
        """A server that was added at run time: its check is there, `enable health` lets it run."""
        made = self._check_of(proxy, server, slot)
        if not state.check_state(slot) & state.CHECK_CONFIGURED:
            state.set_check_state(slot, state.CHECK_CONFIGURED)
        self.checks.append(made)
        if self.reactor is not None:
            made.arm(self.reactor, made.plan.inter)

    def remove(self, slot: ServerSlot) -> None:
        """A server that is being deleted."""
        for each in [one for one in self.checks if one.slot is slot]:
            self.checks.remove(each)
            each.disarm()
            each.gone = True
        for asked in [one for one in self.agents if one.slot is slot]:
            self.agents.remove(asked)
            asked.cancel()
            asked.gone = True
        for run in [one for one in self.running if one.check.slot is slot]:
            run.cancel()
            self.running.discard(run)

    def hurry(self, slot: ServerSlot) -> None:
        """Check this server within fastinter."""
        each = next((one for one in self.checks if one.slot is slot), None)
        if each is not None and self.reactor is not None:
            each.hasten(self.reactor, each.plan.fastinter)

    def ask(self, one: AgentCheck) -> None:
        """Ask an agent now, unless it is not to be asked."""
        if self.reactor is None or one.gone:
            return
        if not published.askable(one.slot):
            one.arm(self.reactor, one.plan.inter)
            return
        began = clock_us(self.reactor)

        def done(finding: Finding) -> None:
            one.probe = None
            published.asking(one.slot, False)
            duration = (clock_us(self.reactor) - began) // 1000 if self.reactor is not None else 0
            self.bites.do(lambda: self._answered(one, finding, duration))

        published.asking(one.slot, True)
        one.ask(self.reactor, done)

    def _answered(self, one: AgentCheck, finding: Finding, duration: int) -> None:
        if self.reactor is None or one.gone:
            return
        if published.askable(one.slot):
            one.agent.conclude(finding, duration)
        one.arm(self.reactor, one.check.spread_out(one.plan.inter, self.spread))

    def begin(self, each: ServerCheck, told: Callable[[Finding], None] | None = None) -> None:
        """Check a server now, unless it is not to be, or is being checked."""
        if self.reactor is None or each.busy or each.gone:
            return
        if not each.wanted():
            each.arm(self.reactor, each.plan.delay(published.health(each.slot), self.spread))
            return
        began = clock_us(self.reactor)
        each.busy = True
        published.began(each.slot)

        def done(finding: Finding) -> None:
            self.running.discard(run)
            duration = (clock_us(self.reactor) - began) // 1000 if self.reactor is not None else 0
            if told is None and each.monitor.known(finding, duration):
                self._finished(each)
            else:
                self.bites.do(lambda: self._conclude(each, finding, duration, told))

        run = CheckRun(each, self.reactor, done)
        self.running.add(run)
        run.start()

    def _conclude(
        self, each: ServerCheck, finding: Finding, duration: int, told: Callable[[Finding], None] | None
    ) -> None:
        """Act on a finding."""
        if not each.gone:
            each.monitor.conclude(finding, duration)
        self._finished(each)
        if told is not None:
            told(finding)

    def _finished(self, each: ServerCheck) -> None:
        each.busy = False
        if each.gone:
            return
        published.ended(each.slot)
        if self.reactor is not None:
            each.arm(self.reactor, each.plan.delay(published.health(each.slot), self.spread))

    async def run_once(self, each: ServerCheck) -> Finding:
        """Check a server now and act on the finding."""
        told: asyncio.Future[Finding] = asyncio.get_running_loop().create_future()
        self.begin(each, told.set_result)
        return await told


def _asked(config: Config, lookup: Lookup) -> Iterator[tuple[Proxy, Server, ServerSlot]]:
    for proxy in config.proxies:
        for server in proxy.servers if proxy.is_backend else ():
            slot = lookup(proxy, server) if server[ak.AGENT_CHECK] and server[ak.AGENT_PORT] else None
            if slot is not None:
                yield proxy, server, slot


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
