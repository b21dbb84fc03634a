"""Health checks without a proxy: shared slots and a Checker for a configuration, whose words are kept."""

from __future__ import annotations

import asyncio

from backends import state
from backends.checks.report import Message
from backends.checks.scheduler import Checker
from backends.checks.status import Finding
from backends.life import Life
from backends.life_keywords import SLOWSTART
from haproxy_py import features
from haproxy_py.config.keywords import server_options as words
from haproxy_py.config.model import Config, Proxy, Server
from haproxy_py.config.reader import load
from haproxy_py.engine.reactor import Reactor
from haproxy_py.engine.shm import Segment, ServerSlot

TIMEOUTS = "defaults\n mode http\n timeout connect 100ms\n timeout check 100ms\n timeout client 1s\n timeout server 1s\n"


class World:
    """Shared slots of every server of a configuration, as an instance has them."""

    def __init__(self, config: Config) -> None:
        backs = [proxy for proxy in config.proxies if proxy.is_backend]
        self.segment = Segment(1, proxies=len(backs), servers=sum(len(p.servers) for p in backs))
        self.segment.attach(1)
        self.slots: dict[tuple[str, str], ServerSlot] = {}
        for proxy in backs:
            slot = self.segment.proxy(proxy.name)
            for item in proxy.servers:
                made = self.segment.server(slot, item.name, item[words.ID] or item.number)
                admin = 5 if item[words.DISABLED] else 0
                host = item.address.host or "" if item.address.family not in ("unix", "abns") else ""
                port = item.address.port
                state.set_up(made, weight=item[words.WEIGHT], backup=item[words.BACKUP], admin=admin, host=host, port=port)
                state.set_maxconn(made, item[words.MAXCONN])
                state.set_slowstart(made, item[SLOWSTART], True)
                state.set_port_map(made, not item.address.has_port or item.address.relative is not None, item.address.relative or 0)
                self.slots[proxy.name, item.name] = made
            state.refresh(slot)

    def lookup(self, proxy: Proxy, server: Server) -> ServerSlot | None:
        return self.slots.get((proxy.name, server.name))


class Bench:
    """A Checker on a configuration, whose messages are kept."""

    def __init__(self, text: str) -> None:
        features.load()
        config, faults = load([], texts=[("t.cfg", (TIMEOUTS + text).encode())], strict=True)
        assert not faults.fatal, [str(fault) for fault in faults.found]
        self.world = World(config)
        self.logged: list[tuple[int, str]] = []
        self.said: list[Message] = []
        def now() -> float:
            return self.clock

        self.life = Life(config, self.world.lookup, self.log, self.said.append, clock=now)
        self.clock = 1000.0
        self.checker = Checker(config, self.world.lookup, self.log, life=self.life)
        self.checker.prepare()
        self.reactor = Reactor()

    def log(self, proxy: Proxy, level: int, text: str) -> None:
        self.logged.append((level, text))

    def start(self) -> None:
        """Check on a reactor of the running loop."""
        self.reactor.attach(asyncio.get_running_loop())
        self.checker.start(self.reactor)

    def stop(self) -> None:
        """The end of start()."""
        self.checker.stop()
        self.reactor.detach()

    async def once(self, at: int = 0) -> Finding:
        """One check of a server, now."""
        if self.checker.reactor is None:
            self.reactor.attach(asyncio.get_running_loop())
            self.checker.reactor = self.reactor
            self.checker.bites.attach(self.reactor)
        return await self.checker.run_once(self.checker.checks[at])

    def slot(self, name: str = "s", backend: str = "b") -> ServerSlot:
        """The shared slot of a server."""
        return self.world.slots[backend, name]

    def told(self) -> list[str]:
        """What was said since the last call."""
        found = [message.text for message in self.said]
        self.said.clear()
        return found

    def facts(self, name: str = "s", backend: str = "b") -> dict[str, int]:
        return state.facts(self.world.slots[backend, name])
