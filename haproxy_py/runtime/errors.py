"""`show errors`: the last invalid request and response of each proxy, as HAProxy dumps them (management manual 9.3)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from haproxy_py.config.units import atoi
from haproxy_py.runtime.call import Call
from haproxy_py.runtime.naming import proxy_name
from haproxy_py.runtime.operations import operation
from haproxy_py.runtime.registry import Answer, Level, command
from haproxy_py.stream.faulty import events, faults

WIDTH = 79  # columns of a line of the dump
HIDDEN = 48  # bytes of a buffer that HAProxy keeps for itself
ESCAPES = {9: "\\t", 10: "\\n", 13: "\\r", 27: "\\e", 92: "\\\\"}


@operation("faults")
def seen(instance: Any) -> list[dict[str, Any]]:
    """What this process keeps."""
    return faults([side.slot for side in (*instance.frontends.values(), *instance.backends.values())])


@command("show errors", "show errors [<px>] [request|response]", "report last request and/or response errors for each proxy", level=Level.OPERATOR)
async def show_errors(call: Call) -> Iterator[str]:
    """Of all workers, the latest each."""
    names = _asked(call)
    found = await call.service.everywhere("faults")
    latest: dict[tuple[str, bool], dict[str, Any]] = {}
    for each in sorted((each for of_one in found.values() for each in of_one), key=lambda each: each["event"]):
        latest[each["proxy"], each["response"]] = each
    wanted = [each for each in latest.values() if _matches(each, names, call.arg(1))]
    return _dump(call, wanted, events(call.instance.segment))


def _asked(call: Call) -> set[str] | None:
    """Names of the proxies that are asked for, None: all. Raises: Answer."""
    word = call.arg(0)
    if not word:
        return None
    parts = call.instance.statistics.parts
    name = proxy_name(call.instance, word)
    if name in {proxy.name for proxy in parts.proxies}:
        return {name}
    number = atoi(word)
    if not number:
        raise Answer("No such proxy.\n")
    return {proxy.name for proxy in parts.proxies if parts.iid(proxy) == number} if number != -1 else None


def _matches(each: dict[str, Any], names: set[str] | None, side: str) -> bool:
    if side in ("request", "response") and (side == "response") != each["response"]:
        return False
    return names is None or each["proxy"] in names or each["other"] in names


def _dump(call: Call, wanted: list[dict[str, Any]], total: int) -> Iterator[str]:
    yield f"Total events captured on [{stamp(time.time())}] : {total}\n"
    parts = call.instance.statistics.parts
    order = {proxy.name: place for place, proxy in reversed(list(enumerate(parts.proxies)))}
    number = {proxy.name: parts.iid(proxy) for proxy in parts.proxies}
    for each in sorted(wanted, key=lambda each: (order.get(each["proxy"], 0), each["response"])):
        yield from entry(each, number)


def stamp(wall: float) -> str:
    """A date as logs have it."""
    date = time.strftime("%d/%b/%Y:%H:%M:%S", time.localtime(wall))
    return f"{date}.{int(wall % 1 * 1000):03d}"


def entry(each: dict[str, Any], number: dict[str, int]) -> Iterator[str]:
    """One message."""
    name, raw = each["proxy"], each["bytes"].encode("latin-1")
    kind = "backend" if each["response"] else "frontend"
    yield f" \n[{stamp(each['at_us'] / 1e6)}] {kind} {name} (#{number.get(name, -1)}): invalid {'response' if each['response'] else 'request'}\n"
    server = f"server {each['server'] or '<NONE>'} (#{each['server_id']})"
    if each["response"]:
        yield f"  frontend {each['other']} (#{number.get(each['other'], -1)}), {server}"
    else:
        yield f"  backend <NONE> (#-1), {server}"
    yield f", event #{each['event']}, src {each['source']}\n"
    yield f"  buffer starts at 0 (including 0 out), {each['size'] - len(raw)} free,\n"
    yield f"  len {len(raw)}, wraps at {each['size'] - HIDDEN}, error at position {each['position']}\n"
    yield "  H1 connection flags 0x00000000, H1 stream flags 0x00000000\n"
    yield "  H1 msg state MSG_RQBEFORE(0), H1 msg flags 0x00000000\n  H1 chunk len 0 bytes, H1 body len 0 bytes :\n  \n"
    yield from lines(raw)


def lines(raw: bytes) -> Iterator[str]:
    """The bytes with their offsets; `+` marks what goes on with the line before."""
    at, fresh = 0, True
    while at < len(raw):
        text = f"  {at:05d}{' ' if fresh else '+'} "
        fresh = False
        while at < len(raw):
            shown = chr(raw[at]) if 32 <= raw[at] < 127 and raw[at] != 92 else ESCAPES.get(raw[at], f"\\x{raw[at]:02X}")
            if len(text) + len(shown) > WIDTH:
                break
            text += shown
            at += 1
            if raw[at - 1] == 10:
                fresh = True
                break
        yield text + "\n"
