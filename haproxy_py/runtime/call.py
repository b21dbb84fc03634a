"""One command under way: what it was given, who asks, and where its answers come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from haproxy_py.runtime.home import Home
from haproxy_py.runtime.registry import ERR, Answer, Command, Level

MODES = ("none", "number", "string")
WORDS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")


@dataclass(slots=True)
class Client:
    """The state of one connection. timeout_ms: idle time; prompt: interactive with "> ", interactive: stays open."""

    level: Level = Level.ADMIN
    timeout_ms: int = 10000
    severity: str = "none"
    prompt: bool = False
    interactive: bool = False
    timed: bool = False
    expert: bool = False
    experimental: bool = False
    anonymous_key: int = 0
    closing: bool = False
    tags: dict[str, Any] = field(default_factory=dict)

    def message(self, answer: Answer) -> str:
        """A message as this connection wants it (severity-output)."""
        text = answer.text if answer.text.endswith("\n") else answer.text + "\n"
        if self.severity == "number":
            return f"[{answer.severity}]: {text}"
        return f"[{WORDS[answer.severity]}]: {text}" if self.severity == "string" else text


@dataclass(slots=True)
class Call:
    """words: all of the command's; args: those behind its name. payload: bytes or None."""

    words: list[str]
    args: list[str]
    payload: bytes | None
    client: Client
    service: Home
    table: dict[tuple[str, ...], Command]
    row: Command
    wake: Callable[[], bool] = lambda: False  # whether the client has sent something since (ends endless outputs)

    def arg(self, i: int) -> str:
        """An argument, "" when it is not there."""
        return self.args[i] if i < len(self.args) else ""

    def need(self, level: Level) -> None:
        """Raises: Answer: the connection may not."""
        if self.client.level < level:
            raise Answer("Permission denied\n", ERR)

    @property
    def instance(self) -> Any:
        """process.instance.Instance of this process."""
        return self.service.instance
