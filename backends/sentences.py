"""What a change in a server's life says on stderr and in the log: HAProxy's sentences. No state, no clock.

Every function gives the words without their full stop; said() makes a Message of them. The words were taken from what
HAProxy prints (tests/oracle/test_server_life.py compares them).
"""

from __future__ import annotations

from backends import state
from backends.checks.report import ALERT, EMERG, NOTICE, Message
from backends.state import Change


def said(level: int, text: str) -> Message:
    """A warning on stderr, `text.` in the log at a syslog level."""
    return Message(level, text + ".", text + ".")


def title(backend: str, server: str, backup: bool) -> str:
    """How a sentence begins."""
    return f"{'Backup ' if backup else ''}Server {backend}/{server}"


def numbers(change: Change, requeued: int) -> str:
    """The servers that are left or online, and the sessions."""
    here = f". {change.active} active and {change.backup} backup servers"
    alone = " Running on backup." if change.backup and not change.active else ""
    if change.state == state.STOPPED:
        return f"{here} left.{alone} {change.sessions} sessions active, {requeued} requeued, {change.queued} remaining in queue"
    return f"{here} online.{alone} {requeued} sessions requeued, {change.queued} total in queue"


def operational(name: str, why: str, change: Change, requeued: int) -> Message:
    """Up, down, or stopping. A server that was stopping is expected to go, so that is only a notice."""
    word = {state.STOPPED: "DOWN", state.STOPPING: "stopping"}.get(change.state, "UP")
    gone = change.state == state.STOPPED and change.old != state.STOPPING
    return said(ALERT if gone else NOTICE, f"{name} is {word}{why}{numbers(change, requeued)}")


def administrative(name: str, why: str, via: str, host: str, change: Change, requeued: int) -> list[Message]:
    """Maintenance and drain: entered, left, or kept for another reason. why: " (...)"; via: " via b/s" of a tracker."""
    was, now = change.old_admin, change.admin
    told = []
    if now & state.MAINT:
        told.append(_maintenance(name, why, via, host, change, requeued))
    else:
        if was & state.MAINT:
            told.append(_leaving(name, host, change))
        told.append(_drain(name, why, via, change, requeued))
    return [each for each in told if each is not None]


def _maintenance(name: str, why: str, via: str, host: str, change: Change, requeued: int) -> Message | None:
    """In maintenance now. None: nothing worth a line."""
    was, now = change.old_admin, change.admin
    by = "" if now & state.FMAINT else via
    if not was & state.MAINT:
        if change.old == state.STOPPED:
            return said(NOTICE, f"{name} was DOWN and now enters maintenance{why}{by}")
        level = NOTICE if change.old == state.STOPPING else ALERT
        return said(level, f"{name} is going DOWN for maintenance{why}{by}{numbers(change, requeued)}")
    left = was & ~now
    if left & state.FMAINT:
        return said(NOTICE, f"{name} is leaving forced maintenance but remains in maintenance{via}")
    if left & state.RMAINT:
        return said(NOTICE, f"{name} ('{host}') resolves again but remains in maintenance{via}")
    return said(NOTICE, f"{name} remains in forced maintenance") if left & state.IMAINT else None


def _leaving(name: str, host: str, change: Change) -> Message:
    left = change.old_admin & ~change.admin
    what, why = name, "leaving maintenance"
    if left & state.FMAINT:
        why = "leaving forced maintenance"
    elif left & state.RMAINT:
        what, why = f"{name} ('{host}')", "resolves again"
    up = "DOWN" if change.state == state.STOPPED else "UP"
    return said(NOTICE, f"{what} is {up}/{'DRAIN' if change.admin & state.DRAIN else 'READY'} ({why})")


def _drain(name: str, why: str, via: str, change: Change, requeued: int) -> Message | None:
    """Not in maintenance now."""
    was, now = change.old_admin & state.DRAIN, change.admin & state.DRAIN
    forced = now & state.FDRAIN
    if now and not was:
        return said(NOTICE, f"{name} enters drain state{why}{'' if forced else via}{numbers(change, requeued)}")
    if now:
        return said(NOTICE, f"{name} remains in {'forced drain mode' if forced else 'drain mode' + via}")
    if not was:
        return None
    up = "DOWN" if change.state == state.STOPPED else "UP"
    left = "(leaving forced drain)" if was & state.FDRAIN else f"(leaving drain){via}"
    return said(NOTICE, f"{name} is {up} {left}")


def no_server(backend: str, kind: str = "backend") -> Message:
    """The last usable server of a backend is gone. kind: "proxy" of a listen."""
    text = "has no server available!"
    return Message(EMERG, f"{kind} {backend} {text}", f"{kind} '{backend}' {text}", "ALERT")
