"""Where a server's checks go, as a state file had it: srv_check_port, srv_check_addr, srv_agent_addr, srv_agent_port (manual 4.2)."""

from __future__ import annotations

from collections.abc import Iterator

from backends import retarget
from backends.commands import Answer
from backends.life import ServerLife
from backends.state_file import Row


def resume_targets(one: ServerLife, row: Row) -> Iterator[str]:
    """Take what is no default. Yields: HAProxy's complaints; what they are about is not used."""
    for kind, enabled, set_one, addr, port in (
        ("health", one.checked, retarget.set_check, ("check-addr", row.check_addr), ("check-port", row.check_port)),
        ("agent", one.has_agent, retarget.set_agent, ("agent-addr", row.agent_addr), ("agent-port", row.agent_port)),
    ):
        given = [(what, value) for (what, value), none in ((addr, ("-",)), (port, ("0", "-"))) if value not in none]
        if given and not enabled:
            yield f"{kind} checks are not enabled on this server"
            continue
        for what, value in given:
            wrong = complaint(set_one(one.slot, what, [value]))
            if wrong:
                yield wrong


def complaint(answer: Answer) -> str:
    """What a refusal says, in one line."""
    return answer.text.rstrip("\n")
