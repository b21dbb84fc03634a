"""Written addresses -> model.Address (manual 11.1): TCP over IPv4 and IPv6, UNIX sockets, inherited descriptors, names.

Nothing is resolved here: a host that is not an IP address stays a name. `resolve` turns a name into an IP address and is
called when a configuration is put to work.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import replace

from haproxy_py.config.errors import ConfigError
from haproxy_py.config.model import Address

_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_DIGITS = re.compile(r"[0-9]{1,18}")
_V4 = re.compile(r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(?:\.(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3}")
# What a prefix means: families allowed for the text behind it.
STREAM = {
    "ip@": "", "ipv4@": "inet", "ipv6@": "inet6", "tcp@": "", "tcp4@": "inet", "tcp6@": "inet6",
    "stream+ip@": "", "stream+ipv4@": "inet", "stream+ipv6@": "inet6",
    "unix@": "unix", "uxst@": "unix", "stream+unix@": "unix", "abns@": "abns", "abnsz@": "abns", "fd@": "fd",
}  # fmt: skip
DATAGRAM = ("udp@", "udp4@", "udp6@", "uxdg@", "dgram+ip@", "dgram+ipv4@", "dgram+ipv6@", "dgram+unix@")
LATER = ("quic4@", "quic6@", "quic+ipv4@", "quic+ipv6@", "sockpair@", "mptcp@", "mptcp4@", "mptcp6@", "rhttp@", "rev@")


def expand(text: str, env: Mapping[str, str]) -> str:
    """Replace `$NAME` and `${NAME}` in an address; a variable that is not set counts as empty."""
    return _VARIABLE.sub(lambda m: env.get(m.group(1) or m.group(2), ""), text) if "$" in text else text


def is_ipv4(text: str) -> bool:
    return _V4.fullmatch(text) is not None


def is_ipv6(text: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6, text)
    except (OSError, ValueError, UnicodeError):
        return False
    return True


def parse_listen(text: str, env: Mapping[str, str]) -> list[Address]:
    """The addresses of a bind line: a comma list, each with a port or a range of ports (or a path, or fd@N)."""
    found: list[Address] = []
    rest = text
    while rest or not found:
        one, _, rest = rest.partition(",")
        found.append(parse_address(one, env, port="needed", ranges=True))
    return found


def parse_server(text: str, env: Mapping[str, str]) -> Address:
    """The address of a server: port optional, `:+N` and `:-N` shift the client's port."""
    return parse_address(text, env, port="optional", offset=True)


def parse_source(text: str, env: Mapping[str, str]) -> Address:
    """An address to connect from, a range of ports allowed."""
    return parse_address(text, env, port="optional", ranges=True)


def parse_address(
    text: str, env: Mapping[str, str], *, port: str = "optional", ranges: bool = False, offset: bool = False
) -> Address:
    """One address. port: "needed", "optional" or "none". Raises ConfigError in HAProxy's words."""
    plain = expand(text, env)
    if not plain:
        raise ConfigError(f"'{text}' resolves to an empty address (environment variable missing?)")
    prefix, family, rest = "", "", plain
    if plain.startswith("/"):
        family = "unix"
    elif "@" in plain:
        prefix = plain[: plain.index("@") + 1]
        if prefix in STREAM:
            family, rest = STREAM[prefix], plain[len(prefix) :]
        elif prefix in DATAGRAM:
            raise ConfigError(f"dgram-type address not acceptable in '{text}'")
        elif prefix in LATER:
            raise ConfigError(f"address type '{prefix}' in '{text}' is known to HAProxy, not supported yet")
    if family in ("unix", "abns"):
        return _path(text, family, rest)
    if family == "fd":
        return _descriptor(text, rest)
    host, given = _cut_port(rest)
    low, high, relative = _ports(text, given, port, ranges, offset)
    return _host(text, family, host, low, high, given is not None, relative)


def _path(text: str, family: str, path: str) -> Address:
    room = 107  # sun_path less its final NUL
    if len(path.encode("utf-8", "surrogateescape")) > room:
        raise ConfigError(f"socket path '{path}' too long (max {room})")
    return Address(text, family, path, None, 0, 0, False)


def _descriptor(text: str, number: str) -> Address:
    if not _DIGITS.fullmatch(number) or int(number) > 2147483647:
        raise ConfigError(f"file descriptor '{number}' is not a valid integer in '{text}'")
    return Address(text, "fd", number, None, 0, 0, False)


