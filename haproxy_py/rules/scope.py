"""What a rule is being compiled in: its line, proxy and place; what it refers to; and the pass that binds names.

While a file is read, names of proxies and servers inside expressions are only noted. When the files are complete
check_references() complains about unknown ones. When the proxies run, bind_all(config, proxies) gives every compiled
object that holds a name the slots it needs; `world` is a World.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from haproxy_py.config.errors import GLUED, Faults, Where
from haproxy_py.config.model import Config, Proxy, Section, Setting
from haproxy_py.config.registry import whole_file_check

if TYPE_CHECKING:
    from haproxy_py.config.line import Line
    from haproxy_py.rules.registry import FetchRow


class Proxies(Protocol):
    """The running proxies. Unknown names give None."""

    def backend(self, name: str) -> Any:
        """ProxySlot of a backend."""

    def frontend(self, name: str) -> Any:
        """ProxySlot of a frontend."""

    def server(self, backend: str, name: str) -> Any:
        """ServerSlot of a server."""


class World:
    """What names inside rules stand for: the running proxies, and the sections of the files."""

    def __init__(self, config: Config, proxies: Proxies) -> None:
        self.config = config
        self.proxies = proxies
        self.backend, self.frontend, self.server = proxies.backend, proxies.frontend, proxies.server

    def userlist(self, name: str) -> Section | None:
        """A userlist of the files."""
        return _userlist(self.config, name)


def _userlist(config: Config, name: str) -> Section | None:
    return next((one for one in config.sections if one.kind == "userlist" and one.name == name), None)


@dataclass(frozen=True, slots=True)
class Reference:
    """A name inside an expression. kind: be, fe, prx, srv, usr; user: "ACL keyword 'nbsrv'"; position from 1."""

    kind: str
    name: str
    position: int
    user: str
    proxy: str
    where: Where | None


REFERENCES: Setting[list[Reference]] = Setting("names inside rules", list, inherit=False)
TO_BIND: Setting[list[Any]] = Setting("compiled rules that hold names", list, inherit=False)


@dataclass(slots=True)
class Scope:
    """Made for each line that holds expressions. `place`: keys of registry.PLACES joined by `|`, "" for anywhere."""

    config: Config | None = None
    proxy: Proxy | None = None
    where: Where | None = None
    faults: Faults = field(default_factory=Faults)
    place: str = ""
    acl: bool = False  # an ACL's expression is being compiled
    used: list[FetchRow] = field(default_factory=list)  # every fetch that the line names

    @classmethod
    def of(cls, line: Line, proxy: Proxy | None, place: str = "") -> Scope:
        """The scope of a configuration line."""
        return cls(line.config, proxy, line.where, line.faults, place)

    def warn(self, text: str) -> None:
        """Report a warning about the line."""
        self.faults.warning(text, self.where)

    def refer(self, kind: str, name: str, position: int, user: str) -> None:
        """Note a name for check_references()."""
        if self.config is not None:
            proxy = self.proxy.name if self.proxy else ""
            user = user.replace("fetch method", "ACL keyword") if self.acl else user
            self.config.globals[REFERENCES].append(Reference(kind, name, position, user, proxy, self.where))

    def bind_later(self, compiled: Any) -> None:
        """Have compiled.resolve(world) called once the proxies exist."""
        if self.config is not None:
            self.config.globals[TO_BIND].append(compiled)


def bind_all(config: Config, proxies: Proxies) -> None:
    """Call resolve(world) of everything compiled that holds a name. The builder calls this once, before the fork."""
    world = World(config, proxies)
    for compiled in config.globals[TO_BIND]:
        compiled.resolve(world)


def _unknown(config: Config, ref: Reference) -> str | None:
    """What is missing: "backend 'x'", or None when the name exists."""
    if ref.kind == "fe":
        return None if config.frontend(ref.name) else f"frontend '{ref.name}'"
    if ref.kind == "usr":
        return None if _userlist(config, ref.name) else f"userlist '{ref.name}'"
    if ref.kind == "srv":
        return _unknown_server(config, ref)
    if ref.kind == "prx" and config.frontend(ref.name):
        return None
    return None if config.backend(ref.name) else f"backend '{ref.name}'"


def _unknown_server(config: Config, ref: Reference) -> str | None:
    """As _unknown for "backend/server" or a server of the own backend."""
    backend, slash, name = ref.name.rpartition("/")
    proxy = config.backend(backend if slash else ref.proxy)
    if proxy is None:
        return f"proxy '{backend or ref.proxy}'"
    return None if any(server.name == name for server in proxy.servers) else f"server '{name}'"


@whole_file_check
def check_references(config: Config, faults: Faults) -> None:
    """Refuse names of proxies and servers that no section has."""
    for ref in config.globals[REFERENCES]:
        missing = _unknown(config, ref)
        if missing:
            told = f"unable to find {missing} referenced" if ref.name else "missing userlist name"
            faults.alert(
                f"{told} in arg {ref.position} of {ref.user} in proxy '{ref.proxy}'.",
                ref.where,
                GLUED,
            )
