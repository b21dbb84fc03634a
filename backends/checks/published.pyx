"""What checks and agents leave in shared memory, and what they look at there before and after every check: no Python objects.

backends.state changes states; this is about findings.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset, strlen
cimport haproxy_py.engine.sys as sys
from cpython.bytes cimport PyBytes_AS_STRING
from haproxy_py.engine.shm cimport ADM_MAINT, SRV_RUNNING, SRV_STARTING, SRV_STOPPED, ServerShared, ServerSlot

cdef enum:                        # ServerShared.check_state and agent_state
    IN_PROGRESS = 1
    ENABLED = 4
    PAUSED = 8


def checkable(ServerSlot slot not None) -> bool:
    """Its check is to run: enabled, not paused, not in maintenance."""
    cdef ServerShared *s = slot.shared
    return s.check_state & (ENABLED | PAUSED) == ENABLED and not s.admin & ADM_MAINT


def askable(ServerSlot slot not None) -> bool:
    """Its agent is to be asked: enabled, not paused. Maintenance does not keep it from that: it may end it."""
    return slot.shared.agent_state & (ENABLED | PAUSED) == ENABLED


def health(ServerSlot slot not None) -> int:
    """The rise/fall counter."""
    return slot.shared.health


def moves(ServerSlot slot not None) -> int:
    """Grows when its address changes, or where its checks go."""
    return <uint64_t>slot.shared.generation + slot.shared.target_moves


def targets(ServerSlot slot not None) -> dict:
    """What the runtime socket has said of its checks: check-addr, check-port, agent-addr, agent-port, agent-send, each as text."""
    cdef const char *kept = slot.shared.targets
    return dict(each.split("=", 1) for each in kept[:strlen(kept)].decode("utf-8", "surrogateescape").split("\x01") if each)


def set_targets(ServerSlot slot not None, dict said) -> bool:
    """Add to targets(), for all workers. False: there is no room for so much; nothing has changed."""
    text = "\x01".join(f"{name}={value}" for name, value in {**targets(slot), **said}.items())
    raw = text.encode("utf-8", "surrogateescape")
    if <size_t>len(raw) >= sizeof(slot.shared.targets) or "\0" in text or text.count("\x01") != len({**targets(slot), **said}) - 1:
        return False
    memset(slot.shared.targets, 0, sizeof(slot.shared.targets))
    memcpy(slot.shared.targets, PyBytes_AS_STRING(raw), len(raw))
    sys.ha_add32(&slot.shared.target_moves, 1)
    return True


def began(ServerSlot slot not None) -> None:
    """A check is under way."""
    slot.shared.check_state |= IN_PROGRESS


def ended(ServerSlot slot not None) -> None:
    """No check is under way."""
    slot.shared.check_state &= <uint8_t>~IN_PROGRESS


def asking(ServerSlot slot not None, bint now) -> None:
    """Its agent is being asked, or is not any more."""
    if now:
        slot.shared.agent_state |= IN_PROGRESS
    else:
        slot.shared.agent_state &= <uint8_t>~IN_PROGRESS


def settled(ServerSlot slot not None, int status, int code, int64_t duration_ms, bytes text not None, bint passed,
            uint32_t full) -> bool:
    """Whether a finding is what is known already: a healthy server well, a stopped one ill, in the same words.

    Only code and duration are published then, and nothing else is left to do. full: the counter of a server that is well.
    """
    cdef ServerShared *s = slot.shared
    cdef size_t n = min(<size_t>len(text), sizeof(s.last_chk) - 1)
    if s.check_status != <uint32_t>status or memcmp(s.last_chk, PyBytes_AS_STRING(text), n) or s.last_chk[n]:
        return False
    if passed:
        if s.health != full or (s.state != SRV_RUNNING and s.state != SRV_STARTING):
            return False
    elif s.health or s.state != SRV_STOPPED:
        return False
    s.check_code = code
    s.check_duration = duration_ms
    return True


def set_agent(ServerSlot slot not None, int status, int code, int64_t duration_ms, bytes text not None, uint32_t health) -> None:
    """Publish what an agent has said. text: last_agt, cut to its room."""
    cdef ServerShared *s = slot.shared
    cdef size_t n = min(<size_t>len(text), sizeof(s.last_agt) - 1)
    s.agent_status = status
    s.agent_code = code
    s.agent_duration = duration_ms
    s.agent_health = health
    memset(s.last_agt, 0, sizeof(s.last_agt))
    memcpy(s.last_agt, PyBytes_AS_STRING(text), n)


def agent(ServerSlot slot not None) -> dict:
    """agent_status, agent_code, agent_duration, agent_health and last_agt."""
    cdef ServerShared *s = slot.shared
    return {"agent_status": s.agent_status, "agent_code": s.agent_code, "agent_duration": s.agent_duration,
            "agent_health": s.agent_health, "last_agt": (<bytes>s.last_agt).decode("utf-8", "replace")}


def check(ServerSlot slot not None) -> dict:
    """check_status, check_code, check_duration and last_chk."""
    cdef ServerShared *s = slot.shared
    return {"check_status": s.check_status, "check_code": s.check_code, "check_duration": s.check_duration,
            "last_chk": (<bytes>s.last_chk).decode("utf-8", "replace")}
