"""The typed configuration: items that hold settings. A keyword's module declares its Setting; nobody edits this file for it.

    TIMEOUT_CLIENT: Setting[int | None] = Setting("timeout client", None)      # ms
    proxy[TIMEOUT_CLIENT] = 30000          # while loading
    proxy[TIMEOUT_CLIENT]                  # the value, or the setting's default

Items are mutable while the reader builds them and frozen when it is done. Every item knows its file:line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from haproxy_py.config.errors import Where

T = TypeVar("T")


class Setting(Generic[T]):
    """A typed slot that any Item can hold.

    Args: name: HAProxy's words for it. default: a value, or a function that makes one (for lists and dicts).
    inherit: whether proxies and servers take it from `defaults` / `default-server`.
    """

    __slots__ = ("_default", "inherit", "name")

    def __init__(self, name: str, default: T | Callable[[], T], *, inherit: bool = True) -> None:
        self.name = name
        self._default = default
        self.inherit = inherit

    def default(self) -> T:
        """The value of an item that was never told one."""
        value = self._default
        return value() if callable(value) else value

    def __repr__(self) -> str:
        return f"Setting({self.name!r})"


class Frozen(TypeError):
    """A setting was changed after the configuration was complete."""


@dataclass(eq=False, slots=True)
class Item:
    """Base of everything in a configuration."""

    where: Where
    values: dict[Setting[Any], Any] = field(default_factory=dict, repr=False)
    said: dict[Setting[Any], Where] = field(default_factory=dict, repr=False)
    frozen: bool = field(default=False, repr=False)

    def __getitem__(self, setting: Setting[T]) -> T:
        if setting in self.values:
            value: T = self.values[setting]
            return value
        made = setting.default()
        if isinstance(made, (list, dict)) and not self.frozen:
            self.values[setting] = made
        return made

    def __setitem__(self, setting: Setting[T], value: T) -> None:
        if self.frozen:
            raise Frozen(f"{setting.name}: the configuration is complete")
        self.values[setting] = value

    def __contains__(self, setting: object) -> bool:
        return setting in self.values

    def inherit(self, parent: Item) -> None:
        """Take every inheritable setting of `parent`; lists and dicts are copied, not shared."""
        for setting, value in parent.values.items():
            if setting.inherit:
                self.values[setting] = copy(value) if isinstance(value, (list, dict)) else value

    def children(self) -> Iterator[Item]:
        """Items inside this one."""
        return iter(())

    def freeze(self) -> None:
        """From here on read-only, children included."""
        self.frozen = True
        for child in self.children():
            child.freeze()


@dataclass(eq=False, slots=True)
class Global(Item):
    """The global section(s)."""


@dataclass(frozen=True, slots=True)
class Address:
    """A written address (manual 11.1). family: inet inet6 unix abns fd, udp... ; host "" means any; ports low..high.

    host: text of an IP address or path; None with a name still to be resolved (then `name`).
    port: 0 none; offset: server ports written +N or -N; `has_port` tells "no port given".
    """

    text: str
    family: str
    host: str | None
    name: str | None
    port: int
    port_high: int
    has_port: bool
    relative: int | None = None


@dataclass(eq=False, slots=True)
class Bind(Item):
    """One listening address of a bind line (a comma list or range gives several, sharing settings)."""

    address: Address = None  # type: ignore[assignment]


@dataclass(eq=False, slots=True)
class Server(Item):
    """A server, default-server or one of server-template's."""

    name: str = ""
    address: Address = None  # type: ignore[assignment]
    number: int = 0  # from 1, order in its backend


@dataclass(eq=False, slots=True)
class Proxy(Item):
    """defaults, frontend, backend or listen."""

    kind: str = ""  # "defaults", "frontend", "backend", "listen"
    name: str = ""
    binds: list[Bind] = field(default_factory=list)
    servers: list[Server] = field(default_factory=list)
    default_server: Server | None = None
    parent: Proxy | None = None  # its defaults
    server_ids: dict[int, Server] = field(default_factory=dict, repr=False)  # numbers given with `id`
    http_words: list[tuple[str, Where]] = field(default_factory=list, repr=False)  # keywords said that need mode http

    @property
    def title(self) -> str:
        """How messages call it: frontend 'x', backend 'x', proxy 'x' for a listen."""
        return f"{'proxy' if self.kind == 'listen' else self.kind} '{self.name}'"

    @property
    def is_frontend(self) -> bool:
        return self.kind in ("frontend", "listen")

    @property
    def is_backend(self) -> bool:
        return self.kind in ("backend", "listen")

    def children(self) -> Iterator[Item]:
        yield from self.binds
        yield from self.servers


@dataclass(eq=False, slots=True)
class Section(Item):
    """Any other section: userlist, resolvers, peers, ...; its keywords are Settings."""

    kind: str = ""
    name: str = ""


@dataclass(eq=False, slots=True)
class Config:
    """A whole configuration, all files together."""

    globals: Global
    proxies: list[Proxy] = field(default_factory=list)  # frontends, backends, listens in file order
    defaults: list[Proxy] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    by_name: dict[str, list[Proxy]] = field(default_factory=dict, repr=False)
    env: dict[str, str] = field(default_factory=dict)  # the environment after setenv and its kin

    def frontend(self, name: str) -> Proxy | None:
        """The frontend or listen of this name."""
        return next((p for p in self.proxies if p.is_frontend and p.name == name), None)

    def backend(self, name: str) -> Proxy | None:
        """The backend or listen of this name."""
        return next((p for p in self.proxies if p.is_backend and p.name == name), None)