def _cut_port(rest: str) -> tuple[str, str | None]:
    """Host and port text; the port begins behind the last colon that is outside of brackets."""
    at = max(rest.rfind(":"), rest.rfind("]"))
    if at >= 0 and rest[at] == ":":
        return rest[:at], rest[at + 1 :]
    return rest, None


def _ports(text: str, given: str | None, port: str, ranges: bool, offset: bool) -> tuple[int, int, int | None]:
    """Low and high port, and the shift of a relative one."""
    if not given:
        if port == "needed":
            raise ConfigError(f"missing port specification in '{text}'")
        return 0, 0, None
    if port == "none":
        raise ConfigError(f"port not permitted here in '{text}'")
    if given[0] in "+-":
        if not offset:
            raise ConfigError(f"port offset not permitted here in '{text}'")
        return 0, 0, int(given[0] + str(_port_number(text, given[1:])))
    if not _DIGITS.match(given):
        raise ConfigError(f"invalid character '{given[0]}' in port number '{given}' in '{text}'")
    first, dash, last = given.partition("-")
    low = _port_number(text, first)
    if not dash:
        if port == "needed" and not low:
            raise ConfigError(f"invalid port '{given}'")
        return low, low, None
    if not ranges:
        raise ConfigError(f"port range not permitted here in '{text}'")
    high = _port_number(text, last)
    if low < 1 or low > high:
        raise ConfigError(f"invalid port range '{given}'")
    return low, high, None


def _port_number(text: str, digits: str) -> int:
    """A port; the manual's newest versions refuse anything behind the digits."""
    found = _DIGITS.fullmatch(digits)
    if not found:
        bad = next((c for c in digits if not "0" <= c <= "9"), "")
        raise ConfigError(f"invalid character '{bad}' in port number '{digits}' in '{text}'")
    number = int(digits)
    if number > 65535:
        raise ConfigError(f"invalid port '{digits}'")
    return number


def _host(text: str, family: str, host: str, low: int, high: int, has_port: bool, relative: int | None) -> Address:
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    name: str | None = None
    if bare in ("", "*") and bare == host:
        kind, value = family or "inet", "" if family != "inet6" else "::"
    elif bare == host and is_ipv4(bare):
        kind, value = "inet", bare
    elif is_ipv6(bare):
        kind, value = "inet6", bare
    elif bare == host and re.fullmatch(r"[0-9]+(?:\.[0-9]+){0,3}", bare):
        kind, value = "inet", _short_ipv4(bare)
        if not value:
            raise ConfigError(f"invalid address: '{host}' in '{text}'")
    else:
        kind, value, name = family or "inet", None, bare
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,255}", bare) or bare != host:
            raise ConfigError(f"invalid address: '{host}' in '{text}'")
    if family and kind != family:
        raise ConfigError(f"invalid address: '{host}' in '{text}'")
    return Address(text, kind, value, name, low, high, has_port, relative)


def _short_ipv4(text: str) -> str:
    """The old ways to write an IPv4 address that the system's resolver takes (127.1, 0); "" when it is none."""
    try:
        return socket.inet_ntoa(socket.inet_aton(text))
    except OSError:
        return ""


def resolve(address: Address, prefer: str = "") -> Address:
    """The address with its name replaced by an IP address, through the system's resolver (blocking).

    Args: prefer: "ipv4" or "ipv6" when both are known (else the resolver's first).
    Raises: ConfigError `invalid address: 'name' in 'text'`, with the resolver's reason left out as HAProxy does.
    """
    if address.name is None:
        return address
    wanted = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}.get(prefer, socket.AF_UNSPEC)
    try:
        rows = socket.getaddrinfo(address.name, None, socket.AF_UNSPEC, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        rows = []
    if address.text.startswith(("ipv6@", "tcp6@")):
        rows = [row for row in rows if row[0] == socket.AF_INET6]
    elif address.text.startswith(("ipv4@", "tcp4@")):
        rows = [row for row in rows if row[0] == socket.AF_INET]
    rows.sort(key=lambda row: row[0] != wanted)
    if not rows:
        raise ConfigError(f"invalid address: '{address.name}' in '{address.text}'")
    family = "inet" if rows[0][0] == socket.AF_INET else "inet6"
    return replace(address, family=family, host=str(rows[0][4][0]))
