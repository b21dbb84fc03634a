"""Where the runtime socket listens: the addresses of `stats socket` lines (manual 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

from frontends.bind import Wanted, key_of
from haproxy_py.config.errors import Where
from haproxy_py.config.keywords import bind as words
from haproxy_py.config.keywords.stats_socket import STATS_SOCKETS
from haproxy_py.config.model import Bind, Config, Proxy
from haproxy_py.runtime.registry import Level


@dataclass(frozen=True, slots=True)
class Door:
    """One address. key: of its listening descriptor. shown: as `show cli sockets` tells it."""

    key: str
    shown: str
    level: Level
    severity: str
    expose: bool
    bind: Bind


def wanted(config: Config) -> list[Wanted]:
    """The listening sockets that the configuration's runtime sockets need."""
    found: list[Wanted] = []
    for item in config.globals[STATS_SOCKETS]:
        ports = range(item.address.port, max(item.address.port, item.address.port_high) + 1)
        proxy = Proxy(item.where or Where("", 0), kind="frontend", name="GLOBAL")
        found += [Wanted(f"stats {key_of(item.address, port)}", proxy, item, item.address, port) for port in ports]
    return list({one.key: one for one in found}.values())


def doors(config: Config) -> list[Door]:
    """The same as whoever serves them sees them."""
    return [
        Door(
            one.key, shown(one), Level[one.bind[words.LEVEL].upper()], one.bind[words.SEVERITY_OUTPUT],
            one.bind[words.EXPOSE_FD], one.bind,
        )
        for one in wanted(config)
    ]  # fmt: skip


def shown(one: Wanted) -> str:
    """As HAProxy prints an address of its own: unix@PATH, ipv4@HOST:PORT, fd@N."""
    family, host = one.address.family, one.address.host
    if family in ("unix", "abns"):
        return f"{family}@{host}"
    if family == "fd":
        return f"sockpair@{host}" if one.address.text.startswith("sockpair@") else f"fd@{host}"
    if family == "inet6":
        return f"ipv6@[{host or '::'}]:{one.port}"
    return f"ipv4@{host or '0.0.0.0'}:{one.port}"
