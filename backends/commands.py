"""What the runtime socket and agents do to a server, with HAProxy's answers (management manual 9.3, "set server").

Every function takes the Life and a server's slot, acts on all workers at once, and returns an Answer. An answer's text is
what HAProxy prints, its final newline included where it has one; the socket's own newline comes on top.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from backends import state, use_ssl
from backends.hash_settings import dynamic
from backends.life import AGENT_RISE, Life
from backends.tls_options import CONTEXT
from haproxy_py.engine.shm import ServerSlot

NOTICE, INFO, ERROR = 5, 6, 3
FROM_CLI = ", changed from CLI"
_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")


class Answer(NamedTuple):
    """level: syslog's, for severity-output. text: "" when all went well and there is nothing to say."""

    level: int
    text: str


DONE = Answer(INFO, "")


def refused(text: str) -> Answer:
    """It was not done."""
    return Answer(ERROR, text)


def leading(text: str) -> tuple[int | None, str]:
    """A number as strtol reads it, None without digits; and what follows it."""
    found = _NUMBER.match(text)
    return (int(found[1]), text[found.end() :]) if found else (None, text)


def set_admin(life: Life, slot: ServerSlot, word: str) -> Answer:
    """`set server B/S state ready|drain|maint`."""
    if word == "ready":
        life.set_admin(slot, 0, state.FMAINT)
        life.set_admin(slot, 0, state.FDRAIN)
    elif word == "drain":
        life.set_admin(slot, state.FDRAIN, 0)
        life.set_admin(slot, 0, state.FMAINT)
    elif word == "maint":
        life.set_admin(slot, state.FMAINT, 0)
        life.set_admin(slot, 0, state.FDRAIN)
    else:
        return refused("'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n")
    return DONE


def enable_server(life: Life, slot: ServerSlot) -> Answer:
    """`enable server B/S`: `ready` by another name, so that forced drain ends too."""
    return set_admin(life, slot, "ready")


def disable_server(life: Life, slot: ServerSlot) -> Answer:
    """`disable server B/S`: `maint` by another name, so that forced drain is forgotten."""
    return set_admin(life, slot, "maint")


def set_weight(life: Life, slot: ServerSlot, text: str) -> Answer:
    """`set server B/S weight W|P%`: 0..256, or percents of the configured weight; an agent's words too."""
    if not text:
        return refused("Require <weight> or <weight%>.\n")
    value, rest = leading(text)
    initial = state.facts(slot)["iweight"]
    if value is None:
        return refused("Empty weight string empty or preceded by garbage")
    if rest == "%":
        if value < 0:
            return refused("Relative weight must be positive.\n")
        value = min(256, initial * value // 100)
    elif not 0 <= value <= 256:
        return refused("Absolute weight can only be between 0 and 256 inclusive.\n")
    elif rest:
        return refused("Trailing garbage in weight string")
    if value not in (0, initial) and not _dynamic(life, slot):
        return refused("Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.\n")
    life.reweigh(slot, value)
    return DONE


def get_weight(slot: ServerSlot) -> Answer:
    """`get weight B/S`."""
    facts = state.facts(slot)
    return Answer(INFO, f"{facts['uweight']} (initial {facts['iweight']})\n")


def _dynamic(life: Life, slot: ServerSlot) -> bool:
    return dynamic(life.servers[slot].proxy)


def set_maxconn(life: Life, slot: ServerSlot, text: str) -> Answer:
    """`set maxconn server B/S N`; 0: no limit."""
    if not text:
        return refused("Require <maxconn>.\n")
    value, rest = leading(text)
    if value is None:
        return refused("maxconn string empty or preceded by garbage")
    if rest:
        return refused("Trailing garbage in maxconn string")
    state.set_maxconn(slot, value & 0xFFFFFFFF)
    if life.follow:
        life.follow(slot)
    return DONE


def set_health(life: Life, slot: ServerSlot, word: str) -> Answer:
    """`set server B/S health up|stopping|down`."""
    one = life.servers[slot]
    if one.tracked is not None:
        return refused("cannot change health on a tracking server.\n")
    act = {"up": life.running, "stopping": life.stopping, "down": life.stopped}.get(word)
    if act is None:
        return refused("'set server <srv> health' expects 'up', 'stopping', or 'down'.\n")
    state.set_health(slot, 0 if word == "down" else one.rise + one.fall - 1)
    act(slot, FROM_CLI)
    return DONE


def set_agent(life: Life, slot: ServerSlot, word: str) -> Answer:
    """`set server B/S agent up|down`: as if its agent had said so."""
    if not life.servers[slot].has_agent:
        return refused("agent checks are not enabled on this server.\n")
    if word not in ("up", "down"):
        return refused("'set server <srv> agent' expects 'up' or 'down'.\n")
    state.set_agent_health(slot, AGENT_RISE if word == "up" else 0)
    (life.running if word == "up" else life.stopped)(slot, FROM_CLI)
    return DONE


def set_check(life: Life, slot: ServerSlot, enabled: bool) -> Answer:
    """`enable health B/S` and `disable health B/S`."""
    bits = state.check_state(slot)
    if enabled and not bits & state.CHECK_CONFIGURED:
        return refused("Health check was not configured on this server, cannot enable.\n")
    state.set_check_state(slot, bits | state.CHECK_ENABLED if enabled else bits & ~state.CHECK_ENABLED)
    return DONE


def set_agent_check(life: Life, slot: ServerSlot, enabled: bool) -> Answer:
    """`enable agent B/S` and `disable agent B/S`."""
    bits = state.facts(slot)["agent_state"]
    if enabled and not bits & state.CHECK_CONFIGURED:
        return refused("Agent was not configured on this server, cannot enable.\n")
    state.set_agent_state(slot, bits | state.CHECK_ENABLED if enabled else bits & ~state.CHECK_ENABLED)
    return DONE


def set_ssl(life: Life, slot: ServerSlot, word: str) -> Answer:
    """`set server B/S ssl on|off`: new connections speak TLS or do not, idle ones are closed. TLS settings must be there already."""
    one = life.servers[slot]
    if one.item not in one.proxy.servers:
        return refused("'set server <srv> ssl' not supported on dynamic servers\n")
    if one.item[CONTEXT] is None:
        return refused("'set server <srv> ssl' cannot be set.  default-server should define ssl settings\n")
    if word not in ("on", "off"):
        return refused("'set server <srv> ssl' expects 'on' or 'off'.\n")
    use_ssl.change(slot, word == "on")
    if life.follow:
        life.follow(slot)
    return Answer(NOTICE, "server ssl setting updated.\n")
