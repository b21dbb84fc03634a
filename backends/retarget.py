"""Where checks go, changed at run time: `set server B/S check-addr|check-port|agent-addr|agent-port|agent-send` with HAProxy's words.

What is said lies in the segment: whichever worker checks from now on knows it (management manual 9.3).
"""

from __future__ import annotations

import socket
from ipaddress import ip_address

from backends import state
from backends.checks import published
from backends.commands import DONE, Answer, leading, refused
from haproxy_py.engine.shm import ServerSlot

NOT_ENABLED = "{} checks are not enabled on this server{}\n"
NEEDS_ADDRESS = "set server <b>/<s> {} requires an address and optionally a port.\n"
NEEDS_PORT = "set server <b>/<s> {} requires a port.\n"
MAPPED = "can't unset 'port' since MAPPORTS is in use\n"
NO_ROOM = "cannot allocate memory for new string.\n"


class _Wrong(Exception):
    """Why it is not done, in HAProxy's words."""


def set_check(slot: ServerSlot, what: str, args: list[str]) -> Answer:
    """check-addr ADDRESS [port PORT], check-port PORT."""
    enabled = state.check_state(slot) & state.CHECK_ENABLED
    return _set(slot, what, args, "" if enabled else NOT_ENABLED.format("health", ""))


def set_agent(slot: ServerSlot, what: str, args: list[str]) -> Answer:
    """agent-addr ADDRESS [port PORT], agent-port PORT, agent-send TEXT."""
    enabled = state.facts(slot)["agent_state"] & state.CHECK_ENABLED
    return _set(slot, what, args, "" if enabled else NOT_ENABLED.format("agent", "." if what == "agent-send" else ""))


def _set(slot: ServerSlot, what: str, args: list[str], disabled: str) -> Answer:
    """disabled: what is said when there is no such check; a missing argument is told first."""
    value = args[0] if args else ""
    if not value and what != "agent-send":
        return refused((NEEDS_PORT if what.endswith("-port") else NEEDS_ADDRESS).format(what))
    if disabled:
        return refused(disabled)
    try:
        if what == "agent-send":
            said = {what: value}
        elif what.endswith("-port"):
            said = {what: _port(slot, what, value)}
        else:
            said = _place(slot, what, args)
    except _Wrong as wrong:
        return refused(str(wrong))
    return DONE if published.set_targets(slot, said) else refused(NO_ROOM)


def _place(slot: ServerSlot, what: str, args: list[str]) -> dict[str, str]:
    """An address and what may follow it."""
    said = {what: _address(what, args[0])}
    if len(args) > 1 and args[1] == "port":
        port = what.replace("-addr", "-port")
        said[port] = _port(slot, port, args[2] if len(args) > 2 else "")
    return said


def _address(what: str, text: str) -> str:
    """An IP address; an agent's may be a name, which is looked up now."""
    if text == "*":
        return "0.0.0.0" if what == "agent-addr" else ""
    try:
        return str(ip_address(text))
    except ValueError:
        pass
    if what == "agent-addr":
        try:
            return str(socket.getaddrinfo(text, None, type=socket.SOCK_STREAM)[0][4][0])
        except (OSError, UnicodeError):
            pass
    raise _Wrong(f"invalid addr '{text}'\n")


def _port(slot: ServerSlot, what: str, text: str) -> str:
    """0 (of a check: the server's own) to 65535."""
    value, rest = (0, "") if text == "-" else leading(text)
    if value is None or rest or not text[0].isdigit() and text[0] != "-" or not -(2**31) <= value < 2**31:
        raise _Wrong("provided port is not an integer\n")
    if not 0 <= value <= 65535:
        raise _Wrong("provided port is invalid\n")
    if not value and what == "check-port" and state.port_map(slot)[0]:
        raise _Wrong(MAPPED)
    return str(value)
