"""What a command may ask of the place where it runs: the service of a worker, or the master's socket."""

from __future__ import annotations

from typing import Any, Protocol

from haproxy_py.runtime.sockets import Door


class Home(Protocol):
    """instance: process.instance.Instance of this process. started_at: wall seconds. doors: the sockets that it serves."""

    instance: Any
    started_at: float
    doors: list[Door]

    async def everywhere(self, name: str, *arguments: Any) -> dict[int, Any]:
        """Run an operation in every worker: its values by slot. Raises: Answer: one failed or does not respond."""

    def removable(self, server: Any) -> str:
        """Why a server cannot be deleted, in HAProxy's words; "" when it can."""

    def startup_logs(self) -> list[str]:
        """What the start printed on stderr."""

    def environment(self) -> dict[str, str]:
        """The environment as the configuration left it."""
