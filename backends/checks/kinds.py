"""What the kinds of check with a protocol of their own share. Each is one file: a script, and the option that chooses it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backends.checks.keywords import KIND, SCRIPT
from backends.checks.status import Finding, Status
from backends.checks.tcp import TcpStep
from haproxy_py.config.line import Line
from haproxy_py.config.model import Proxy
from haproxy_py.config.registry import BACKEND, proxy_keyword

Scripted = Callable[[Line], Sequence[TcpStep]]


def kind(name: str, *, args: int | tuple[int, int | None] = 0) -> Callable[[Scripted], Scripted]:
    """Register `option NAME`: it replaces any other kind of check. The function makes its script."""

    def register(script: Scripted) -> Scripted:
        @proxy_keyword(f"option {name}", sections=BACKEND, args=args, source=f"manual 4.2 option {name}")
        def option(line: Line, proxy: Proxy) -> None:
            proxy[SCRIPT] = list(script(line))
            proxy[KIND] = name

        return script

    return register


def first_line(data: bytes) -> str:
    """Text up to the first line end."""
    for i, byte in enumerate(data):
        if byte in b"\r\n":
            return data[:i].decode("utf-8", "surrogateescape")
    return data.decode("utf-8", "surrogateescape")


def c_string(data: bytes) -> str:
    """Text up to the first NUL."""
    return data.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def empty(status: Status, step: int) -> Finding:
    """The peer has closed without a word."""
    return Finding(status, 0, f"TCPCHK got an empty response at step {step}")
