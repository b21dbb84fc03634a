"""Moving a server at run time: `set server B/S addr IP [port PORT]` and the same by a resolver, with HAProxy's words."""

from __future__ import annotations

from ipaddress import ip_address

from backends import state
from backends.commands import Answer, leading, refused
from backends.life import Life
from haproxy_py.config.keywords.server_options import CHECK_PORT
from haproxy_py.engine.shm import ServerSlot

WARNING = 4
FIXED = "Update for the current server address family is only supported through configuration file"
NO_MAP = (
    "can't change <port> to port map because it is incompatible with current health check port configuration "
    "(use 'port' statement from the 'server' directive."
)


def set_addr(life: Life, slot: ServerSlot, host: str, port: str | None = None, by: str = "stats socket command") -> Answer:
    """Move a server. host: IP text; port: None keeps it, digits, or +N/-N for a port map."""
    if not host:
        return refused("set server <b>/<s> addr requires an address and optionally a port.\n")
    said = _move(life, slot, host, port)
    return Answer(WARNING, f"{said} by '{by}'\n")


def _move(life: Life, slot: ServerSlot, host: str, port: str | None) -> str:
    one = life.servers[slot]
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        wanted = str(ip_address("0.0.0.0" if host == "*" else bare))
    except ValueError:
        return f"Invalid addr '{host}'"
    if one.item.address.family not in ("inet", "inet6", ""):
        return FIXED
    where, at = state.address(slot)
    old = state.port_map(slot)
    words = [f"IP changed from '{where}' to '{host}'" if wanted != where else "no need to change the addr"]
    new, mapped = at, old[0]
    if port is not None:
        new, mapped, told = _port(port, at, old, bool(one.item[CHECK_PORT]))
        words.append(told)
    if wanted != where or (new, mapped) != (at, old[0]):
        state.move(slot, wanted, new & 0xFFFF, mapped, new if mapped else 0)
        if life.follow:
            life.follow(slot)
    return ", ".join(words)


def _shown(port: int, mapped: bool) -> str:
    return f"{port:+d}" if mapped else str(port)


def _port(text: str, at: int, old: tuple[bool, int], check_has_port: bool) -> tuple[int, bool, str]:
    """(port or offset, mapped, what to say)."""
    before = old[1] if old[0] else at
    mapped = text[:1] in ("+", "-")
    value, _ = leading(text)
    if value is None or not -(2**63) <= value < 2**63:
        return before, old[0], f"problem converting port '{text}' to an int"
    if mapped and not old[0] and not check_has_port:
        return before, old[0], NO_MAP
    value = value if mapped and value < 0 else value & 0xFFFF
    if (value, mapped) == (before, old[0]):
        return before, old[0], "no need to change the port"
    return value, mapped, f"port changed from '{_shown(before, old[0])}' to '{_shown(value, mapped)}'"
