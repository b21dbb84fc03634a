"""Types of checks.probe for Python."""

from collections.abc import Callable

from backends.checks.connection import Dialog
from backends.checks.status import Finding
from backends.server import Server
from haproxy_py.engine.reactor import Reactor, Source
from haproxy_py.engine.tls import TlsContext

class Target:
    def __init__(
        self,
        host: str,
        port: int,
        *,
        proxy: int = 0,
        tls: TlsContext | None = None,
        sni: str = "",
        source: tuple[str, int] = ("", 0),
        interface: str = "",
        linger: bool = False,
        pool: Server | None = None,
    ) -> None: ...

class Probe(Source):
    stale: bool
    def __init__(self) -> None: ...
    def start(
        self,
        reactor: Reactor,
        target: Target,
        connect_ms: int,
        answer_ms: int,
        dialog: Dialog | None,
        done: Callable[[Finding], None],
        *,
        fresh: bool = False,
    ) -> None: ...
    def cancel(self) -> None: ...

class Ticker(Source):
    def arm(self, reactor: Reactor, delay_ms: float) -> None: ...
    def hasten(self, reactor: Reactor, delay_ms: float) -> None: ...
    def disarm(self) -> None: ...
    def due(self) -> None: ...

def clock_us(reactor: Reactor) -> int: ...
