"""Types of backends.server for Python; units and meaning are in server.pxd."""

from typing import Any

from balancers.base import Balancer
from haproxy_py.engine.shm import ServerSlot
from haproxy_py.engine.tls import TlsContext
from haproxy_py.engine.worker import Worker
from haproxy_py.rules.rule import LogFormat

class Server:
    slot: ServerSlot
    name: str
    backend: Any
    fullconn: int
    unix_path: bytes | None
    map_port: bool
    port_offset: int
    tls: TlsContext | None
    sni: LogFormat | None
    send_proxy: int
    rcvbuf: int
    sndbuf: int
    proxy_flags: int
    pool_max: int
    pool_low: int
    purge_ms: int
    max_reuse: int
    tcpka: bool
    ka_cnt: int
    ka_idle: int
    ka_intvl: int
    tcp_ut: int
    smart_connect: bool
    observe: int
    error_limit: int
    alarm: Any
    idle_count: int
    max_queue: int
    cookie: bytes | None
    own_cookie: bool
    watcher: Balancer | None
    streams: set[Any]
    def __init__(self, worker: Worker, slot: ServerSlot, backend: Any) -> None: ...
    def set_source(self, host: str, port: int) -> None: ...
    def set_limits(self, maxconn: int, minconn: int, maxqueue: int = 0) -> None: ...
