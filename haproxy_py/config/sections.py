"""Section headers: global, defaults, frontend, backend, listen (manual 2.1, 3, 4).

A proxy takes over its defaults section's settings when it opens: the one it names with `from`, else the last one read.
"""

from __future__ import annotations

import re

from haproxy_py.config.address import parse_listen
from haproxy_py.config.errors import ConfigError
from haproxy_py.config.line import Line
from haproxy_py.config.model import Bind, Config, Global, Proxy, Server
from haproxy_py.config.registry import section

_BAD_NAME = re.compile(r"[^A-Za-z0-9_.:-]")


@section("global", source="manual 3")
def open_global(line: Line, config: Config) -> Global:
    """There may be several global sections; they add to each other."""
    if len(line.words) > 1:
        line.alert(f"'global' cannot handle unexpected argument '{line.words[1]}'.")
    if not config.globals.where.line:
        config.globals.where = line.where
    return config.globals


@section("defaults", source="manual 4")
def open_defaults(line: Line, config: Config) -> Proxy | None:
    """`defaults [NAME] [from NAME]`: begins empty, or as a copy of the one it names."""
    words = line.words
    named = len(words) > 1 and (words[1] != "from" or (len(words) > 2 and words[2] == "from"))
    proxy = Proxy(line.where, kind="defaults", name=words[1] if named else "")
    rest = words[2:] if named else words[1:]
    config.defaults.append(proxy)
    _check_name(line, proxy.name)
    if rest[:1] == ["from"] and len(rest) > 1:
        _too_many(line, rest[2:])
        _adopt(line, config, proxy, rest[1])
    return proxy


@section("frontend", source="manual 4")
def open_frontend(line: Line, config: Config) -> Proxy | None:
    """`frontend NAME [from NAME]`; `frontend NAME ADDR:PORT` is accepted with a warning."""
    return _open(line, config)


@section("listen", source="manual 4")
def open_listen(line: Line, config: Config) -> Proxy | None:
    """`listen NAME [from NAME]`, a frontend and a backend in one."""
    return _open(line, config)


@section("backend", source="manual 4")
def open_backend(line: Line, config: Config) -> Proxy | None:
    """`backend NAME [from NAME]`."""
    return _open(line, config)


def _open(line: Line, config: Config) -> Proxy | None:
    words = line.words
    if len(words) < 2:
        line.fail(f"'{words[0]}' expects an <id> argument")
    proxy = Proxy(line.where, kind=words[0], name=words[1])
    config.proxies.append(proxy)
    rest = words[2:]
    _check_name(line, proxy.name)
    _check_twin(line, config, proxy)
    if rest[:1] == ["from"] and len(rest) > 1:
        _too_many(line, rest[2:])
        _adopt(line, config, proxy, rest[1])
        return proxy
    last = next((d for d in reversed(config.defaults)), None)
    if last:
        _inherit(proxy, last)
    if rest:
        _old_address(line, config, proxy, rest)
    return proxy


def _check_name(line: Line, name: str) -> None:
    bad = _BAD_NAME.search(name)
    if bad:
        line.alert(f"character '{bad.group()}' is not permitted in '{line.words[0]}' name '{name}'.")


def _check_twin(line: Line, config: Config, proxy: Proxy) -> None:
    """A name is that of one frontend and of one backend; that both are of one name is accepted, as in HAProxy 3.2, with a warning."""
    twins = config.by_name.get(proxy.name, [])
    clash = next(
        (one for one in twins if (one.is_frontend and proxy.is_frontend) or (one.is_backend and proxy.is_backend)), None
    )
    if clash is not None:
        line.alert(f"{proxy.title} has the same name as {clash.title} declared at {clash.where}.", "Parsing [{}]: ")
    elif twins:
        told = f"{proxy.title} has the same name as {twins[0].title} declared at {twins[0].where}."
        line.warn(f"{told} This is dangerous and will not be supported anymore in version 3.3.", "Parsing [{}]: ")
    config.by_name.setdefault(proxy.name, []).append(proxy)


def _too_many(line: Line, rest: list[str]) -> None:
    if rest:
        line.alert(f"'{line.words[0]}' cannot handle unexpected argument '{rest[0]}'.")


def _adopt(line: Line, config: Config, proxy: Proxy, name: str) -> None:
    """Take the settings of the defaults section `name`."""
    found = [d for d in config.defaults if d.name == name and d is not proxy]
    if not found:
        line.alert(f"defaults section '{name}' not found for {proxy.kind} '{proxy.name}'.")
        return
    if len(found) > 1:
        first, second = found[-2], found[-1]
        line.alert(
            f"ambiguous defaults section name '{name}' referenced by {proxy.kind} '{proxy.name}' "
            f"exists at least at {first.where} and {second.where}."
        )
    _inherit(proxy, found[-1])


def _inherit(proxy: Proxy, parent: Proxy) -> None:
    proxy.parent = parent
    proxy.inherit(parent)
    if parent.default_server:
        proxy.default_server = Server(parent.default_server.where)
        proxy.default_server.inherit(parent.default_server)


def _old_address(line: Line, config: Config, proxy: Proxy, rest: list[str]) -> None:
    """An address behind the name: HAProxy 1.x's way, which guides still show."""
    if proxy.kind == "backend":
        line.alert(f"'backend' cannot handle unexpected argument '{rest[0]}'.")
        return
    try:
        addresses = parse_listen(rest[0], config.env)
    except ConfigError:
        line.alert("please use the 'bind' keyword for listening addresses.")
        return
    if len(rest) > 1:
        line.alert(f"'{proxy.kind}' cannot handle unexpected argument '{rest[1]}'.")
    line.warn(f"the address '{rest[0]}' on the '{proxy.kind}' line is accepted; please use 'bind {rest[0]}' instead.")
    proxy.binds += [Bind(line.where, address=address) for address in addresses]
