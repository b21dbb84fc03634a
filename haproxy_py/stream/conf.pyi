"""Types of stream.conf for Python; units and meaning are in conf.pxd."""

from typing import Any

from haproxy_py.engine.reply import Reply
from haproxy_py.engine.shm import ProxySlot
from haproxy_py.engine.worker import Worker
from haproxy_py.observe.sender import LogSender
from haproxy_py.rules.logformat import UniqueId
from haproxy_py.rules.rule import Action, LogFormat, RuleSet, UseBackend
from haproxy_py.stream.session import Mux

class AddrField:
    name: bytes
    if_none: bool
    networks: list[tuple[bytes, int]]

class HttpConf:
    mode: int
    forwardfor: AddrField | None
    originalto: AddrField | None
    no_delay: bool
    buffer_request: bool
    pretend_keepalive: bool
    ignore_probes: bool
    lenient: bool
    lenient_reply: bool
    use_proxy_header: bool
    errors: dict[int, Reply] | None
    monitor_uri: bytes | None
    send_name: bytes | None

class LogPlan:
    sender: LogSender
    format: LogFormat
    error_format: LogFormat | None
    dontlognull: bool
    dontlog_normal: bool
    separate_errors: bool
    asap: bool
    at_accept: bool
    sd: LogFormat | None
    uri_room: int

class FrontConf:
    slot: ProxySlot
    http: bool
    mux: Mux
    worker: Worker
    timeout_client: int
    timeout_http_request: int
    timeout_http_keepalive: int
    timeout_client_fin: int
    timeout_client_hs: int
    timeout_tarpit: int
    inspect_delay: int
    maxconn: int
    rate_limit: int
    tcp_connection: RuleSet | None
    tcp_session: RuleSet | None
    tcp_content: RuleSet | None
    http_request: RuleSet | None
    redirects: RuleSet | None
    http_response: RuleSet | None
    response_captures: RuleSet | None
    http_after: RuleSet | None
    monitor_fail: RuleSet | None
    twin: ProxySlot | None
    service: Any
    use_backend: UseBackend | None
    backends: dict[str, Any]
    default_backend: Any
    httpconf: HttpConf
    log: LogPlan | None
    unique_id: UniqueId | None
    capture_request: Action | None
    capture_response: Action | None
    cookie_logged: bool
    tcpka: bool
    ka_cnt: int
    ka_idle: int
    ka_intvl: int
    nolinger: bool
    idle_close_on_response: bool
    sessions_waiting: list[Any]
