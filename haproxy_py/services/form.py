"""The admin form of the statistics page: what was posted, done to the servers (manual 4.2 `stats admin`).

Outcomes are HAProxy's, told by `;st=` in the redirect: DONE all, PART some, NONE nothing chosen, ERRP a word that makes
no sense, EXCD more than a buffer, DENY not allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

from backends import commands, state

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
MESSAGES = {
    "DONE": ("done", "Action processed successfully."),
    "NONE": ("none", "Nothing has changed."),
    "PART": ("part", "Action partially processed. Some server names are probably unknown or ambiguous (duplicated names in the backend)."),
    "ERRP": ("fail", "Action not processed because of invalid parameters: the action or a name is unknown, or a name is ambiguous."),
    "EXCD": ("fail", "Action not processed: the buffer could not hold all the data. Try to select fewer servers at a time."),
    "DENY": ("fail", "Action denied."),
    "UNKN": ("fail", "Unexpected result."),
}  # fmt: skip


Outcome = bool | None  # None: it does not concern this server, which then does not count


def _answered(call: Callable[..., Any], *arguments: Any) -> Callable[[Any, Any], Outcome]:
    return lambda life, slot: call(life, slot, *arguments).level != commands.ERROR or None


def _no_check(call: Callable[..., Any], bits: str) -> Callable[[Any, Any], Outcome]:
    """Stop checks, where there are any. bits: the word of the segment that tells."""
    return lambda life, slot: bool(call(life, slot, False)) if state.facts(slot)[bits] & state.CHECK_CONFIGURED else None


def _shut(life: Any, slot: Any) -> Outcome:
    state.end_streams(slot, "K")
    life.follow(slot)
    return True


# As in the drop-down box: value, words, what is done.
ACTIONS: dict[str, tuple[str, Callable[[Any, Any], Outcome]]] = {
    "ready": ("Set state to READY", _answered(commands.set_admin, "ready")),
    "drain": ("Set state to DRAIN", _answered(commands.set_admin, "drain")),
    "maint": ("Set state to MAINT", _answered(commands.set_admin, "maint")),
    "dhlth": ("Health: disable checks", _no_check(commands.set_check, "check_state")),
    "ehlth": ("Health: enable checks", _answered(commands.set_check, True)),
    "hrunn": ("Health: force UP", _answered(commands.set_health, "up")),
    "hnolb": ("Health: force NOLB", _answered(commands.set_health, "stopping")),
    "hdown": ("Health: force DOWN", _answered(commands.set_health, "down")),
    "dagent": ("Agent: disable checks", _no_check(commands.set_agent_check, "agent_state")),
    "eagent": ("Agent: enable checks", _answered(commands.set_agent_check, True)),
    "arunn": ("Agent: force UP", _answered(commands.set_agent, "up")),
    "adown": ("Agent: force DOWN", _answered(commands.set_agent, "down")),
    "shutdown": ("Kill Sessions", _shut),
}
ALIASES = {"disable": "maint", "enable": "ready", "stop": "drain", "start": "ready"}  # words of older pages


def fields(body: bytes) -> list[tuple[str, str]]:
    """application/x-www-form-urlencoded, in order; bytes that are no UTF-8 are kept as surrogates.

    HAProxy reads from the end and stops at an escape that is none, so what stands before one is not there.
    """
    found = []
    for part in reversed(body.split(b"&")):
        if _BAD_ESCAPE.search(part):
            break
        name, _, value = part.partition(b"=")
        if part:
            found.append((_text(name), _text(value)))
    return found[::-1]


def _text(raw: bytes) -> str:
    return unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8", "surrogateescape")


def apply(world: Any, body: bytes) -> str:
    """Do what the form says. Returns: the code of the outcome. world: the Instance."""
    posted = fields(body)
    last = dict(posted)  # of several actions or backends the last one counts
    action, chosen = last.get("action"), last.get("b")
    action = ALIASES.get(action or "", action)
    back = None if chosen is None else _backend(world, chosen)
    if (action is not None and action not in ACTIONS) or (chosen is not None and back is None):
        return "ERRP"
    if action is None or back is None:
        return "NONE"
    return _outcome([_do(world, back, action, value) for name, value in posted if name == "s"])


def _do(world: Any, back: Any, action: str, name: str) -> Outcome:
    """The action on one server. Returns: False when its name is unknown or ambiguous."""
    found = [server for server in back.servers if server.name == name]
    return ACTIONS[action][1](world.life, found[0].slot) if len(found) == 1 else False


def _outcome(done: list[Outcome]) -> str:
    concerned = [one for one in done if one is not None]
    if not concerned:
        return "NONE"
    return "DONE" if all(concerned) else "PART" if any(concerned) else "ERRP"


def _backend(world: Any, chosen: str) -> Any:
    """By name, or by number behind `#`."""
    if chosen.startswith("#"):
        number = chosen[1:]
        parts = world.statistics.parts
        chosen = next((p.name for p in parts.proxies if p.is_backend and str(parts.iid(p)) == number), "")
    return world.backends.get(chosen)
