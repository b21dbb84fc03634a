"""Configured backends -> running ones. Called before the fork; nothing here opens a socket."""

from __future__ import annotations

import resource
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from backends import hash_settings, state, tls_use, use_ssl
from backends import life_keywords as life_words
from backends.backend import Backend, retry_bits
from backends.persistence_build import build_persistence, give_cookie
from backends.server import Server
from backends.sni import SNI_FORMAT
from backends.tls_options import client_context
from balancers.registry import Algorithm, find
from haproxy_py.config.address import resolve
from haproxy_py.config.errors import ConfigError
from haproxy_py.config.keywords import balance, options, timeouts, tuning
from haproxy_py.config.keywords import process as process_words
from haproxy_py.config.keywords import proxy as words
from haproxy_py.config.keywords import server as server_words
from haproxy_py.config.keywords import server_options as server_settings
from haproxy_py.config.keywords.server_names import RESOLVERS, is_srv
from haproxy_py.config.model import Config, Proxy
from haproxy_py.config.model import Server as ServerItem
from haproxy_py.rules.keywords import USE_BACKEND

if TYPE_CHECKING:
    from balancers.base import Balancer
    from haproxy_py.engine.shm import ProxySlot, Segment, ServerSlot
    from haproxy_py.engine.worker import Worker

REUSE = {"never": 0, "safe": 1, "aggressive": 2, "always": 3}
CONFIGURED_MAINTENANCE = state.CMAINT | state.FMAINT
NO_ADDRESS = state.RMAINT
OBSERVED = {"": 0, "layer4": 1, "layer7": 2}
UNLIMITED = 0xFFFFFFFF
SPARE_SERVERS = 256  # rooms kept for servers added at run time, all backends together
HASHED = {("source",), ("uri",), ("url_param",), ("hdr",), ("rdp-cookie",), ("hash",)}  # algorithms that go by a key


def build_backend(
    config: Config, proxy: Proxy, slot: ProxySlot, worker: Worker, segment: Segment, fullconns: Mapping[str, int]
) -> Backend:
    """One backend (or the back half of a listen) with its servers. fullconns: see default_fullconns().

    Raises: ConfigError with the place of the fault.
    """
    made = Backend(worker, slot, proxy[words.MODE] == "http")
    made.timeout_connect = proxy[timeouts.TIMEOUT_CONNECT] or 0
    made.timeout_server = proxy[timeouts.TIMEOUT_SERVER] or 0
    made.timeout_queue = proxy[timeouts.TIMEOUT_QUEUE] or 0
    made.timeout_tunnel = proxy[timeouts.TIMEOUT_TUNNEL] or 0
    made.timeout_server_fin = proxy[timeouts.TIMEOUT_SERVER_FIN] or 0
    made.timeout_tarpit = proxy[timeouts.TIMEOUT_TARPIT] or 0
    made.retries = proxy[words.RETRIES]
    made.redispatch = proxy[options.REDISPATCH] or 0
    made.reuse = REUSE[proxy[words.HTTP_REUSE]]
    made.abortonclose = bool(proxy[options.ABORTONCLOSE])
    made.nolinger = bool(proxy[options.NOLINGER])
    made.retry_on = retry_bits(proxy[words.RETRY_ON])
    made.fullconn = proxy[words.FULLCONN] or fullconns.get(proxy.name, 1)
    for number, item in zip(numbers(proxy.servers), proxy.servers, strict=True):
        made.servers.append(build_server(config, proxy, item, number, made, worker, segment))
    made.balancer = new_balancer(proxy)
    room = server_room(proxy)
    made.balancer.attach(slot, [s.slot for s in made.servers], allbackups=bool(proxy[options.ALLBACKUPS]), room=room)
    made.balancer.fullconn = made.fullconn
    for server in made.servers if made.balancer.by_load else ():
        server.watcher = made.balancer
    state.refresh(slot)
    made.persistence = build_persistence(proxy, slot, made.servers)
    made.hashing = proxy[balance.BALANCE][:1] in HASHED
    made.prefer_last = bool(proxy[options.PREFER_LAST_SERVER])
    made.max_ka_queue = proxy[words.MAX_KEEP_ALIVE_QUEUE]
    return made


def algorithm(proxy: Proxy) -> Algorithm:
    """The balancing algorithm of a backend; roundrobin when nothing was said (manual 4.2 balance)."""
    row = find(proxy[balance.BALANCE][0] if proxy[balance.BALANCE] else "roundrobin")
    if row is None:
        raise ConfigError(f"balance {proxy[balance.BALANCE][0]!r} is not built", proxy.where)
    return row


def new_balancer(proxy: Proxy) -> Balancer:
    """The balancer of a backend, not attached yet."""
    made: Balancer = algorithm(proxy).make()
    made.configure(proxy[balance.BALANCE][1:])
    if algorithm(proxy).argument == "hash":
        hash_settings.apply(made, proxy)
    return made


def shared_bytes(config: Config) -> int:
    """Room that the balancers of a configuration want in the segment, rounded up generously for alignment."""
    backends = [p for p in config.proxies if p.is_backend]
    return sum(new_balancer(p).state_size(server_room(p)) + 64 for p in backends)


def server_room(proxy: Proxy) -> int:
    """How many servers a backend may come to have: more than it begins with where its algorithm lets servers be added."""
    return max(1, len(proxy.servers)) + (SPARE_SERVERS if hash_settings.dynamic(proxy) else 0)


