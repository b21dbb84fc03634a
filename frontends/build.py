"""Configured frontends -> what sessions and listeners use. Called before the fork; nothing here opens a socket."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from frontends.bind import Wanted
from frontends.listener import Listener
from frontends.tls_options import server_context
from haproxy_py.config.keywords import bind as bind_words
from haproxy_py.config.keywords import errorfiles, forwarding, options, timeouts, tuning
from haproxy_py.config.keywords import proxy as words
from haproxy_py.config.model import Config, Proxy
from haproxy_py.engine.addr import text_to_addr
from haproxy_py.engine.reply import from_errorfile
from haproxy_py.observe.sender import LogSender
from haproxy_py.observe.targets import LOG_SEND_HOSTNAME, tag_of, targets_of
from haproxy_py.rules import keywords as rules
from haproxy_py.rules import logkeywords as formats
from haproxy_py.rules.capturekeywords import CAPTURE_COOKIE
from haproxy_py.rules.monitor import MONITOR_FAIL
from haproxy_py.rules.rule import Rule, RuleSet, UseBackend
from haproxy_py.rules.slots import REQUEST_SLOTS, RESPONSE_SLOTS
from haproxy_py.services.stats import service_of
from haproxy_py.stream import http, tcp
from haproxy_py.stream.conf import AddrField, FrontConf, HttpConf, LogPlan

if TYPE_CHECKING:
    from haproxy_py.engine.shm import ProxySlot
    from haproxy_py.engine.worker import Worker

CONNECTION_MODES = {"http-keep-alive": 0, "http-server-close": 1, "httpclose": 2}


def build_frontend(
    config: Config, proxy: Proxy, slot: ProxySlot, worker: Worker, backends: Mapping[str, Any]
) -> FrontConf:
    """One frontend (or the front half of a listen). Raises: ConfigError with the place of the fault."""
    made = FrontConf()
    made.slot = slot
    made.worker = worker
    made.http = proxy[words.MODE] == "http"
    made.mux = http.mux() if made.http else tcp.mux()
    made.timeout_client = proxy[timeouts.TIMEOUT_CLIENT] or 0
    made.timeout_http_request = proxy[timeouts.TIMEOUT_HTTP_REQUEST] or 0
    made.timeout_http_keepalive = proxy[timeouts.TIMEOUT_HTTP_KEEP_ALIVE] or 0
    made.timeout_client_fin = proxy[timeouts.TIMEOUT_CLIENT_FIN] or 0
    made.timeout_client_hs = proxy[timeouts.TIMEOUT_CLIENT_HS] or 0
    made.timeout_tarpit = proxy[timeouts.TIMEOUT_TARPIT] or 0
    made.maxconn = proxy[words.MAXCONN] or config.globals[words.DEFAULT_MAXCONN] or made.maxconn
    made.rate_limit = proxy[words.RATE_LIMIT]
    made.tcpka = bool(proxy[options.TCPKA] or proxy[options.CLITCPKA])
    made.ka_cnt = proxy[options.CLITCPKA_CNT] or 0
    made.ka_idle = (proxy[options.CLITCPKA_IDLE] or 0) // 1000
    made.ka_intvl = (proxy[options.CLITCPKA_INTVL] or 0) // 1000
    made.nolinger = bool(proxy[options.NOLINGER])
    made.idle_close_on_response = bool(proxy[options.IDLE_CLOSE_ON_RESPONSE])
    made.sessions_waiting = []
    made.backends = dict(backends)
    made.default_backend = backends.get(proxy.name if proxy.kind == "listen" else proxy[words.DEFAULT_BACKEND])
    made.httpconf = http_conf(proxy)
    made.log = log_plan(config, proxy)
    made.twin = backends[proxy.name].slot if proxy.kind == "listen" else None
    made.service = service_of(proxy)
    lengths_req, lengths_res = proxy[REQUEST_SLOTS], proxy[RESPONSE_SLOTS]
    slot.slots_req, slot.slots_res = tuple(lengths_req) or None, tuple(lengths_res) or None
    captures = proxy[CAPTURE_COOKIE]
    if captures is not None:
        made.capture_request, made.capture_response = captures
    made.cookie_logged = made.http and proxy.kind == "listen" and backends[proxy.name].cookie_logged
    made.unique_id = proxy[formats.UNIQUE_ID]
    made.tcp_connection = rule_set(proxy[rules.TCP_CONNECTION_RULES])
    made.tcp_session = rule_set(proxy[rules.TCP_SESSION_RULES])
    made.use_backend = UseBackend(proxy[rules.USE_BACKEND]) if proxy[rules.USE_BACKEND] else None
    give_rules(made, proxy)
    made.response_captures = rule_set([rule for rule in proxy[rules.HTTP_RESPONSE_RULES] if rule.keyword == rules.CAPTURE_HEADER])
    made.monitor_fail = rule_set(proxy[MONITOR_FAIL])
    return made


def hostname_of(config: Config, proxy: Proxy) -> str | None:
    """The host name in log headers; None: none (log-send-hostname was not said)."""
    said = proxy[LOG_SEND_HOSTNAME] if proxy[LOG_SEND_HOSTNAME] is not None else config.globals[LOG_SEND_HOSTNAME]
    return said if said is None or said else socket.gethostname()


def give_rules(made: Any, proxy: Proxy) -> None:
    """The rule sets that a frontend and a backend both have. A listen runs its own once, in the frontend."""
    made.tcp_content = rule_set(proxy[rules.TCP_CONTENT_RULES])
    made.http_request = rule_set(proxy[rules.HTTP_REQUEST_RULES])
    made.redirects = rule_set(proxy[rules.REDIRECT_RULES])
    own = proxy[rules.HTTP_RESPONSE_RULES]
    made.http_response = rule_set([rule for rule in own if rule.keyword != rules.CAPTURE_HEADER])
    made.http_after = rule_set(proxy[rules.HTTP_AFTER_RULES])
    made.inspect_delay = proxy[rules.INSPECT_DELAY] or 0


def rule_set(found: list[Rule]) -> RuleSet | None:
    """Rules ready to run; None when there are none, which costs nothing per request."""
    return RuleSet(found) if found else None


def log_plan(config: Config, proxy: Proxy) -> LogPlan | None:
    """What a frontend logs and to whom; None when it has no receiver."""
    receivers = targets_of(config, proxy)
    format = proxy[formats.LOG]
    if not receivers or format is None:
        return None
    made = LogPlan()
    made.sender = LogSender(receivers, tag=tag_of(config, proxy), hostname=hostname_of(config, proxy))
    made.format = format
    made.error_format = proxy[formats.LOG_ERROR]
    made.at_accept = proxy[formats.LOG_AT_ACCEPT]
    made.sd = proxy[formats.LOG_SD]
    made.dontlognull = bool(proxy[options.DONTLOGNULL])
    made.dontlog_normal = bool(proxy[options.DONTLOG_NORMAL])
    made.separate_errors = bool(proxy[options.LOG_SEPARATE_ERRORS])
    made.asap = bool(proxy[options.LOGASAP])
    made.uri_room = config.globals[tuning.LOGURILEN]
    return made


def finish_backend(made: Any, proxy: Proxy) -> None:
    """What a backend of backends.build still lacks: its HTTP options and rules."""
    made.conf = http_conf(proxy)
    if proxy.kind != "listen":
        give_rules(made, proxy)
        made.service = service_of(proxy)
    made.tcp_response = rule_set(proxy[rules.TCP_RESPONSE_RULES])
    made.response_delay = proxy[rules.RESPONSE_INSPECT_DELAY] or 0


def http_conf(proxy: Proxy) -> HttpConf:
    """The HTTP options of one proxy; a backend has its own."""
    made = HttpConf()
    made.mode = CONNECTION_MODES[proxy[options.HTTP_MODE]]
    made.forwardfor = addr_field(proxy[forwarding.FORWARDFOR])
    made.originalto = addr_field(proxy[forwarding.ORIGINALTO])
    made.buffer_request = bool(proxy[options.HTTP_BUFFER_REQUEST])
    made.pretend_keepalive = bool(proxy[options.HTTP_PRETEND_KEEPALIVE])
    made.ignore_probes = bool(proxy[options.HTTP_IGNORE_PROBES])
    made.use_proxy_header = bool(proxy[options.HTTP_USE_PROXY_HEADER])
    made.no_delay = bool(proxy[options.HTTP_NO_DELAY])
    made.lenient = bool(proxy[options.ACCEPT_UNSAFE_REQUEST])
    made.lenient_reply = bool(proxy[options.ACCEPT_UNSAFE_RESPONSE])
    pages = proxy[errorfiles.ERRORFILES]
    made.errors = {status: from_errorfile(page, logged=status) for status, page in pages.items()} or None
    if proxy[forwarding.SEND_NAME]:
        made.send_name = proxy[forwarding.SEND_NAME].lower().encode("utf-8", "surrogateescape")
    if proxy[words.MONITOR_URI]:
        made.monitor_uri = proxy[words.MONITOR_URI].encode("utf-8", "surrogateescape")
    return made


def addr_field(option: forwarding.Forward | None) -> AddrField | None:
    """option forwardfor / originalto, ready to use."""
    if option is None:
        return None
    made = AddrField()
    made.name = option.header.lower().encode("utf-8", "surrogateescape")
    made.if_none = option.if_none
    made.networks = []
    if option.excepted is not None:
        net = option.excepted
        made.networks.append((text_to_addr(str(net.network_address)), net.prefixlen))
    return made


def build_listener(
    config: Config, one: Wanted, front: FrontConf, fd: int, worker: Worker, slot: ProxySlot | None = None
) -> Listener:
    """One listening socket of a bind line in this worker. slot: of its own in the segment, where it has one."""
    item = one.bind
    return Listener(
        worker,
        front,
        fd,
        key=one.key,
        bind_name=bind_name(one),
        tls=server_context(item, config),
        accept_proxy=item[bind_words.ACCEPT_PROXY],
        maxconn=item[bind_words.MAXCONN],
        limit=slot if item[bind_words.MAXCONN] else None,
        counts=slot if one.proxy[options.SOCKET_STATS] else None,
        on_unix=item.address.family in ("unix", "abns"),
        tcp_ut=item[bind_words.TCP_UT],
        number=number(one) & 0xFFFF,
    )


def number(one: Wanted) -> int:
    """The id given on the line, else its place in the proxy, from 1."""
    return one.bind[bind_words.ID] or one.proxy.binds.index(one.bind) + 1


def bind_name(one: Wanted) -> bytes:
    """The name given on the line, else its number in the proxy, from 1."""
    name = one.bind[bind_words.NAME] or str(number(one))
    return name.encode("utf-8", "surrogateescape")

