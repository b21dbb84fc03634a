"""Types of backends.backend for Python; units and meaning are in backend.pxd."""

from typing import Any

from backends.persistence import Persistence
from backends.server import Server
from balancers.base import Balancer
from haproxy_py.engine.shm import ProxySlot, ServerSlot
from haproxy_py.engine.worker import Worker
from haproxy_py.rules.rule import RuleSet

class Backend:
    slot: ProxySlot
    name: str
    http: bool
    servers: list[Server]
    balancer: Balancer
    timeout_connect: int
    timeout_server: int
    timeout_queue: int
    timeout_tunnel: int
    timeout_server_fin: int
    timeout_tarpit: int
    fullconn: int
    retries: int
    redispatch: int
    reuse: int
    abortonclose: bool
    nolinger: bool
    persistence: Persistence | None
    hashing: bool
    prefer_last: bool
    max_ka_queue: int
    @property
    def cookie_logged(self) -> bool: ...
    retry_on: int
    tcp_content: RuleSet | None
    http_request: RuleSet | None
    redirects: RuleSet | None
    tcp_response: RuleSet | None
    http_response: RuleSet | None
    http_after: RuleSet | None
    inspect_delay: int
    service: Any
    conf: Any
    def __init__(self, worker: Worker, slot: ProxySlot, http: bool) -> None: ...
    def close_idle(self) -> None: ...
    def server_changed(self, slot: ServerSlot) -> int: ...
    def worker_died(self, worker: int) -> None: ...
    def wake_queues(self, server: Server | None = None) -> int: ...

def retry_bits(words: tuple[str, ...]) -> int: ...
