"""The rows of the statistics: frontends, listeners, servers, backends, and how each field comes about.

A part knows its place in the configuration and in the segment; row() gives its values by field, None where the row lacks
one. What never changes is worked out once. Sources: management manual 9.1; docs/oracle-facts.md has what HAProxy was seen
to put where.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from haproxy_py.config.keywords import balance
from haproxy_py.config.keywords import bind as bind_words
from haproxy_py.config.keywords import proxy as words
from haproxy_py.config.keywords.options import ALLBACKUPS
from haproxy_py.config.keywords.stats_socket import STATS_SOCKETS
from haproxy_py.config.model import Bind, Config, Proxy
from haproxy_py.config.model import Server as ServerItem
from haproxy_py.observe.statistics import serverstate
from haproxy_py.observe.statistics.fields import PLACE, STAT

if TYPE_CHECKING:
    from haproxy_py.engine.shm import ProxySlot, Segment, ServerSlot
    from haproxy_py.engine.worker import Worker

Value = int | str | None
Row = list[Value]
FRONTEND, BACKEND, SERVER, LISTENER = range(4)  # field `type`
MOST_TRACKED = 1000  # links of a chain of `track`; the configuration has none that is closed
NO_LIMIT = 0xFFFFFFFF  # FrontConf.maxconn of a frontend without one of its own
TYPE_BITS = {FRONTEND: 1, BACKEND: 2, SERVER: 4, LISTENER: 8}  # second number of `show stat <iid> <type> <sid>`


class World(Protocol):
    """What is looked at: one configuration at work (haproxy_py.process.instance.Instance)."""

    config: Config
    segment: Segment
    frontends: dict[str, Any]
    backends: dict[str, Any]
    worker: Worker
    listening: dict[str, int]
    hard_maxconn: int
    disabled_now: set[str]  # frontends that the runtime socket has disabled
    shut_now: set[str]  # ... for good
    nameservers: Mapping[str, Mapping[str, Any]]  # counters of the nameservers of resolvers sections
    sockets: dict[str, list[tuple[Bind, int, ProxySlot]]]  # by proxy: line, port, counters (option socket-stats)

    def dropped_logs(self) -> int:
        """Log messages that could not be sent."""


def _places(names: str) -> list[tuple[int, str]]:
    return [(PLACE[name], name) for name in names.split(" ")]


_HRSP = "hrsp_1xx hrsp_2xx hrsp_3xx hrsp_4xx hrsp_5xx hrsp_other"
_TLS = [(PLACE["ssl_sess"], "ssl_sess"), (PLACE["ssl_reused_sess"], "ssl_reused"), (PLACE["ssl_failed_handshake"], "ssl_failed")]
_TIMES = "qtime ctime rtime ttime qtime_max ctime_max rtime_max ttime_max"
_FRONT = [*_places("scur smax stot bin bout dreq dresp ereq rate rate_max req_rate req_rate_max req_tot comp_in comp_out comp_byp "
                   "comp_rsp conn_rate conn_rate_max conn_tot dcon dses wrew eint"), *_TLS]  # fmt: skip
_FRONT_HTTP = _places(f"{_HRSP} intercepted cache_lookups cache_hits")
_LISTEN = [*_places("scur smax stot bin bout dreq dresp ereq dcon dses wrew eint"), *_TLS]
_SERVER = [*_places("qcur qmax scur smax stot bin bout dresp econ eresp wretr wredis lbtot rate rate_max cli_abrt srv_abrt "
                    f"{_TIMES} wrew connect reuse eint uweight"), *_TLS]  # fmt: skip
_BACK = [*_places("qcur qmax scur smax stot bin bout dreq dresp econ eresp wretr wredis lbtot rate rate_max cli_abrt srv_abrt "
                  f"comp_in comp_out comp_byp comp_rsp {_TIMES} wrew eint chkdown"), *_TLS]  # fmt: skip
_BACK_HTTP = _places(f"{_HRSP} req_tot cache_lookups cache_hits")
_ZERO_FRONT = ("h2sess", "h3sess", "h2req", "h3req")
_H2 = tuple(found.name for found in STAT if found.name.startswith("h2_"))


class Part(ABC):
    """One row. kind: FRONTEND and so on; number: the `sid`."""

    kind: int
    letter: str

    def __init__(self, proxy: Proxy, iid: int, name: str, number: int) -> None:
        self.proxy = proxy
        self.iid = iid
        self.name = name
        self.number = number
        self.http = proxy[words.MODE] == "http"
        self.fixed: Row = [None] * len(STAT)
        self.settle(pxname=proxy.name, svname=name, pid=1, iid=iid, sid=number, type=self.kind, mode=proxy[words.MODE])

    def settle(self, **values: Value) -> None:
        """Fields that never change."""
        for name, value in values.items():
            self.fixed[PLACE[name]] = value

    @abstractmethod
    def row(self, at_ms: int, *, legends: bool = True) -> Row:
        """Values by field at a wall time in ms. legends: addresses, cookies and algorithms are shown."""

    def start(self, slot: ProxySlot | ServerSlot, at_ms: int, plain: Sequence[tuple[int, str]]) -> tuple[Row, dict[str, Any]]:
        """A fresh row with the fixed fields and those that are counted as such."""
        row = self.fixed.copy()
        found = slot.statistics(at_ms)
        for place, name in plain:
            row[place] = found[name]
        return row, found


def _set(row: Row, **values: Value) -> None:
    for name, value in values.items():
        row[PLACE[name]] = value


def _wire(row: Row, found: dict[str, Any], connections: int, total: int, streams: int, requests: int) -> None:
    """The fields of the HTTP/1 module. found: with the bytes, {} for a proxy that does not speak HTTP."""
    _set(
        row, h1_open_connections=connections, h1_open_streams=streams, h1_total_connections=total, h1_total_streams=requests,
        h1_bytes_in=found.get("wire_in", 0), h1_bytes_out=found.get("wire_out", 0), h1_spliced_bytes_in=0, h1_spliced_bytes_out=0,
    )  # fmt: skip


class FrontendPart(Part):
    """`FRONTEND` of a frontend or listen."""

    kind, letter = FRONTEND, "F"

    def __init__(self, proxy: Proxy, iid: int, front: Any, world: World) -> None:
        super().__init__(proxy, iid, "FRONTEND", 0)
        self.front = front
        self.world = world
        self.settle(**dict.fromkeys(_ZERO_FRONT, 0), **dict.fromkeys(_H2, 0))
        self.plain = _FRONT + (_FRONT_HTTP if self.http else [])

    def status(self) -> str:
        """Whether it takes connections: what the runtime socket said."""
        if self.proxy.name in self.world.shut_now:
            return "STOP"
        return "PAUSED" if self.proxy.name in self.world.disabled_now else "OPEN"

    def limit(self) -> int:
        """Its maxconn, else the process's."""
        own: int = self.front.maxconn
        return own if own != NO_LIMIT else self.world.segment.maxconn or self.world.hard_maxconn

    def row(self, at_ms: int, *, legends: bool = True) -> Row:
        front = self.front
        row, found = self.start(front.slot, at_ms, self.plain)
        _set(row, slim=self.limit(), status=self.status(), rate_lim=front.rate_limit)
        sessions, requests = found["stot"], found["req_tot"]
        if self.http:
            _set(row, sess_other=0, h1sess=sessions, req_other=0, h1req=requests)
            _wire(row, found, found["scur"], sessions, found["streams"], requests)
        else:
            _set(row, sess_other=sessions, h1sess=0, req_other=0, h1req=0)
            _wire(row, {}, 0, 0, 0, 0)
        return row


