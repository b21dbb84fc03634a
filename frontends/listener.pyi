"""Types of frontends.listener for Python; the C side is in listener.pxd."""

from backends.follow import Follower
from haproxy_py.engine.reactor import Source
from haproxy_py.engine.shm import ProxySlot
from haproxy_py.engine.tls import TlsContext
from haproxy_py.engine.worker import Worker
from haproxy_py.stream.conf import FrontConf
from haproxy_py.stream.session import Door

class Listener(Door):
    key: str | None
    maxconn: int
    def __init__(
        self,
        worker: Worker,
        front: FrontConf,
        fd: int,
        *,
        key: str | None = None,
        bind_name: bytes = b"",
        tls: TlsContext | None = None,
        accept_proxy: bool = False,
        maxconn: int = 0,
        limit: ProxySlot | None = None,
        on_unix: bool = False,
        tcp_ut: int = 0,
        counts: ProxySlot | None = None,
        number: int = 1,
    ) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def resume(self) -> None: ...

class Waker(Source):
    def __init__(self, worker: Worker, follower: Follower, listeners: list[Listener]) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
