"""`show events [RING] [-w] [-n]` (management manual 9.3)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from haproxy_py.observe.ring import Ring
from haproxy_py.observe.ring_keywords import RINGS
from haproxy_py.runtime.call import Call
from haproxy_py.runtime.registry import command

POLL_S = 0.05
FILES = {"stdout": "standard output (fd#1)", "stderr": "standard output (fd#2)"}
HEADING = "Supported events sinks are listed below. Add -w(wait), -n(new). Any key to stop\n"


def listed(rings: dict[str, Ring]) -> str:
    """The sinks, as HAProxy lists them."""
    rows = [(name, "fd", 0, text) for name, text in FILES.items()]
    rows += [(name, "buffer", ring.lost, ring.description) for name, ring in rings.items()]
    return HEADING + "".join(f"    {name:<10} : type={kind}, {lost} dropped, {text}\n" for name, kind, lost, text in rows)


def _text(messages: list[bytes]) -> str:
    return "".join(text.decode("utf-8", "surrogateescape") + "\n" for text in messages)


@command("show events", "show events [<sink>] [-w] [-n]", "show event sink state")
async def show_events(call: Call) -> AsyncIterator[str]:
    """Without an argument the list of sinks; else the messages of a ring, with -w also those that come, until the client
    sends anything."""
    rings: dict[str, Ring] = call.instance.config.globals[RINGS]
    if not call.args:
        yield listed(rings)
        return
    wrong = _complaint(rings, call.args)
    if wrong:
        yield wrong                                  # HAProxy ends these without a line of its own
        return
    ring, flags = rings[call.args[0]], "".join(call.args[1:])
    position = ring.end if "n" in flags else ring.oldest()
    while True:
        messages, position = ring.read(position)
        if messages:
            yield _text(messages)
        elif "w" not in flags or call.wake():
            return
        else:
            yield ""                                 # what there is goes out before we wait
            await asyncio.sleep(POLL_S)


def _complaint(rings: dict[str, Ring], words: list[str]) -> str:
    """What is wrong with the arguments, "" for nothing."""
    if words[0] in FILES:
        return "Nothing to report for this sink"
    if words[0] not in rings:
        return "No such event sink"
    return "" if all(word in ("-w", "-n", "-wn", "-nw") for word in words[1:]) else "unknown option"
