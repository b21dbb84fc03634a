"""Statistics on the runtime socket: show stat, show info, show schema json, clear counters (management manual 9.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from haproxy_py.observe.statistics.query import StatError
from haproxy_py.runtime.call import Call
from haproxy_py.runtime.operations import operation
from haproxy_py.runtime.registry import Answer, Level, command


@command(
    "show stat",
    "show stat [desc|json|no-maint|typed|up]*",
    "report counters for each proxy and server",
)
def show_stat(call: Call) -> Iterator[bytes]:
    """One row after the other, in the format that was asked for."""
    try:
        return _ended(call.instance.statistics.show_stat(call.args, legends=call.client.level >= Level.OPERATOR))
    except StatError as wrong:
        raise Answer(f"{wrong}\n") from None


@command("show info", "show info [desc|json|typed|float]*", "report information about the running process")
def show_info(call: Call) -> Iterator[bytes]:
    """Facts of all workers together."""
    return _ended(call.instance.statistics.show_info(call.args))


@command("show schema json", "show schema json", "report schema used for stats")
def show_schema(call: Call) -> Iterator[bytes]:
    """The JSON schema of both."""
    return _ended(iter([call.instance.statistics.schema()]))


def _ended(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """With a line's end behind the last piece if it has none: JSON comes on one line."""
    last = b""
    for piece in pieces:
        yield piece
        last = piece or last
    if last and not last.endswith(b"\n"):
        yield b"\n"


@operation("clear totals", change=True)
def clear_totals(instance: Any) -> None:
    """The supervisor for dead workers, then each worker for itself."""
    instance.segment.clear_totals()


@command("clear counters", "clear counters [all]", "clear max statistics counters (or all counters)", level=Level.OPERATOR)
async def clear_counters(call: Call) -> None:
    """Maxima; with `all`, everything that is counted."""
    if call.arg(0) == "all":
        call.need(Level.ADMIN)
        await call.service.everywhere("clear totals")
    call.instance.segment.clear_peaks()
