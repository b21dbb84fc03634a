"""Types of observe.sender for Python; the C side is in sender.pxd."""

from collections.abc import Callable, Sequence
from typing import Any

from haproxy_py.observe.targets import LogTarget

class LogOutput:
    pid: int
    sent: int
    dropped: int
    alarm: Callable[[str], object] | None
    def attach(self, reactor: Any) -> None: ...
    def detach(self) -> None: ...
    def close(self) -> None: ...
    def forked(self) -> None: ...

class LogSender:
    output: LogOutput
    targets: list[LogTarget]
    dropped: list[int]
    def __init__(
        self, targets: Sequence[LogTarget], tag: str = "haproxy", hostname: str | None = None, to: LogOutput | None = None
    ) -> None: ...
    def log(self, level: int, text: str | bytes, sd: str | bytes | None = None) -> None: ...
    def attach(self, reactor: Any) -> None: ...
    def flush(self) -> None: ...
    def renew(self) -> None: ...

output: LogOutput
