"""What the configuration says about one server's check, gathered once: a Plan. No sockets, no clock."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from backends.checks import keywords as kw
from backends.checks.connection import Limits
from backends.checks.external import Command, command_of
from backends.checks.http import request_bytes
from backends.checks.probe import Target
from backends.checks.rules import Connect, Expect, FieldMatch, Round, Send, SetVar, rounds
from backends.checks.samples import Facts
from backends.checks.tcp import Act, Hear, Part, Say, parts
from backends.checks.tcp_keywords import TCP_CHECK_STEPS
from backends.server import Server as PoolOwner
from backends.tls_options import CONTEXT
from backends.tls_use import SSL
from haproxy_py.config.keywords import server_options as so
from haproxy_py.config.keywords.timeouts import TIMEOUT_CHECK, TIMEOUT_CONNECT
from haproxy_py.config.model import Config, Proxy, Server
from haproxy_py.engine.shm import ServerSlot
from haproxy_py.engine.tls import TlsContext

TlsMaker = Callable[[Proxy, Server, Config, tuple[str, ...]], TlsContext]
BARE = Connect(explicit=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """One checked server.

    Delays in ms; rounds, parts []: a plain connection; contexts: TLS of each connect, None plain. named: a tcp-check;
    sampling: expressions are used; wires: the requests of rounds that send the same every time; command: a program checks.
    """

    proxy: Proxy
    server: Server
    rounds: list[Round]
    parts: list[Part]
    inter: int
    fastinter: int
    downinter: int
    limits: Limits
    rise: int
    fall: int
    accept_404: bool
    send_state: bool
    contexts: dict[Connect, TlsContext | None]
    named: bool
    sampling: bool
    wires: list[bytes | None]
    command: Command | None

    def delay(self, health: int, spread_percent: int, rand: Callable[[], float] = random.random) -> float:
        """Milliseconds until the next check: inter when up and well, downinter when down, fastinter in between."""
        if health == self.rise + self.fall - 1:
            base = self.inter
        else:
            base = self.downinter if health == 0 else self.fastinter
        return self.spread_out(base, spread_percent, rand)

    @staticmethod
    def spread_out(base: int, spread_percent: int, rand: Callable[[], float] = random.random) -> float:
        """A delay with the noise of spread-checks."""
        if not spread_percent:
            return base
        reach = base * spread_percent // 100
        return base + reach - 2 * reach * rand()

    def target(
        self, connect: Connect, host: str, port: int, facts: Facts | None = None, told: Mapping[str, str] | None = None,
        speaks_tls: bool = False, pool: PoolOwner | None = None,
    ) -> Target:
        """Where a round connects to. host, port: where the server is now (port -1: host is a socket's path). told: what the
        runtime socket says of it, see published.targets(). speaks_tls: traffic does now (`set server B/S ssl`). pool: the
        server of this process, whose idle connections may serve."""
        server, told = self.server, told or {}
        check_port = int(told.get("check-port", server[so.CHECK_PORT]))
        tls = self.contexts[connect] or (self._followed(connect) if speaks_tls else None)
        address = server[so.CHECK_ADDR]
        place = connect.addr or told.get("check-addr") or (address.host if address and address.host else host)
        asked = connect.port
        if connect.port_expr is not None and facts is not None:
            asked = facts.number(connect.port_expr) or 0
            asked = asked if 0 < asked < 65536 else 0
        chosen = asked or check_port or port
        return Target(
            place,
            chosen if port >= 0 or asked or check_port else -1,
            proxy=self._proxy_version() if connect.send_proxy or inherits(connect) and self._proxied() else 0,
            tls=tls,
            sni=(connect.sni or (server[kw.CHECK_SNI] if inherits(connect) else "")) if tls is not None else "",
            source=self.source,
            interface=server[so.SOURCE_INTERFACE],
            linger=connect.linger,
            pool=pool if (place, chosen) == (host, port) and (tls is not None) == speaks_tls and self.pooled(connect) else None,
        )

    def pooled(self, connect: Connect) -> bool:
        """check-reuse-pool (manual 5.2), and nothing that makes the connection another one than traffic's."""
        server = self.server
        plain = replace(connect, comment="", default=False, explicit=False) == BARE
        differs = server[kw.CHECK_ALPN] or inherits(connect) and self._proxied()
        return bool(server[kw.CHECK_REUSE_POOL] and self.rounds and plain and own_place(server) and not differs)

    def _followed(self, connect: Connect) -> TlsContext | None:
        """TLS because traffic has come to speak it. Checks that began with it keep it, as in HAProxy."""
        said = self.server[kw.CHECK_SSL]
        return self.server[CONTEXT] if said is None and inherits(connect) and own_place(self.server) else None

    @property
    def source(self) -> tuple[str, int]:
        """IP text and port to connect from, "" any."""
        said = self.server[so.SOURCE]
        return (said.host or "", said.port) if said else ("", 0)

    def _proxied(self) -> bool:
        said = self.server[kw.CHECK_SEND_PROXY]
        sends = self.server[so.SEND_PROXY] or self.server[so.SEND_PROXY_V2]
        return bool(said) or own_place(self.server) and sends

    def _proxy_version(self) -> int:
        return 2 if self.server[so.SEND_PROXY_V2] else 1


def own_place(server: Server) -> bool:
    """The server's own address and port are checked, so that its own TLS and PROXY header apply (manual 5.2)."""
    return not (server[so.CHECK_PORT] or server[so.CHECK_ADDR])


def inherits(connect: Connect) -> bool:
    """The server's options apply to this connection."""
    return connect.default or not connect.explicit


def _context(proxy: Proxy, server: Server, config: Config, connect: Connect, maker: TlsMaker) -> TlsContext | None:
    asked = server[kw.CHECK_SSL]
    by_server = asked if asked is not None else own_place(server) and server[SSL]
    if connect.ssl or inherits(connect) and by_server:
        return maker(proxy, server, config, connect.alpn or (server[kw.CHECK_ALPN] if inherits(connect) else ()))
    return None


def make_plan(proxy: Proxy, server: Server, slot: ServerSlot, config: Config, tls_maker: TlsMaker) -> Plan:
    """The plan of a server that has `check`. Raises: ConfigError when its TLS cannot be set up."""
    inter = server[so.INTER]
    check, connect = proxy[TIMEOUT_CHECK], proxy[TIMEOUT_CONNECT]
    until_connected = min(inter, connect) if check and connect else inter
    kind = proxy[kw.KIND]
    steps = rounds(proxy[kw.HTTPCHK_SEND] or Send(), proxy[kw.HTTP_CHECK_STEPS]) if kind == "httpchk" else []
    said = proxy[TCP_CHECK_STEPS] if kind == "tcp-check" else proxy[kw.SCRIPT]
    script = parts(said) if kind not in ("", "httpchk") else []
    send_state, reuses = proxy[kw.SEND_STATE], server[kw.CHECK_REUSE_POOL]
    connects = [BARE, *(step.connect for step in steps), *(part.connect for part in script)]
    return Plan(
        proxy=proxy,
        server=server,
        rounds=steps,
        parts=script,
        inter=inter,
        fastinter=server[so.FASTINTER] or inter,
        downinter=server[so.DOWNINTER] or inter,
        limits=Limits(until_connected, check or -1),
        rise=server[so.RISE],
        fall=server[so.FALL],
        accept_404=proxy[kw.DISABLE_ON_404],
        send_state=send_state,
        contexts={each: _context(proxy, server, config, each, tls_maker) for each in connects},
        named=kind == "tcp-check",
        sampling=any(map(samples, connects)) or any(map(_round_samples, steps)) or any(map(_part_samples, script)),
        wires=[request_bytes(each.send) if each.send.constant and not reuses and not send_state else None for each in steps],
        command=command_of(proxy, server, slot, config),
    )


def samples(step: object) -> bool:
    """Whether a step of a check reads or sets anything by expressions."""
    if isinstance(step, (Act, SetVar)):
        return True
    if isinstance(step, Connect):
        return step.port_expr is not None
    if isinstance(step, Say):
        return step.format is not None
    if isinstance(step, Send):
        return not step.constant
    if isinstance(step, FieldMatch):
        return not isinstance(step.text, str)
    assert isinstance(step, (Hear, Expect))
    if any(said is not None for said in (step.on_success, step.on_error, step.code)):
        return True
    if isinstance(step, Hear):
        return step.format is not None
    return not isinstance(step.text, str) or any(samples(side) for side in (step.name, step.value) if side is not None)


def _round_samples(step: Round) -> bool:
    return any(map(samples, (step.send, *step.before, *step.expects)))


def _part_samples(part: Part) -> bool:
    return any(map(samples, (*part.before, *(step for _, step in part.steps))))


def first_delays(inters: list[int], max_spread: int = 0) -> list[float]:
    """When each server is checked first, in ms from the start: spread over the smallest interval that is a second or more.

    max_spread: global max-spread-checks, 0 none. Source: manual 3.2, max-spread-checks.
    """
    long_ones = [inter for inter in inters if inter >= 1000]
    shortest = min(long_ones, default=0)
    if max_spread and shortest > max_spread:
        shortest = max_spread
    count = len(inters)
    bound = max_spread or None
    return [_bounded(max(shortest, inter), bound) * at / count for at, inter in enumerate(inters)]


def _bounded(period: int, bound: int | None) -> int:
    return min(period, bound) if bound else period
