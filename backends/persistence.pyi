"""Types of backends.persistence for Python; meaning is in persistence.pxd."""

from collections.abc import Iterable

from backends.server import Server
from haproxy_py.engine.shm import ProxySlot
from haproxy_py.rules.rule import Cond, LogFormat

MODES: dict[str, int]

class CookiePlan:
    name: bytes
    modes: int
    maxidle: int
    maxlife: int
    attributes: bytes
    key: bytes | None
    def __init__(
        self, name: bytes, *, modes: Iterable[str] = (), maxidle: int = 0, maxlife: int = 0, attributes: bytes = b"",
        key: bytes | None = None,
    ) -> None: ...  # fmt: skip

class Switch:
    name: str | None
    format: LogFormat | None
    def __init__(self, name: str | None, format: LogFormat | None, cond: Cond | None) -> None: ...

class Condition:
    force: bool
    def __init__(self, force: bool, cond: Cond | None) -> None: ...

class Persistence:
    servers: list[Server]
    cookie: CookiePlan | None
    switches: list[Switch] | None
    conditions: list[Condition] | None
    rdp: bytes | None
    anyway: bool
    def __init__(
        self, slot: ProxySlot, servers: list[Server], *, cookie: CookiePlan | None = None,
        switches: list[Switch] | None = None, conditions: list[Condition] | None = None, rdp: bytes | None = None,
        anyway: bool = False,
    ) -> None: ...  # fmt: skip
    def refresh(self) -> None: ...
    def rekey(self, key: bytes | None) -> None: ...