PROTOCOLS = {"inet": "tcpv4", "inet6": "tcpv6", "unix": "unix_stream", "abns": "unix_stream"}


class ListenerPart(Part):
    """One listening address of a frontend with `option socket-stats`."""

    kind, letter = LISTENER, "L"

    def __init__(self, proxy: Proxy, iid: int, item: Bind, port: int, number: int, slot: ProxySlot) -> None:
        super().__init__(proxy, iid, item[bind_words.NAME] or f"sock-{number}", number)
        self.slot = slot
        self.address = _listening_at(item, port)
        self.settle(slim=item[bind_words.MAXCONN], proto=PROTOCOLS.get(item.address.family, "tcpv4"))

    def row(self, at_ms: int, *, legends: bool = True) -> Row:
        row, found = self.start(self.slot, at_ms, _LISTEN)
        slim = self.fixed[PLACE["slim"]]
        _set(row, status="FULL" if slim and found["scur"] >= slim else "OPEN", addr=self.address if legends else None)
        return row


def _listening_at(item: Bind, port: int) -> str:
    address = item.address
    if address.family in ("unix", "abns"):
        return "unix"
    host = address.host or ("::" if address.family == "inet6" else "0.0.0.0")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class ServerPart(Part):
    """A server."""

    kind, letter = SERVER, "S"

    def __init__(self, proxy: Proxy, iid: int, item: ServerItem, server: Any, parts: Parts) -> None:
        super().__init__(proxy, iid, server.name, server.slot.puid)
        self.server = server
        self.parts = parts
        self.state = serverstate.ServerState(proxy, item, parts.born_s)
        backup = bool(server.slot.gauges()["backup"])
        limit = server.pool_max
        self.settle(act=int(not backup), bck=int(backup), src_ilim=limit if limit < 0xFFFFFFFF else None, srid=0)
        self.plain = _SERVER + (_places(f"{_HRSP} req_tot") if self.http else [])

    def row(self, at_ms: int, *, legends: bool = True) -> Row:
        server = self.server
        row, found = self.start(server.slot, at_ms, self.plain)
        now = at_ms // 1000
        _set(
            row, slim=found["maxconn"] or None, qlimit=found["maxqueue"] or None, weight=-(-found["eweight"] // 16),
            lastsess=now - found["last_session"] if found["last_session"] else -1, srv_icur=found["idle_conns"],
            idle_conn_cur=found["idle_conns"], safe_conn_cur=0, used_conn_cur=found["used_conns"],
            need_conn_est=max(found["used_conns"], int(found["stot"] > 0 or bool(found["check_state"] & 4))),
        )  # fmt: skip
        for name, value in self.state.fields(found, now, self.seen(at_ms)):
            row[PLACE[name]] = value
        if legends:
            _set(row, addr=self.state.address(found), cookie=self.cookie())
        return row

    def seen(self, at_ms: int) -> serverstate.Seen | None:
        """What the checks of the server at the end of the `track` chain found; None for one that is checked itself."""
        part: ServerPart | None = self
        for _ in range(MOST_TRACKED):
            if part is None or not part.state.track:
                break
            part = self.parts.named(part.state.track)
        if part is None or part is self:
            return None
        return part.server.slot.statistics(at_ms), part.state.rise, part.state.fall

    def cookie(self) -> str | None:
        """Of its line, or the one that is made up for it (`cookie ... dynamic`)."""
        made: bytes | None = None if self.state.cookie else self.server.cookie
        return made.decode("ascii", "replace") if made else self.state.cookie


class BackendPart(Part):
    """`BACKEND` of a backend or listen."""

    kind, letter = BACKEND, "B"

    def __init__(self, proxy: Proxy, iid: int, back: Any, born_s: int) -> None:
        super().__init__(proxy, iid, "BACKEND", 0)
        self.back = back
        self.born_s = born_s
        self.settle(agg_server_status=0, agg_server_check_status=0, agg_check_status=0, **dict.fromkeys(_H2, 0))
        self.plain = _BACK + (_BACK_HTTP if self.http else [])

    def row(self, at_ms: int, *, legends: bool = True) -> Row:
        row, found = self.start(self.back.slot, at_ms, self.plain)
        now = at_ms // 1000
        servers = [s.slot for s in self.back.servers]
        each = [(slot.gauges(), slot.totals()) for slot in servers]
        up = not servers or found["usable"] + found["usable_backup"] > 0
        changed = found["changed"] or self.born_s
        every = bool(self.proxy[ALLBACKUPS])
        _set(
            row, slim=self.back.fullconn, status="UP" if up else "DOWN", act=found["usable"], bck=found["usable_backup"],
            weight=self.back.slot.weight(every), uweight=_user_weight(servers, found["usable"], every), lastchg=now - changed,
            lastsess=now - found["last_session"] if found["last_session"] else -1,
            connect=sum(t["connect"] for _, t in each), reuse=sum(t["reuse"] for _, t in each),
        )  # fmt: skip
        if servers:
            _set(row, downtime=found["downtime"] + (0 if up else now - changed))
        kept = sum(g["used_conns"] + g["idle_conns"] for g, _ in each)
        used = sum(g["used_conns"] for g, _ in each)
        made = sum(t["connect"] for _, t in each)
        if self.http:
            _wire(row, found, kept, made, used, sum(t["req_tot"] for _, t in each))
        else:
            _wire(row, {}, 0, 0, 0, 0)
        if legends:
            _set(row, algo=self.proxy[balance.BALANCE][0], cookie=serverstate.backend_cookie(self.proxy))
        return row


def _user_weight(servers: list[ServerSlot], active: int, every: bool) -> int:
    """Sum of the user weights of those servers that get traffic: the active ones, else the first backup or every one."""
    usable = [slot.gauges() for slot in servers if slot.usable]
    weights = [g["uweight"] for g in usable if bool(g["backup"]) == (not active)]
    return sum(weights if active or every else weights[:1])


class Parts:
    """All rows of one World in HAProxy's order: each proxy's frontend, its listeners, its servers, its backend."""

    def __init__(self, world: World, born_s: int) -> None:
        self.world = world
        self.born_s = born_s
        self.items: dict[int, ServerItem] = {}  # by room of the segment: servers added at run time
        self._servers: dict[int, ServerPart] = {}
        self.proxies = [p for p in world.config.proxies if not p[words.DISABLED]]
        self.iids = proxy_ids(world.config)
        self._fixed = {id(p): self._of_proxy(p) for p in self.proxies}

    def iid(self, proxy: Proxy) -> int:
        """The number of a proxy."""
        return self.iids[id(proxy)]

    def of(self, proxy: Proxy) -> Iterator[Part]:
        """The rows of one proxy as they are now: servers may come and go."""
        front, back = self._fixed[id(proxy)]
        yield from front
        if back is not None:
            yield from self.servers(proxy)
            yield back

    def named(self, text: str) -> ServerPart | None:
        """A server by "backend/server"."""
        name, _, wanted = text.partition("/")
        back = self.world.backends.get(name)
        proxy = next((p for p in self.proxies if p.name == name and p.is_backend), None)
        server = next((s for s in back.servers if s.name == wanted), None) if back and proxy else None
        return self._server(proxy, server) if proxy and server else None

    def servers(self, proxy: Proxy) -> list[ServerPart]:
        """The servers of one proxy."""
        persistence = self.world.backends[proxy.name].persistence
        if persistence is not None:
            persistence.refresh()
        return [self._server(proxy, server) for server in self.world.backends[proxy.name].servers]

    def forget(self, room: int) -> None:
        """The server of this room of the segment was deleted."""
        self.items.pop(room, None)
        self._servers.pop(room, None)

    def _server(self, proxy: Proxy, server: Any) -> ServerPart:
        room = server.slot.room
        found = self._servers.get(room)
        if found is None or found.server is not server:
            item = self.items.get(room) or next((s for s in proxy.servers if s.name == server.name), None)
            item = item or ServerItem(proxy.where, name=server.name)
            found = ServerPart(proxy, self.iid(proxy), item, server, self)
            self._servers[room] = found
        return found

    def _of_proxy(self, proxy: Proxy) -> tuple[list[Part], BackendPart | None]:
        front: list[Part] = []
        iid = self.iid(proxy)
        if proxy.is_frontend:
            front.append(FrontendPart(proxy, iid, self.world.frontends[proxy.name], self.world))
            front += self._listeners(proxy, iid)
        if not proxy.is_backend:
            return front, None
        back = self.world.backends[proxy.name]
        return front, BackendPart(proxy, iid, back, self.born_s)

    def _listeners(self, proxy: Proxy, iid: int) -> Iterator[ListenerPart]:
        for number, (item, port, slot) in enumerate(self.world.sockets.get(proxy.name, ()), 1):
            yield ListenerPart(proxy, iid, item, port, item[bind_words.ID] or number, slot)


def proxy_ids(config: Config) -> dict[int, int]:
    """id() of each proxy -> its number: the one configured, else its place from 1 (2) on, or the next that is free."""
    proxies, number = config.proxies, 2 if config.globals[STATS_SOCKETS] else 1  # the runtime socket is a proxy, the first one
    taken = {p[words.ID] for p in proxies if p[words.ID]}
    found: dict[int, int] = {}
    for proxy in proxies:
        given = proxy[words.ID]
        if given is None:
            while number in taken:
                number += 1
            taken.add(number)
        found[id(proxy)] = number if given is None else given
        number += 1
    return found
