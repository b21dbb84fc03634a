"""`wait`: a pause between two commands, or until a server may be removed (management manual 9.3)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from haproxy_py.config.units import UnitError, parse_time
from haproxy_py.runtime.call import Call
from haproxy_py.runtime.naming import server_of
from haproxy_py.runtime.registry import INFO, Answer, Level, command

STEP_S = 0.05
USAGE = (
    "Usage: wait {-h|<duration>} [condition [args...]]\n"
    "  - '-h' displays this help\n"
    "  - <duration> is the maximum wait time, optionally suffixed by the unit among\n"
    "    'us', 'ms', 's', 'm', 'h', and 'd'. The default unit is milliseconds.\n"
    "  - <condition> indicates what to wait for, no longer than the specified\n"
    "    duration. Supported conditions are:\n"
    "    - <none> : by default, just sleep for the specified duration.\n"
    "    - srv-removable <px>/<sv> : wait for this server to become removable.\n"
)


@command("wait", "wait {-h|<delay_ms>} cond [args...]", "wait the specified delay or condition (-h to see list)")
async def wait(call: Call) -> AsyncIterator[str]:
    """The client's input or end cuts it short."""
    if not call.args or call.arg(0) == "-h":
        raise Answer(USAGE, INFO)
    try:
        milliseconds = parse_time(call.arg(0), "ms")
    except UnitError:
        raise Answer("Invalid duration.\n") from None
    deadline = time.monotonic() + milliseconds / 1000
    if call.args[1:] and call.arg(1) != "srv-removable":
        raise Answer("Unsupported condition. Supported conditions: 'srv-removable'.\n")
    if call.args[1:]:
        call.need(Level.ADMIN)
        server_of(call, 2)
    while (left := deadline - time.monotonic()) > 0:
        if call.args[1:] and call.service.removable(server_of(call, 2)) == "":
            yield "Done.\n"
            return
        if call.wake() and not call.client.interactive:
            break
        await asyncio.sleep(min(STEP_S, left))
    if call.args[1:]:
        raise Answer("Wait delay expired.\n")
