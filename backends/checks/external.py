"""`option external-check`, `external-check command|path`, global `external-check`, `insecure-fork-wanted` (manual 3.1, 4.2).

A Command is what a server's check runs, gathered once; its Process is one run of it (backends.checks.process).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backends import state
from backends.checks.keywords import KIND
from backends.tls_use import SSL
from haproxy_py.config.errors import Faults
from haproxy_py.config.keywords import server_options as so
from haproxy_py.config.keywords.proxy import MODE
from haproxy_py.config.line import Line
from haproxy_py.config.model import Config, Global, Proxy, Server, Setting
from haproxy_py.config.registry import BACKEND, global_keyword, proxy_keyword, whole_file_check
from haproxy_py.engine.shm import ServerSlot
from haproxy_py.observe.statistics.parts import proxy_ids

NAME = "external-check"
NOT_USED = "NOT_USED"
COMMAND: Setting[str] = Setting("external-check command", "")
PATH: Setting[str] = Setting("external-check path", "")
ALLOWED: Setting[bool] = Setting("external-check", False)
PRESERVE_ENV: Setting[bool] = Setting("external-check preserve-env", False)
FORK_WANTED: Setting[bool] = Setting("insecure-fork-wanted", False)


@global_keyword(NAME, args=(0, None), source="manual 3.1")
def allow(line: Line, globals_: Global) -> None:
    """`external-check [preserve-env]`: programs may check servers."""
    word = line.arg(0)
    if word and word != "preserve-env":
        line.fail(f"'external-check' only supports 'preserve-env' as an argument, found '{word}'.")
    if line.arg(1):
        line.fail(f"'external-check' cannot handle unexpected argument '{line.arg(1)}'.")
    globals_[ALLOWED] = True
    globals_[PRESERVE_ENV] = bool(word)


@global_keyword("insecure-fork-wanted", args=(0, None), source="manual 3.1", negatable=True)
def fork_wanted(line: Line, globals_: Global) -> None:
    """`[no] insecure-fork-wanted`: a worker may start programs."""
    if line.args:
        line.fail(f"'insecure-fork-wanted' cannot handle unexpected argument '{line.arg(0)}'.")
    globals_[FORK_WANTED] = not line.negated


@proxy_keyword(f"option {NAME}", sections=BACKEND, args=(0, None), source="manual 4.2")
def option(line: Line, proxy: Proxy) -> None:
    """`option external-check`: replaces any other kind of check."""
    if line.args:
        line.fail(f"'option external-check' cannot handle unexpected argument '{line.arg(0)}'.")
    proxy[KIND] = NAME


@proxy_keyword(NAME, sections=BACKEND, args=(0, None), source="manual 4.2")
def words(line: Line, proxy: Proxy) -> None:
    """`external-check command PROGRAM`, `external-check path DIRECTORIES`."""
    word = line.arg(0)
    if not word:
        line.fail("missing argument after 'external-check'.")
    if word not in ("command", "path"):
        line.fail(f"'external-check' only supports 'command' and 'path'. but got '{word}'.")
    if line.arg(2):
        line.fail(f"'external-check' cannot handle unexpected argument '{line.arg(2)}'.")
    if not line.arg(1):
        line.fail(f"missing argument after '{word}'.")
    proxy[COMMAND if word == "command" else PATH] = line.arg(1)


@whole_file_check
def check_external(config: Config, faults: Faults) -> None:
    """What the option needs besides itself."""
    needs = "'option external-check' unable to find required"
    for proxy in config.proxies:
        if not proxy.is_backend:
            continue
        if proxy[KIND] != NAME:
            for setting, word in ((COMMAND, "command"), (PATH, "path")):
                if proxy[setting]:
                    faults.warning(f"'external-check {word}' will be ignored for proxy '{proxy.name}' (requires 'option external-check').")
            continue
        if not config.globals[ALLOWED]:
            faults.alert(f"Proxy '{proxy.name}' : {needs} 'global.external-check'.")
        if not proxy[COMMAND]:
            faults.alert(f"Proxy '{proxy.name}' : {needs} 'external-check command'.")
        elif not proxy[COMMAND].startswith("/") and not proxy[PATH]:
            told = "'external-check command' does not have a leading '/' and 'external-check path' is not set."
            faults.alert(f"Proxy '{proxy.name}': {told}")
        if not config.globals[FORK_WANTED]:
            told = "'insecure-fork-wanted' not enabled in the global section, 'option external-check' will likely fail."
            faults.warning(f"Proxy '{proxy.name}' : {told}")


@dataclass(frozen=True, slots=True)
class Command:
    """program as written; path: where it is looked for; listener: (address, port) of the proxy's first; fixed: environment."""

    program: str
    path: str
    listener: tuple[str, str]
    fixed: dict[str, str]
    allowed: bool

    def arguments(self, host: str, port: int) -> list[str]:
        """The words behind the program's name. host, port: where the server is; port -1: host is a socket's path."""
        mine, its = self.listener
        return [self.program, mine or NOT_USED, its or NOT_USED, _visible(host), str(port) if port >= 0 else NOT_USED]

    def environment(self, slot: ServerSlot, host: str, port: int) -> dict[str, str]:
        """All variables of one run."""
        facts = state.facts(slot)
        return self.fixed | {
            "HAPROXY_SERVER_ADDR": _visible(host),
            "HAPROXY_SERVER_PORT": str(port) if port >= 0 else "",
            "HAPROXY_SERVER_MAXCONN": str(facts["maxconn"]),
            "HAPROXY_SERVER_CURCONN": str(facts["scur"]),
        }

    def places(self) -> Sequence[str]:
        """Where the program may be, in order (execvp of POSIX)."""
        if "/" in self.program:
            return [self.program]
        return [f"{folder or '.'}/{self.program}" for folder in self.path.split(":")]


def _visible(host: str) -> str:
    """An abstract socket has no name to show."""
    return "" if host.startswith("\0") else host


def _first_listener(proxy: Proxy) -> tuple[str, str]:
    """Address and port of the first listener that has one to tell; "" without."""
    for bind in proxy.binds:
        address = bind.address
        if address.family == "unix":
            return address.host or "", ""
        if address.family in ("inet", "inet6"):
            return address.host or ("::" if address.family == "inet6" else "0.0.0.0"), str(address.port)
    return "", ""


def _protocol(proxy: Proxy, server: Server) -> str:
    """HAPROXY_SERVER_PROTO."""
    if proxy[MODE] != "http":
        return "tcp"
    return server[so.PROTO] or "h1"


def command_of(proxy: Proxy, server: Server, slot: ServerSlot, config: Config) -> Command | None:
    """What the server's check runs, None for the other kinds of check."""
    if proxy[KIND] != NAME:
        return None
    listener = _first_listener(proxy)
    kept = dict(config.env) if config.globals[PRESERVE_ENV] else {}
    fixed = kept | {
        "PATH": proxy[PATH],
        "HAPROXY_PROXY_ADDR": listener[0],
        "HAPROXY_PROXY_PORT": listener[1],
        "HAPROXY_PROXY_NAME": proxy.name,
        "HAPROXY_PROXY_ID": str(proxy_ids(config)[id(proxy)]),
        "HAPROXY_SERVER_NAME": server.name,
        "HAPROXY_SERVER_ID": str(slot.puid),
        "HAPROXY_SERVER_SSL": "1" if server[SSL] else "0",
        "HAPROXY_SERVER_PROTO": _protocol(proxy, server),
    }
    return Command(proxy[COMMAND], proxy[PATH], listener, fixed, bool(config.globals[FORK_WANTED]))
