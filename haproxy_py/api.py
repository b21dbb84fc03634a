"""A proxy inside an asyncio program.

    async with haproxy_py.Proxy.from_text(cfg) as proxy:
        host, port = proxy.addresses["web"][0]
        ...
        print(proxy.stats()["web"]["FRONTEND"]["stot"])

It runs in the caller's own event loop (uvloop or asyncio's), as one worker of one process: nothing is forked, no signal is
taken, no privilege dropped, and global keywords that speak of processes (daemon, user, chroot, nbthread) have no effect.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any, Self

from haproxy_py import features
from haproxy_py.config.address import resolve
from haproxy_py.config.errors import Fault
from haproxy_py.config.model import Config
from haproxy_py.config.reader import load

Address = tuple[str, int] | str


class ConfigurationError(ValueError):
    """The configuration cannot be run. `faults`: everything that was found, in order; str() shows the alerts."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(str(f) for f in faults) or "the configuration is not usable")
        self.faults = list(faults)


class Proxy:
    """A configuration and, between start() and stop(), its listeners, connections and health checks.

    Make one with from_text() or from_files(); both raise ConfigurationError. Warnings are in `warnings`.
    """

    def __init__(self, config: Config, warnings: Sequence[Fault]) -> None:
        self.config = config
        self.warnings = list(warnings)
        self._instance: Any = None

    @classmethod
    def from_text(cls, text: str | bytes, *, name: str = "<text>", env: Mapping[str, str] | None = None) -> Proxy:
        """A configuration in memory. env: environment variables it may use (default: the process's)."""
        body = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        return cls._load([], [(name, body if body.endswith(b"\n") else body + b"\n")], env)

    @classmethod
    def from_files(cls, *paths: str | os.PathLike[str], env: Mapping[str, str] | None = None) -> Proxy:
        """Configuration files or directories, read in this order."""
        return cls._load([os.fspath(p) for p in paths], [], env)

    @classmethod
    def _load(cls, paths: list[str], texts: list[tuple[str, bytes]], env: Mapping[str, str] | None) -> Proxy:
        features.load()
        config, faults = load(paths, texts=texts, env=env, resolver=resolve)
        if faults.fatal:
            raise ConfigurationError(faults.found)
        return cls(config, faults.found)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen and serve. Raises: ConfigurationError, OSError (a port that is taken: the text names bind line and address)."""
        from frontends.bind import BindFailure
        from haproxy_py.process.instance import Instance

        if self._instance is not None:
            raise RuntimeError("the proxy is running already")
        instance = Instance.build(self.config, workers=1)
        try:
            instance.bind({})
        except BindFailure as wrong:
            raise OSError(str(wrong)) from None
        instance.start(asyncio.get_running_loop(), shared_loop=True)
        self._instance = instance
        await instance.run_checks()

    async def stop(self, *, grace_s: float = 0.0) -> None:
        """Stop accepting, give what runs `grace_s` seconds to finish, then cut the rest. Harmless when not running."""
        instance, self._instance = self._instance, None
        if instance is None:
            return
        if grace_s > 0:
            instance.soft_stop()
            try:
                await asyncio.wait_for(instance.drained.wait(), grace_s)
            except TimeoutError:
                pass
        await instance.stop()
        for fd in instance.listening.values():
            os.close(fd)

    @property
    def running(self) -> bool:
        """Whether it listens."""
        return self._instance is not None

    @property
    def addresses(self) -> dict[str, list[Address]]:
        """Bound addresses by frontend, in the order of the bind lines: (host, port), or the path of a UNIX socket."""
        found: dict[str, list[Address]] = {}
        for front, fd in self._running().bound():
            found.setdefault(front, []).append(_address_of(fd))
        return found

    def stats(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Live counters: proxy -> FRONTEND, BACKEND or server -> statistics CSV name -> value (manual management 9.1)."""
        snapshot: dict[str, dict[str, dict[str, Any]]] = self._running().stats()
        return snapshot

    def _running(self) -> Any:
        if self._instance is None:
            raise RuntimeError("the proxy is not running")
        return self._instance


def _address_of(fd: int) -> Address:
    with socket.socket(fileno=os.dup(fd)) as sock:
        name = sock.getsockname()
    if isinstance(name, (str, bytes)):
        return os.fsdecode(name)
    return name[0], name[1]
