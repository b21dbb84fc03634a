"""A configuration put to work: built before the fork, started in each worker.

instance = Instance.build(config, workers=2)
instance.bind({})                  # listening sockets, or those inherited by key
... fork ...
instance.start(loop, slot=1)       # in the worker: traffic flows
instance.soft_stop(); await instance.drained.wait(); instance.close()
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from backends import state_apply, state_file
from backends.build import SPARE_SERVERS, build_backend, default_fullconns, shared_bytes
from backends.checks.scheduler import Checker, to_stderr
from backends.follow import Follower
from backends.life import Life
from backends.mail import Post
from backends.resolvers.lookups import Lookups
from backends.resolvers.names import Names, nameserver_counters, sections
from backends.resolvers.names import shared_bytes as nameserver_bytes
from backends.slowstart import Warmer
from frontends import bind
from frontends.build import build_frontend, build_listener, finish_backend, hostname_of
from frontends.listener import Listener, Waker
from haproxy_py.config.keywords import bind as bind_words
from haproxy_py.config.keywords import options, tuning
from haproxy_py.config.keywords import process as process_words
from haproxy_py.config.keywords import proxy as words
from haproxy_py.config.keywords.stats_socket import STATS_TIMEOUT
from haproxy_py.config.model import Bind, Config, Proxy
from haproxy_py.config.model import Server as ServerItem
from haproxy_py.engine import clock
from haproxy_py.engine.shm import ProxySlot, Segment, ServerSlot
from haproxy_py.engine.worker import Worker
from haproxy_py.observe.ring_forward import Forwarder
from haproxy_py.observe.ring_keywords import RINGS
from haproxy_py.observe.sender import LogSender
from haproxy_py.observe.sender import output as log_output
from haproxy_py.observe.statistics.query import Statistics
from haproxy_py.observe.targets import tag_of, targets_of
from haproxy_py.rules.scope import bind_all
from haproxy_py.runtime import sockets
from haproxy_py.runtime.bus import Bus
from haproxy_py.runtime.service import Service
from haproxy_py.stream import faulty
from haproxy_py.stream.session import close_idle_sessions, kill_sessions, spread_idle_sessions
from haproxy_py.tls import words as tls_words

DRAIN_POLL_S = 0.05
LINGER_MS = 4  # a worker's turn waits for more events until it is so old, then asyncio has its turn


def spread_of(config: Config) -> int:
    """close-spread-time in ms as engine.worker.Worker wants it: 0 at once, 2**64 - 1 never."""
    said = config.globals[process_words.CLOSE_SPREAD_TIME]
    return 2**64 - 1 if said == process_words.INFINITE else said or 0


class Instance:
    """See the module. Attributes: config, segment, worker, frontends and backends by name, listening (key -> descriptor)."""

    def __init__(self, config: Config, segment: Segment, worker: Worker) -> None:
        self.config = config
        self.segment = segment
        self.worker = worker
        self.frontends: dict[str, Any] = {}
        self.backends: dict[str, Any] = {}
        self.listening: dict[str, int] = {}
        self.listeners: list[Listener] = []
        self.born = clock.now()  # of the whole group: made before the fork
        self.sockets: dict[str, list[tuple[Bind, int, ProxySlot]]] = {}
        self.statistics: Statistics = None  # type: ignore[assignment]  # build() makes it
        self.listeners_of: dict[str, list[Listener]] = {}  # by frontend
        self.anonymous_key: int | None = None  # `set anon global-key`; None: as configured
        self.disabled_now: set[str] = set()  # frontends that the runtime socket has disabled
        self.shut_now: set[str] = set()  # ... for good
        self.cookie_keys: dict[
            str, tuple[bool, str]
        ] = {}  # by backend: dynamic cookies on, their key; once it was changed
        self._places: dict[str, dict[str, int]] = {}  # backend -> name of a server -> its place in the list
        self.hard_maxconn = 0  # connections that the process has descriptors for; 0: not known
        self.limits: dict[
            str, ProxySlot
        ] = {}  # by key of the listening address: those with a maxconn or statistics of their own
        self.drained = asyncio.Event()
        self.checker: Checker = None  # type: ignore[assignment]  # build() makes it
        self.checking = False
        self.follower = Follower(segment, [])
        self.life: Life = None  # type: ignore[assignment]  # the same
        self.told: list[str] = []  # complaints about servers state files, for the console
        resolvers = sections(config)
        self.nameservers = nameserver_counters(resolvers, segment)
        self.lookups = Lookups(resolvers, self.nameservers)
        self.names: Names = None  # type: ignore[assignment]  # the same
        self.post: Post = None  # type: ignore[assignment]  # the same
        self.warmer: Warmer | None = None
        self.forwarder: Forwarder | None = None  # sends rings to their servers, in the worker that checks
        self.loop: asyncio.AbstractEventLoop | None = None
        self._senders: dict[int, LogSender] = {}  # by id of the proxy: a frontend and a backend may have one name
        self.waker: Waker | None = None
        self.bus: Bus | None = None  # to the other workers; None: there are none
        self.service: Service | None = None  # the runtime socket, in the worker that serves it
        self.started_at = 0.0
        self._drain: asyncio.Task[None] | None = None

    @classmethod
    def build(cls, config: Config, workers: int = 1) -> Instance:
        """Make everything but sockets. Raises: ConfigError for what only shows now (certificates, names of servers)."""
        fronts = [p for p in config.proxies if p.is_frontend]
        backs = [p for p in config.proxies if p.is_backend]
        servers = sum(len(p.servers) for p in backs)
        limited = [
            one for one in bind.wanted(config) if one.bind[bind_words.MAXCONN] or one.proxy[options.SOCKET_STATS]
        ]
        segment = Segment(
            workers,
            proxies=len(fronts) + len(backs) + len(limited),
            servers=servers + SPARE_SERVERS,
            extra_bytes=shared_bytes(config) + nameserver_bytes(config) + 65536,
        )
        segment.maxconn = config.globals[process_words.MAXCONN] or 0
        for number, setting in enumerate((process_words.MAXCONNRATE, process_words.MAXSESSRATE, tls_words.MAXSSLRATE)):
            segment.limit_rate(number, config.globals[setting])
        segment.max_tls = config.globals[tls_words.MAXSSLCONN]
        worker = Worker(
            segment,
            bufsize=config.globals[tuning.BUFSIZE],
            maxrewrite=config.globals[tuning.MAXREWRITE],
            maxhdr=config.globals[tuning.MAXHDR],
            splice=not config.globals[process_words.NOSPLICE],
            **({"pipesize": config.globals[tuning.PIPESIZE]} if config.globals[tuning.PIPESIZE] else {}),
        )
        worker.spread_ms = spread_of(config)
        made = cls(config, segment, worker)
        made._build_proxies(fronts, backs)
        made.limits = {one.key: segment.proxy(f"bind {one.key}") for one in limited}
        for one in limited:
            if one.proxy[options.SOCKET_STATS]:
                made.sockets.setdefault(one.proxy.name, []).append((one.bind, one.port, made.limits[one.key]))
        made.statistics = Statistics(made, made.born)
        bind_all(config, made)
        for side in (*made.frontends.values(), *made.backends.values()):
            if side.service is not None:
                side.service.resolve(made)
        made.follower.backends.extend(made.backends.values())
        for backend in made.follower.backends:
            for server in backend.servers:
                server.alarm = made._alarmed if server.observe else None
        made.life = Life(config, made._slot_of, made.log, to_stderr, follow=made._follow)
        made.names = Names(config, made.life, made.nameservers)
        made.post = Post(config)
        made.checker = Checker(config, made._slot_of, made.log, life=made.life)
        made.checker.prepare()
        state_apply.load(config, made.life, made.statistics.parts.iid, made.told.append)
        return made

    def take_over(self, states: str) -> None:
        """Begin as the configuration before a reload has left its servers; before the fork."""
        state_apply.take_over(self.life, states)

    def states(self) -> str:
        """What take_over() takes: the text of `show servers state`."""
        return "".join(state_file.lines(self.life.servers.values(), self.statistics.parts.iid, int(clock.now())))

    def _build_proxies(self, fronts: list[Proxy], backs: list[Proxy]) -> None:
        fullconns = default_fullconns(self.config)
        for proxy in backs:
            slot = self.segment.proxy(proxy.name)
            made = build_backend(self.config, proxy, slot, self.worker, self.segment, fullconns)
            finish_backend(made, proxy)
            made.balancer.complain = partial(self.log, proxy, 1)
            self.backends[proxy.name] = made
        for proxy in fronts:
            slot = self.segment.proxy(proxy.name)
            self.frontends[proxy.name] = build_frontend(self.config, proxy, slot, self.worker, self.backends)

    def _slot_of(self, proxy: Proxy, server: ServerItem) -> Any:
        return self.server(proxy.name, server.name)

    def _follow(self, slot: ServerSlot) -> int:
        """A server's life has changed: act at once, here and in every worker. Returns how many streams were requeued here."""
        requeued = self.follower.follow()
        if self.segment.workers > 1:
            self.segment.wake()
        return requeued

    def log(self, proxy: Proxy, level: int, text: str) -> None:
        """A line about a proxy (not about one of its requests) to its log targets, at a syslog level 0..7."""
        sender = self._senders.get(id(proxy))
        if sender is None:
            receivers = targets_of(self.config, proxy)
            sender = LogSender(receivers, tag=tag_of(self.config, proxy), hostname=hostname_of(self.config, proxy))
            self._senders[id(proxy)] = sender
        sender.log(level, text)

    # World of rules.scope.bind_all

    def backend(self, name: str) -> Any:
        """ProxySlot of a backend, None if there is none."""
        found = self.backends.get(name)
        return found.slot if found else None

    def frontend(self, name: str) -> Any:
        """ProxySlot of a frontend, None if there is none."""
        found = self.frontends.get(name)
        return found.slot if found else None

    def server(self, backend: str, name: str) -> Any:
        """ServerSlot of a server, None if there is none."""
        found = self.backends.get(backend)
        if found is None:
            return None
        places, servers = self._places.setdefault(backend, {}), found.servers
        at = places.get(name, -1)
        if not 0 <= at < len(servers) or servers[at].name != name:  # servers came or went
            places.clear()
            places.update((servers[i].name, i) for i in reversed(range(len(servers))))
            at = places.get(name, -1)
        return servers[at].slot if at >= 0 else None

    # life

    def bind(self, inherited: Mapping[str, int]) -> None:
        """Open the listening sockets, taking over those of `inherited`. Raises: frontends.bind.BindFailure."""
        self.listening = bind.open_all(self.config, inherited, sockets.wanted(self.config))
        self.statistics.info.booted(clock.now())

    def start(self, loop: asyncio.AbstractEventLoop, slot: int = 1, *, shared_loop: bool = False) -> None:
        """Take traffic in this process, nested in `loop` (running or about to run).

        shared_loop: the loop also runs a program of its own, which must not be held up.
        """
        self.segment.attach(slot)
        self.loop = loop
        self.worker.open(loop, linger_ms=0 if shared_loop else LINGER_MS)
        self.life.mail = self.post.start(loop)
        self.started_at = clock.now()
        log_output.forked()
        log_output.count_in(self.segment)
        log_output.attach(self.worker.reactor)
        for one in bind.wanted(self.config):
            if one.proxy.name in self.shut_now:
                continue
            listener = build_listener(
                self.config,
                one,
                self.frontends[one.proxy.name],
                self.listening[one.key],
                self.worker,
                self.limits.get(one.key),
            )
            if one.proxy.name not in self.disabled_now:
                listener.start()
            self.listeners.append(listener)
            self.listeners_of.setdefault(one.proxy.name, []).append(listener)
        if self.bus is not None:
            self.bus.become(slot, self, loop)
        if self.segment.workers > 1:
            self.waker = Waker(self.worker, self.follower, self.listeners)
            self.waker.start()

    async def run_checks(self) -> None:
        """Start the health checks, if this worker is the one that runs them."""
        if not self.checking and self.segment.claim_checker():
            self.checking = True
            self.service = Service(self, self.bus)
            self.service.start()
            self.warmer = Warmer(self.life, self.follower)
            self.warmer.start()
            self.follower.heard = self._heard
            self.checker.start(self.worker.reactor)
            self.names.start(asyncio.get_running_loop(), self.segment.begin_resolving())
            self.forwarder = Forwarder(self.config.globals[RINGS].values())
            self.forwarder.start()

    def _heard(self) -> None:
        """In the worker that checks: servers began their slowstart, or are to be checked soon."""
        if self.warmer is not None:
            self.warmer.heard()
        while self.follower.hurried:
            self.checker.hurry(self.follower.hurried.pop())

    def _alarmed(self, slot: ServerSlot, errors: int, what: int) -> None:
        """observe, in the middle of a stream's work: what it leads to waits until that is done."""
        if self.loop is not None:
            self.loop.call_soon(self.life.alarmed, slot, errors, what)

    def pause(self) -> None:
        """Accept nothing for a while (SIGTTOU)."""
        for listener in self.listeners:
            listener.stop()

    def resume(self) -> None:
        """Accept again (SIGTTIN)."""
        for name, listeners in self.listeners_of.items():
            if name not in self.disabled_now:
                for listener in listeners:
                    listener.start()

    def soft_stop(self) -> None:
        """Accept no more, let what runs finish; `drained` is set when the last connection has ended."""
        if self.worker.stopping:
            return
        self.worker.begin_stopping()
        self.pause()
        self._close_idle()
        spread_idle_sessions(self.worker)
        if self.service is not None:
            self.service.close_doors()
        self._drain = asyncio.get_running_loop().create_task(self._wait_drained())

    async def _wait_drained(self) -> None:
        loop = asyncio.get_running_loop()
        patience = loop.time() + self.config.globals[STATS_TIMEOUT] / 1000
        while self.worker.newest_session_exists or (
            self.service is not None and self.service.busy() and loop.time() < patience
        ):
            await asyncio.sleep(DRAIN_POLL_S)
            self._close_idle()
        self.drained.set()

    def _close_idle(self) -> None:
        """Close the connections that wait for a request, unless close-spread-time gives them more of it."""
        if self.worker.spread_ms == 0:
            close_idle_sessions(self.worker)

    async def stop(self) -> None:
        """End everything now: connections are cut, nothing listens any more in this process."""
        if self.service is not None:
            self.service.stop()
            self.service = None
        if self.checking:
            self.checking = False
            self.follower.heard = None
            if self.warmer is not None:
                self.warmer.stop()
            self.checker.stop()
            self.names.stop()
            if self.forwarder is not None:
                self.forwarder.stop()
        self.close()

    def close(self) -> None:
        """The part of stop() that needs no loop."""
        if self._drain is not None:
            self._drain.cancel()
            self._drain = None
        if self.bus is not None:
            self.bus.leave()
        self.post.stop()
        for listener in self.listeners:
            listener.stop()
        self.listeners = []
        self.listeners_of = {}
        if self.waker is not None:
            self.waker.stop()
            self.waker = None
        kill_sessions(self.worker)
        self.lookups.stop()
        for back in self.backends.values():
            back.close_idle()
        faulty.forget([side.slot for side in (*self.frontends.values(), *self.backends.values())])
        log_output.count_no_more_in(self.segment)
        log_output.detach()
        self.worker.close()

    def keys_of(self, frontend: str) -> list[str]:
        """Keys of the listening addresses of a frontend."""
        return [one.key for one in bind.wanted(self.config) if one.proxy.name == frontend]

    def bound(self) -> list[tuple[str, int]]:
        """(frontend, listening descriptor) in the order of the bind lines."""
        return [
            (one.proxy.name, self.listening[one.key]) for one in bind.wanted(self.config) if one.key in self.listening
        ]

    def stats(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Counters and gauges by proxy and part, under the statistics' names; summed over all workers."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for name, front in self.frontends.items():
            found.setdefault(name, {})["FRONTEND"] = {**front.slot.totals(), **front.slot.gauges()}
        for name, back in self.backends.items():
            parts = found.setdefault(name, {})
            for server in back.servers:
                parts[server.name] = {**server.slot.totals(), **server.slot.gauges()}
            parts["BACKEND"] = {**back.slot.totals(), **back.slot.gauges()}
        return found

    def dropped_logs(self) -> int:
        """Log messages that could not be sent, by any worker."""
        return log_output.lost

    def disabled(self, name: str) -> bool:
        """Whether the proxy was configured `disabled`."""
        proxy = self.config.frontend(name) or self.config.backend(name)
        return bool(proxy and proxy[words.DISABLED])
