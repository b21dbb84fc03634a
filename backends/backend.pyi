"""Types of backends.backend for Python; units and meaning are in backend.pxd."""

from collections import deque
from typing import Any

from backends.server import Server
from balancers.base import Balancer
from haproxy_py.engine.shm import ProxySlot
from haproxy_py.engine.worker import Worker
from haproxy_py.rules.rule import RuleSet

class Backend:
    slot: ProxySlot
    name: str
    http: bool
    servers: list[Server]
    balancer: Balancer
    queue: deque[Any]
    any_limit: bool
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
    retry_on: int
    tcp_content: RuleSet | None
    http_request: RuleSet | None
    redirects: RuleSet | None
    tcp_response: RuleSet | None
    http_response: RuleSet | None
    http_after: RuleSet | None
    inspect_delay: int
    conf: Any
    def __init__(self, worker: Worker, slot: ProxySlot, http: bool) -> None: ...
    def close_idle(self) -> None: ...
    def wake_queues(self) -> None: ...

def retry_bits(words: tuple[str, ...]) -> int: ...
