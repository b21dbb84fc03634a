"""Names of bind and server lines -> addresses while a configuration is loaded: `init-addr` (manual 5.2).

The system's resolver may block, as HAProxy lets it; several names are asked at the same time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from ipaddress import ip_address

from haproxy_py.config.errors import SERVER, ConfigError, Faults
from haproxy_py.config.keywords.server import INIT_ADDR, LOOKED_UP
from haproxy_py.config.keywords.server_names import RESOLVERS, is_srv
from haproxy_py.config.keywords.server_options import CHECK_ADDR
from haproxy_py.config.model import Address, Config, Proxy, Server

Resolver = Callable[[Address], Address]
AT_ONCE = 16
Memory = Callable[[Config], dict[tuple[str, str], str]]
_memories: list[Memory] = []
FAILED = "Failed to initialize server(s) addr."


def remember_by(memory: Memory) -> Memory:
    """Decorator: who knows the last addresses of servers, IP text by (backend, server)."""
    _memories[:] = [memory]
    return memory


def _remembered(config: Config) -> dict[tuple[str, str], str]:
    """The last addresses, if any server may ask for its own."""
    wanted = any(s.address.name is not None and "last" in methods(s) for p in config.proxies for s in p.servers)
    return _memories[0](config) if wanted and _memories else {}


def resolve_all(config: Config, resolver: Resolver, faults: Faults) -> None:
    """Give every bind and server line its address; complain about what cannot be found."""
    last = _remembered(config)
    look = ahead(resolver, _names(config, last))
    failed = False
    for proxy in config.proxies:
        for bind in proxy.binds:
            try:
                bind.address = look(bind.address)
            except ConfigError as wrong:
                faults.alert(f"'bind' : {wrong.text}", bind.where)
        for server in proxy.servers:
            if server.address.name is not None:
                failed |= not _start(proxy, server, look, last.get((proxy.name, server.name), ""), faults)
            _check_address(proxy, server, look, faults)
    if failed:
        faults.alert(FAILED)


def ahead(resolver: Resolver, addresses: Iterable[Address]) -> Resolver:
    """A resolver that has asked for `addresses` already, many at a time; what failed fails again when asked for."""
    known: dict[Address, Address | ConfigError] = {}
    wanted = list(dict.fromkeys(addresses))
    if len(wanted) > 1:
        with ThreadPoolExecutor(min(AT_ONCE, len(wanted))) as pool:
            known = dict(zip(wanted, pool.map(lambda each: _tried(resolver, each), wanted), strict=True))

    def look(address: Address) -> Address:
        found = known.get(address)
        if isinstance(found, ConfigError):
            raise found
        return found or resolver(address)

    return look


def _tried(resolver: Resolver, address: Address) -> Address | ConfigError:
    try:
        return resolver(address)
    except ConfigError as wrong:
        return wrong


def _names(config: Config, last: dict[tuple[str, str], str]) -> list[Address]:
    """What the system's resolver will be asked for."""
    found = [bind.address for proxy in config.proxies for bind in proxy.binds if bind.address.name is not None]
    for proxy in config.proxies:
        for server in proxy.servers:
            ways = methods(server)
            if "last" in ways[:1] and _is_ip(last.get((proxy.name, server.name), "")):
                continue
            if server.address.name is not None and not is_srv(server.address.name) and "libc" in ways:
                found.append(server.address)
    return found


def methods(server: Server) -> list[str]:
    """`init-addr` of a server."""
    return server[INIT_ADDR] or ["last", "libc"]


def _start(proxy: Proxy, server: Server, look: Resolver, last: str, faults: Faults) -> bool:
    """Find one server's first address. last: the one it had, "" unknown. False: it has none and may not wait for one."""
    server[LOOKED_UP] = True
    name = server.address.name or ""
    if is_srv(name) and RESOLVERS in server and not _is_ip(last):
        return True
    tried = False
    for method in methods(server):
        if method == "libc":
            if is_srv(name):
                continue
            tried = True
            try:
                server.address = look(server.address)
            except ConfigError:
                continue
            return True
        if method == "last":
            if _is_ip(last):
                server.address = replace(server.address, host=last, family="inet6" if ":" in last else "inet")
                return True
            tried |= bool(last)
            continue
        if method == "none":
            if tried:
                _note(proxy, server, f"could not resolve address '{name}', disabling server.", faults)
            return True
        if method:
            family = "inet6" if ":" in method else "inet"
            server.address = replace(server.address, host=re.sub(r"[\[\]]", "", method), family=family)
        if tried:
            _note(proxy, server, f"could not resolve address '{name}', falling back to configured address.", faults)
        return True
    told = f"could not resolve address '{name}'" if tried else f"no method found to resolve address '{name}'"
    if RESOLVERS in server:
        _note(proxy, server, f"{told}, disabling server.", faults)
        return True
    faults.alert(f"'server {proxy.name}/{server.name}' : {told}.", server.where, SERVER)
    return False


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _note(proxy: Proxy, server: Server, text: str, faults: Faults) -> None:
    faults.notice(f"'server {proxy.name}/{server.name}' : {text}", server.where, SERVER)


def _check_address(proxy: Proxy, server: Server, look: Resolver, faults: Faults) -> None:
    """`addr` of its check."""
    checked = server[CHECK_ADDR]
    if checked is None or checked.name is None:
        return
    try:
        server[CHECK_ADDR] = look(checked)
    except ConfigError as wrong:
        faults.alert(f"'server {proxy.name}/{server.name}' : 'addr' : {wrong.text}.", server.where, SERVER)
