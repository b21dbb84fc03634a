"""Words of server lines about names that are looked up again and again (manual 5.2, 5.3)."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

from haproxy_py.config.errors import Faults
from haproxy_py.config.keywords.resolvers import find
from haproxy_py.config.line import Line
from haproxy_py.config.model import Config, Server, Setting
from haproxy_py.config.registry import server_option, whole_file_check

Network = IPv4Network | IPv6Network
RESOLVERS: Setting[str] = Setting("resolvers", "")
RESOLVE_PREFER: Setting[str] = Setting("resolve-prefer", "ipv6")
RESOLVE_NET: Setting[list[Network]] = Setting("resolve-net", list)
ALLOW_DUP_IP: Setting[bool] = Setting("resolve-opts allow-dup-ip", False)
IGNORE_WEIGHT: Setting[bool] = Setting("resolve-opts ignore-weight", False)
MANUAL = "manual 5.2"
SYSTEMS = "default"  # the section that HAProxy makes of /etc/resolv.conf when no file has one of this name


def is_srv(name: str) -> bool:
    """Whether a server's name is that of SRV records, `_service._protocol.name`."""
    return name.startswith("_")


@server_option("resolvers", args=0, source=MANUAL)
def resolvers(line: Line, server: Server, at: int) -> int:
    """`resolvers NAME`: who is asked for its address."""
    server[RESOLVERS] = line.words[at + 1] if at + 1 < len(line.words) else " "
    return at + 2


@server_option("resolve-prefer", args=0, source=MANUAL)
def resolve_prefer(line: Line, server: Server, at: int) -> int:
    """`resolve-prefer ipv4|ipv6`."""
    family = line.words[at + 1] if at + 1 < len(line.words) else ""
    if family not in ("ipv4", "ipv6"):
        line.fail("'resolve-prefer' expects either ipv4 or ipv6 as argument..")
    server[RESOLVE_PREFER] = family
    return at + 2


@server_option("resolve-net", args=0, source=MANUAL)
def resolve_net(line: Line, server: Server, at: int) -> int:
    """`resolve-net NET,...`: addresses in these are taken first."""
    if at + 1 >= len(line.words):
        line.fail("'resolve-net' expects a list of networks..")
    found: list[Network] = []
    for text in line.words[at + 1].split(","):
        try:
            found.append(ip_network(text, strict=False))
        except ValueError:
            line.fail(f"'resolve-net' invalid network '{text}'..")
    server[RESOLVE_NET] = found
    return at + 2


@server_option("resolve-opts", args=0, source=MANUAL)
def resolve_opts(line: Line, server: Server, at: int) -> int:
    """`resolve-opts allow-dup-ip,ignore-weight,prevent-dup-ip`."""
    for word in line.words[at + 1].split(",") if at + 1 < len(line.words) else ():
        if word in ("allow-dup-ip", "prevent-dup-ip"):
            server[ALLOW_DUP_IP] = word == "allow-dup-ip"
        elif word == "ignore-weight":
            server[IGNORE_WEIGHT] = True
        else:
            known = "supported methods are 'allow-dup-ip', 'ignore-weight', and 'prevent-dup-ip'"
            line.fail(f"'resolve-opts' : unknown resolve-opts option '{word}', {known}..")
    return at + 2


@whole_file_check
def check_names(config: Config, faults: Faults) -> None:
    """Servers that ask a section that is not there."""
    for proxy in config.proxies:
        for server in proxy.servers if proxy.is_backend else ():
            name = server[RESOLVERS].strip()
            if RESOLVERS in server and name != SYSTEMS and find(config, name) is None:
                faults.alert(f"{proxy.title}, server '{server.name}': unable to find required resolvers '{name}'")
