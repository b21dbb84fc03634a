"""The one place where a server's operational state changes: health checks, the runtime socket and start-up all come here.

Every change happens under the proxy's lock, recounts what may be used, moves the generation (balancers of all workers
see it at their next pick) and wakes workers that hold queues. Times are wall seconds.
"""

from ipaddress import ip_address
from socket import AF_INET, AF_INET6

from libc.stdint cimport uint8_t, uint16_t, uint32_t, int64_t
from libc.string cimport memcpy, memset
from cpython.bytes cimport PyBytes_AS_STRING
from balancers.base cimport recount
from haproxy_py.engine.addr cimport Addr, ADDR_TEXT, addr_text
from haproxy_py.engine.shm cimport (
    ProxyShared, ProxySlot, ServerShared, ServerSlot, SRV_STOPPED, SRV_STARTING, SRV_RUNNING, SRV_STOPPING,
    spin_lock, spin_unlock,
)

STOPPED = SRV_STOPPED
STARTING = SRV_STARTING
RUNNING = SRV_RUNNING
STOPPING = SRV_STOPPING

# ServerShared.check_state, the bits of srv_check_state in a servers state file
CHECK_IN_PROGRESS = 1
CHECK_CONFIGURED = 2
CHECK_ENABLED = 4
CHECK_PAUSED = 8


cdef void proxy_moved(ProxyShared *px, uint32_t usable_before, uint32_t now) noexcept nogil:
    """Note that the whole backend went down or came back."""
    cdef uint32_t usable = px.usable + px.usable_backup
    if usable_before and not usable:
        px.chkdown += 1
        px.changed = now
    elif usable and not usable_before:
        if px.changed and now > px.changed:
            px.downtime += now - px.changed
        px.changed = now


def set_state(ServerSlot slot not None, int state, uint32_t now) -> tuple:
    """Give a server the operational `state` (STOPPED, STARTING, RUNNING, STOPPING) at wall second `now`.

    Returns: (old state, usable servers before, active after, backup after).
    """
    cdef ProxySlot proxy = slot.proxy
    cdef ServerShared *s = slot.shared
    cdef uint32_t before
    cdef int old
    spin_lock(&proxy.shared.lock)
    old = s.state
    before = proxy.shared.usable + proxy.shared.usable_backup
    if old != state:
        if state == SRV_STOPPED:
            s.chkdown += 1
        elif old == SRV_STOPPED and now > s.last_change:
            s.downtime += now - s.last_change
        s.last_change = now
        s.state = <uint8_t>state
        recount(proxy)
        proxy_moved(proxy.shared, before, now)
        proxy.shared.generation += 1
    spin_unlock(&proxy.shared.lock)
    slot.segment.wake()
    return old, before, proxy.shared.usable, proxy.shared.usable_backup


def refresh(ProxySlot proxy not None) -> tuple:
    """Recount after weights or maintenance bits were changed. Returns (active, backup) usable."""
    spin_lock(&proxy.shared.lock)
    recount(proxy)
    proxy.shared.generation += 1
    spin_unlock(&proxy.shared.lock)
    return proxy.shared.usable, proxy.shared.usable_backup


def set_check(ServerSlot slot not None, int status, int code, int64_t duration_ms, bytes text not None, int health,
              bint failed) -> None:
    """Publish a check's finding. text: last_chk, cut to its room; failed: counts in chkfail."""
    cdef ServerShared *s = slot.shared
    cdef size_t n = min(<size_t>len(text), sizeof(s.last_chk) - 1)
    s.check_status = status
    s.check_code = code
    s.check_duration = duration_ms
    s.health = health
    if failed:
        s.chkfail += 1
    memset(s.last_chk, 0, sizeof(s.last_chk))
    memcpy(s.last_chk, PyBytes_AS_STRING(text), n)


def set_check_state(ServerSlot slot not None, int bits) -> None:
    """CHECK_* bits."""
    slot.shared.check_state = <uint8_t>bits


def check_state(ServerSlot slot not None) -> int:
    """CHECK_* bits as the runtime socket left them."""
    return slot.shared.check_state


def facts(ServerSlot slot not None) -> dict:
    """What checks, logs and the state header need to know of a server, as one consistent-enough look."""
    cdef ServerShared *s = slot.shared
    cdef ProxyShared *px = slot.proxy.shared
    return {
        "state": s.state, "admin": s.admin, "backup": s.backup, "health": s.health, "eweight": s.eweight,
        "tot_weight": px.tot_weight, "scur": s.scur, "qcur": s.qcur, "served": px.served, "px_qcur": px.qcur,
        "active": px.usable, "backups": px.usable_backup, "check_status": s.check_status,
        "address_generation": s.generation,
    }


def address(ServerSlot slot not None) -> tuple:
    """(text, port) of where the server is now; ("unix", 0) for a socket file, ("", 0) when unknown."""
    cdef Addr a
    cdef char text[ADDR_TEXT]
    memcpy(&a, slot.shared.addr, sizeof(a))
    if not a.family:
        return "", 0
    n = addr_text(&a, text)
    return text[:n].decode("ascii"), a.port


def set_up(ServerSlot slot not None, *, int weight=1, bint backup=False, int admin=0, str host="", int port=0) -> None:
    """Fill a fresh slot: running, `weight` 0..256, where it is (IP text, "" none). Call refresh() when all are filled."""
    cdef ServerShared *s = slot.shared
    s.state = SRV_RUNNING
    s.uweight = s.iweight = <uint16_t>weight
    s.eweight = weight * 16
    s.backup = backup
    s.admin = <uint8_t>admin
    s.check_duration = -1
    if host:
        set_address(slot, host, port)


def set_address(ServerSlot slot not None, str host not None, int port) -> None:
    """Move a server to IP text `host` and `port`; everyone who has a copy sees the new generation. Raises ValueError."""
    cdef Addr a
    raw = ip_address(host).packed
    memset(&a, 0, sizeof(a))
    a.family = AF_INET6 if len(raw) == 16 else AF_INET
    a.port = <uint16_t>port
    memcpy(a.ip, PyBytes_AS_STRING(raw), len(raw))
    spin_lock(&slot.proxy.shared.lock)
    memcpy(slot.shared.addr, &a, sizeof(a))
    slot.shared.generation += 1
    spin_unlock(&slot.proxy.shared.lock)
