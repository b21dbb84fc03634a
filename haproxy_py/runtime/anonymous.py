"""Anonymised output: `set anon`, `show anon` (management manual 9.3), and how names and addresses are hidden.

A name becomes 24 bits of its xxHash with the key as seed, in six hexadecimal digits: the same name is the same everywhere, as in HAProxy.
"""

from __future__ import annotations

import random
from ipaddress import IPv6Address, ip_address
from typing import Any

from haproxy_py.config.keywords.anonkey import ANONKEY
from haproxy_py.config.units import leading_number
from haproxy_py.engine.hashes import xxhash32
from haproxy_py.runtime.call import Call
from haproxy_py.runtime.operations import operation
from haproxy_py.runtime.registry import Answer, Level, command

MOST = 4294967295


# hiding


def hidden(key: int, text: str) -> str:
    """A name, a path, any text; "" stays. key 0: nothing is hidden."""
    return f"{xxhash32(text.encode('utf-8', 'surrogateescape'), key) & 0xFFFFFF:06x}" if key and text else text


def hidden_ip(key: int, text: str) -> str:
    """An address of a server. 0.x, 127.x, 255.x and ::1 tell nobody anything and stay; what is no address is hidden as a name."""
    if not key:
        return text
    try:
        address = ip_address(text)
    except ValueError:
        return hidden(key, text)
    if isinstance(address, IPv6Address):
        return text if text == "::1" else f"IPV6({hidden(key, text)})"
    return text if address.packed[0] in (0, 127, 255) else f"IPV4({hidden(key, text)})"


def hidden_peer(key: int, text: str) -> str:
    """HOST:PORT of a connection: the port stays; unix:1 stays."""
    host, colon, port = text.rpartition(":")
    return text if host == "unix" else hidden(key, host) + colon + port


# commands


@command("set anon on", "set anon on [value]", "activate the anonymized mode")
def set_on(call: Call) -> None:
    """For this connection; without a key by the global one, or a new one."""
    if call.args:
        key = leading_number(call.arg(0))
        if not 1 <= key <= MOST:
            raise Answer(f"Value out of range (1 to {MOST} expected).\n")
    else:
        key = global_key(call.instance) or random.randint(1, MOST)
    call.client.anonymous_key = key


@command("set anon off", "set anon off", "deactivate the anonymized mode")
def set_off(call: Call) -> None:
    """For this connection."""
    if call.args:
        raise Answer("Key can't be added while disabling anonymized mode\n")
    call.client.anonymous_key = 0


def global_key(instance: Any) -> int:
    """The key of `anonkey` or of `set anon global-key`; 0: none."""
    changed = instance.anonymous_key
    return int(instance.config.globals[ANONKEY] if changed is None else changed)


@operation("global anonymizing key", change=True)
def change_global(instance: Any, key: int) -> None:
    """For whoever serves the socket from now on."""
    instance.anonymous_key = key


@command("set anon global-key", "set anon global-key <value>", "change the global anonymizing key", level=Level.ADMIN)
async def set_global(call: Call) -> None:
    """0: none."""
    key = leading_number(call.arg(0))
    if not call.args or not 0 <= key <= MOST:
        raise Answer(f"Value out of range (0 to {MOST} expected).\n")
    await call.service.everywhere("global anonymizing key", key)


@command("show anon", "show anon", "display the current state of anonymized mode")
def show(call: Call) -> str:
    """Of this connection."""
    if not call.client.anonymous_key:
        return "Anonymized mode disabled\n"
    key = f"Key : {call.client.anonymous_key}\n" if call.client.level >= Level.OPERATOR else ""
    return "Anonymized mode enabled\n" + key


@command("debug dev hash", "debug dev hash   [msg]", "return msg hashed if anon is set")
def debug_hash(call: Call) -> str:
    """A word as outputs would show it."""
    return hidden(call.client.anonymous_key, call.arg(0)) + "\n"
