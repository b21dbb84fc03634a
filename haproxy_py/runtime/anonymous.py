"""Anonymised output: `set anon`, `show anon` (management manual 9.3). The mode is kept; names in outputs stay what they are."""

from __future__ import annotations

import random

from haproxy_py.config.units import strict_int
from haproxy_py.runtime.call import Call
from haproxy_py.runtime.registry import Answer, Level, command

MOST = 4294967295


def _key(text: str, least: int) -> int:
    value = strict_int(text)
    if value is None or not least <= value <= MOST:
        raise Answer(f"Value out of range ({least} to {MOST} expected).\n")
    return value


@command("set anon on", "set anon on [value]", "activate the anonymized mode")
def set_on(call: Call) -> None:
    """For this connection."""
    call.client.anonymous_key = _key(call.arg(0), 1) if call.args else random.randint(1, MOST)


@command("set anon off", "set anon off", "deactivate the anonymized mode")
def set_off(call: Call) -> None:
    """For this connection."""
    call.client.anonymous_key = 0


@command("set anon global-key", "set anon global-key <value>", "change the global anonymizing key", level=Level.ADMIN)
def set_global(call: Call) -> None:
    """Checked and forgotten."""
    _key(call.arg(0), 0)


@command("show anon", "show anon", "display the current state of anonymized mode")
def show(call: Call) -> str:
    """Of this connection."""
    if not call.client.anonymous_key:
        return "Anonymized mode disabled\n"
    key = f"Key : {call.client.anonymous_key}\n" if call.client.level >= Level.OPERATOR else ""
    return "Anonymized mode enabled\n" + key