def default_fullconns(config: Config) -> dict[str, int]:
    """By backend: a tenth of the maxconn of the frontends that may send traffic there (manual 4.2 fullconn)."""
    whole = config.globals[process_words.MAXCONN] or resource.getrlimit(resource.RLIMIT_NOFILE)[1] // 2
    total: dict[str, int] = {}
    for front in config.proxies:
        for name in led_to(front) if front.is_frontend else ():
            total[name] = total.get(name, 0) + (front[words.MAXCONN] or whole)
    return {name: max(1, (most + 9) // 10) for name, most in total.items()}


def led_to(front: Proxy) -> set[str]:
    """Names of a frontend's other half, its default backend, and what its use_backend rules name (not by a format)."""
    named = {front[words.DEFAULT_BACKEND], *(rule.name for rule in front[USE_BACKEND] if rule.name)}
    return named | {front.name} if front.is_backend else named


def numbers(servers: list[ServerItem]) -> Iterator[int]:
    """Their numbers: what `id` says, else the place in the list or the next that is free."""
    used = {item[server_words.ID] for item in servers}
    following = 1
    for item in servers:
        number = item[server_words.ID]
        if not number:
            while following in used:
                following += 1
            number = following
            used.add(number)
        following += 1
        yield number


def build_server(
    config: Config,
    proxy: Proxy,
    item: ServerItem,
    number: int,
    backend: Backend,
    worker: Worker,
    segment: Segment,
    *,
    room: int = -1,
    admin: int = 0,
) -> Server:
    """One server line. room: of the segment, for one added at run time; its shared part is filled by the first process
    that comes. admin: bits of its administrative state beside those of its line."""
    slot = segment.server(backend.slot, item.name, item[server_words.ID] or number, room=room)
    if room < 0 or not state.facts(slot)["last_change"]:
        share(slot, item, admin, hash_settings.dynamic(proxy))
    made = Server(worker, slot, backend)
    give_cookie(made, item)
    made.fullconn = backend.fullconn
    made.set_limits(item[server_settings.MAXCONN], item[server_settings.MINCONN], item[server_settings.MAXQUEUE])
    if item.address.family in ("unix", "abns"):
        made.unix_path = unix_path(item)
    made.map_port = item.address.family not in ("unix", "abns", "fd") and (
        not item.address.has_port or item.address.relative is not None
    )
    made.port_offset = item.address.relative or 0
    state.set_port_map(slot, made.map_port, made.port_offset)
    made.observe = OBSERVED[item[life_words.OBSERVE]]
    made.error_limit = item[life_words.ERROR_LIMIT]
    pool(made, item)
    made.send_proxy = 2 if item[server_settings.SEND_PROXY_V2] else 1 if item[server_settings.SEND_PROXY] else 0
    made.tcpka = bool(proxy[options.TCPKA] or proxy[options.SRVTCPKA])
    made.ka_cnt = proxy[options.SRVTCPKA_CNT] or 0
    made.ka_idle = (proxy[options.SRVTCPKA_IDLE] or 0) // 1000
    made.ka_intvl = (proxy[options.SRVTCPKA_INTVL] or 0) // 1000
    made.tcp_ut = item[server_settings.TCP_UT]
    made.rcvbuf = config.globals[tuning.RCVBUF_SERVER]
    made.sndbuf = config.globals[tuning.SNDBUF_SERVER]
    source = item[server_settings.SOURCE] or proxy[words.SOURCE]
    if source is not None and source.host:
        made.set_source(source.host, source.port)
    speaks = client_context(item, config)
    if speaks is not None:
        made.tls, made.sni = speaks.context, item[SNI_FORMAT]
    return made


def share(slot: ServerSlot, item: ServerItem, admin: int, ramps: bool) -> None:
    """Fill the shared part of a server."""
    host, port = where_it_is(item)
    admin |= CONFIGURED_MAINTENANCE if item[server_settings.DISABLED] else 0
    if item.address.family in ("inet", "inet6", "") and not host:
        admin |= NO_ADDRESS
    state.set_up(
        slot, weight=item[server_settings.WEIGHT], backup=item[server_settings.BACKUP], admin=admin, host=host, port=port,
        maxqueue=item[server_settings.MAXQUEUE],
    )  # fmt: skip
    use_ssl.begin(slot, tls_use.written(item))
    state.set_slowstart(slot, item[life_words.SLOWSTART], ramps)


def pool(made: Server, item: ServerItem) -> None:
    """Limits of the idle connections."""
    most, reuse = item[server_settings.POOL_MAX_CONN], item[server_settings.MAX_REUSE]
    made.pool_max = UNLIMITED if most < 0 else most
    made.pool_low = item[server_settings.POOL_LOW_CONN]
    made.purge_ms = item[server_settings.POOL_PURGE_DELAY] or 1
    made.max_reuse = max(reuse, 0)


def unix_path(item: ServerItem) -> bytes:
    """sun_path of a UNIX or abstract socket."""
    path = (item.address.host or "").encode("utf-8", "surrogateescape")
    return b"\0" + path.ljust(107, b"\0") if item.address.family == "abns" else path


def where_it_is(item: ServerItem) -> tuple[str, int]:
    """IP address in text ("" when init-addr allows to start without one) and port. Raises: ConfigError: unknown name."""
    address: Any = item.address
    if address.family in ("unix", "abns", "fd"):
        return "", 0
    if address.host is None:
        if item[server_words.LOOKED_UP] or is_srv(address.name):
            return "", address.port
        try:
            address = resolve(address)
        except ConfigError as wrong:
            if server_words.may_wait(item) or RESOLVERS in item:
                return "", address.port
            raise ConfigError(wrong.text, item.where) from None
    return address.host or "0.0.0.0", address.port  # "*": where the client was going
