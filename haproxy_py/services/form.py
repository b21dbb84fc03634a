"""The admin form of the statistics page: what was posted, done to the servers (manual 4.2 `stats admin`).

Outcomes are HAProxy's, told by `;st=` in the redirect: DONE all, PART some, NONE nothing chosen, ERRP a word that makes
no sense, EXCD more than a buffer, DENY not allowed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

from backends import commands, state

MESSAGES = {
    "DONE": ("done", "Action processed successfully."),
    "NONE": ("none", "Nothing has changed."),
    "PART": ("part", "Action partially processed. Some server names are probably unknown or ambiguous (duplicated names in the backend)."),
    "ERRP": ("fail", "Action not processed because of invalid parameters: the action or a name is unknown, or a name is ambiguous."),
    "EXCD": ("fail", "Action not processed: the buffer could not hold all the data. Try to select fewer servers at a time."),
    "DENY": ("fail", "Action denied."),
    "UNKN": ("fail", "Unexpected result."),
}  # fmt: skip


def _answered(call: Callable[..., Any], *arguments: Any) -> Callable[[Any, Any], bool]:
    return lambda life, slot: call(life, slot, *arguments).level != commands.ERROR


def _shut(life: Any, slot: Any) -> bool:
    state.end_streams(slot, "K")
    life.follow(slot)
    return True


# As in the drop-down box: value, words, what is done.
ACTIONS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "ready": ("Set state to READY", _answered(commands.set_admin, "ready")),
    "drain": ("Set state to DRAIN", _answered(commands.set_admin, "drain")),
    "maint": ("Set state to MAINT", _answered(commands.set_admin, "maint")),
    "dhlth": ("Health: disable checks", _answered(commands.set_check, False)),
    "ehlth": ("Health: enable checks", _answered(commands.set_check, True)),
    "hrunn": ("Health: force UP", _answered(commands.set_health, "up")),
    "hnolb": ("Health: force NOLB", _answered(commands.set_health, "stopping")),
    "hdown": ("Health: force DOWN", _answered(commands.set_health, "down")),
    "dagent": ("Agent: disable checks", _answered(commands.set_agent_check, False)),
    "eagent": ("Agent: enable checks", _answered(commands.set_agent_check, True)),
    "arunn": ("Agent: force UP", _answered(commands.set_agent, "up")),
    "adown": ("Agent: force DOWN", _answered(commands.set_agent, "down")),
    "shutdown": ("Kill Sessions", _shut),
}
ALIASES = {"disable": "maint", "enable": "ready", "stop": "drain", "start": "ready"}  # words of older pages


def fields(body: bytes) -> list[tuple[str, str]]:
    """application/x-www-form-urlencoded, in order; bytes that are no UTF-8 are kept as surrogates."""
    found = []
    for part in body.split(b"&"):
        name, _, value = part.partition(b"=")
        if part:
            found.append((_text(name), _text(value)))
    return found


def _text(raw: bytes) -> str:
    return unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8", "surrogateescape")


def apply(world: Any, body: bytes) -> str:
    """Do what the form says. Returns: the code of the outcome. world: the Instance."""
    posted = fields(body)
    if not posted:
        return "NONE"
    action = next((value for name, value in posted if name == "action"), "")
    chosen = next((value for name, value in posted if name == "b"), "")
    names = [value for name, value in posted if name == "s"]
    action = ALIASES.get(action, action)
    back = _backend(world, chosen)
    if action not in ACTIONS or back is None:
        return "ERRP" if action or chosen else "NONE"
    if not names:
        return "NONE"
    done = 0
    for name in names:
        found = [server for server in back.servers if server.name == name]
        done += len(found) == 1 and ACTIONS[action][1](world.life, found[0].slot)
    return "DONE" if done == len(names) else "PART" if done else "ERRP"


def _backend(world: Any, chosen: str) -> Any:
    """By name, or by number behind `#`."""
    if chosen.startswith("#"):
        number = chosen[1:]
        parts = world.statistics.parts
        chosen = next((p.name for p in parts.proxies if p.is_backend and str(parts.iid(p)) == number), "")
    return world.backends.get(chosen)
