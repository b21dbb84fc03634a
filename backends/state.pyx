"""The one place where a server's operational state changes: health checks, the runtime socket and start-up all come here.

Every change happens under the proxy's lock, recounts what may be used, moves the generation (balancers of all workers
see it at their next pick) and wakes workers that hold queues. Times (`now`) are seconds of engine.clock.
"""

from collections import namedtuple
from ipaddress import ip_address
from socket import AF_INET, AF_INET6

from libc.stdint cimport uint8_t, uint16_t, uint32_t, int64_t
from libc.string cimport memcpy, memset, strlen
cimport haproxy_py.engine.sys as sys
from cpython.bytes cimport PyBytes_AS_STRING
from balancers.base cimport recount
from haproxy_py.engine.addr cimport Addr, ADDR_TEXT, addr_text
from haproxy_py.engine.clock cimport clock_s
from haproxy_py.engine.shm cimport (
    ADM_IMAINT, ADM_MAINT, ProxyShared, ProxySlot, ServerShared, ServerSlot, SRV_STOPPED, SRV_STARTING, SRV_RUNNING,
    SRV_STOPPING, spin_lock, spin_unlock,
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
CHECK_AGENT = 16

# ServerShared.admin, the bits of srv_admin_state
FMAINT, IMAINT, CMAINT, FDRAIN, IDRAIN, RMAINT, HMAINT = 1, 2, 4, 8, 16, 32, 64
MAINT, DRAIN = FMAINT | IMAINT | RMAINT, FDRAIN | IDRAIN

# What a change has done. moved: it was one; old, state: operational before and after; before: servers of the backend that
# were usable; active, backup: those that are now; sessions, queued: of the server.


Change = namedtuple("Change", "moved old state old_admin admin before active backup sessions queued")


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


cdef uint32_t warm_for(ServerShared *s, uint32_t now) noexcept nogil:
    """Seconds since its slowstart began."""
    return now - s.warm_since if now > s.warm_since else 0


cdef uint32_t weighed(ServerShared *s, uint32_t now) noexcept nogil:
    """The effective weight: 16 times the user's, less while slowstart lets it grow with each second (manual 5.2)."""
    cdef uint32_t since = warm_for(s, now)
    if s.state != SRV_STARTING or not s.ramps or not s.slowstart or since >= s.slowstart:
        return s.uweight * 16
    return s.uweight * ((16 * since + s.slowstart) // s.slowstart)


cdef uint8_t throttled(ServerShared *s, uint32_t now) noexcept nogil:
    """During slowstart one more than the percent of maxconn that it may have; 0 outside of it."""
    cdef uint32_t since = warm_for(s, now)
    if s.state != SRV_STARTING or since >= s.slowstart:
        return 0
    return <uint8_t>(1 + 100 * since // s.slowstart)


cdef object moved(ServerSlot slot, bint moved, int old, int old_admin, uint32_t before, uint32_t now):
    """What every change ends with: weights, the proxy's numbers, a new generation. The lock is held, and given back.

    A server that stops keeps the weight it had, as the statistics show it.
    """
    cdef ProxyShared *px = slot.proxy.shared
    cdef ServerShared *s = slot.shared
    if moved:
        if s.state != SRV_STOPPED or old == SRV_STOPPED:
            s.eweight = weighed(s, now)
        s.throttle = throttled(s, now)
        recount(slot.proxy)
        proxy_moved(px, before, now)
        px.generation += 1
    spin_unlock(&px.lock)
    if moved:
        sys.ha_add32(&slot.segment.shared.life, 1)
    return Change(moved, old, s.state, old_admin, s.admin, before, px.usable, px.usable_backup, s.scur, s.qcur)


cdef void turn(ServerShared *s, int state, uint32_t now) noexcept nogil:
    """Take the operational state: counters chkdown, downtime and the times of the change."""
    if state == SRV_STOPPED:
        s.chkdown += 1
    elif s.state == SRV_STOPPED and now > s.last_change:
        s.downtime += now - s.last_change
    s.last_change = now
    s.warm_since = now
    s.state = <uint8_t>state


def operate(ServerSlot slot not None, int state, uint32_t now) -> Change:
    """Give a server the operational `state` (STOPPED, STARTING, RUNNING, STOPPING) at wall second `now`.

    A server in maintenance keeps its state, and STARTING is no news to one that is RUNNING: `moved` is False then.
    """
    cdef ServerShared *s = slot.shared
    cdef ProxyShared *px = slot.proxy.shared
    spin_lock(&px.lock)
    cdef int old = s.state
    cdef uint32_t before = px.usable + px.usable_backup
    cdef bint news = old != state and not s.admin & ADM_MAINT
    if state == SRV_STARTING and (old == SRV_RUNNING or not s.slowstart):
        state = SRV_RUNNING
        news = old != SRV_RUNNING and not s.admin & ADM_MAINT
    if news:
        turn(s, state, now)
    return moved(slot, news, old, s.admin, before, now)


def begin_warming(ServerSlot slot not None, uint32_t now) -> Change:
    """Make a server STARTING, whatever it was and even without slowstart: only a state file knows of such a one."""
    cdef ServerShared *s = slot.shared
    cdef ProxyShared *px = slot.proxy.shared
    spin_lock(&px.lock)
    cdef uint32_t before = px.usable + px.usable_backup
    cdef int old = s.state
    s.state = SRV_STARTING
    s.last_change = now
    s.warm_since = now
    return moved(slot, True, old, s.admin, before, now)


def inherit_maintenance(ServerSlot slot not None, uint32_t now) -> None:
    """At start: it tracks one that is `disabled`. Now is when its backend goes down, if it was the last one."""
    cdef ProxyShared *px = slot.proxy.shared
    refresh(slot.proxy)
    cdef uint32_t before = px.usable + px.usable_backup
    slot.shared.admin |= ADM_IMAINT
    slot.shared.state = SRV_STOPPED
    refresh(slot.proxy)
    proxy_moved(px, before, now)


def restore(ServerSlot slot not None, uint32_t last_change, int check_status) -> None:
    """What a state file knows beside states. last_change: second of engine.clock, 0: as it is."""
    if last_change:
        slot.shared.last_change = last_change
    slot.shared.check_status = check_status


def warm(ServerSlot slot not None, uint32_t now) -> Change:
    """One step of slowstart; after the last one the server is RUNNING. `moved`: that has just happened."""
    cdef ServerShared *s = slot.shared
    cdef ProxyShared *px = slot.proxy.shared
    spin_lock(&px.lock)
    cdef uint32_t before = px.usable + px.usable_backup
    cdef bint over = s.state == SRV_STARTING and warm_for(s, now) >= s.slowstart
    cdef int old = s.state
    if over:
        s.state = SRV_RUNNING
        s.last_change = now
    cdef bint news = s.state != SRV_STOPPED and (s.eweight != weighed(s, now) or s.throttle != throttled(s, now))
    change = moved(slot, news or over, old, s.admin, before, now)
    return change._replace(moved=over)


def administer(ServerSlot slot not None, int add, int remove, uint32_t now, int back=SRV_STOPPED) -> Change:
    """Set and clear ADM_* bits. Entering maintenance stops a server; leaving it gives the state `back`.

    `moved`: some bit has changed.
    """
    cdef ServerShared *s = slot.shared
    cdef ProxyShared *px = slot.proxy.shared
    spin_lock(&px.lock)
    cdef uint32_t before = px.usable + px.usable_backup
    cdef int old = s.state
    cdef int admin = s.admin
    cdef int new = (admin | add) & ~remove
    s.admin = <uint8_t>new
    if new & ADM_MAINT and not admin & ADM_MAINT:
        if old != SRV_STOPPED:
            turn(s, SRV_STOPPED, now)
    elif admin & ADM_MAINT and not new & ADM_MAINT:
        s.downtime += now - s.last_change if now > s.last_change else 0
        s.last_change = now
        s.warm_since = now
        s.state = <uint8_t>(SRV_RUNNING if back == SRV_STARTING and not s.slowstart else back)
    return moved(slot, new != admin, old, admin, before, now)


def reweigh(ServerSlot slot not None, int weight, uint32_t now) -> Change:
    """Give a server the user's weight 0..256."""
    cdef ServerShared *s = slot.shared
    spin_lock(&slot.proxy.shared.lock)
    cdef uint32_t before = slot.proxy.shared.usable + slot.proxy.shared.usable_backup
    cdef bint news = s.uweight != weight
    s.uweight = <uint16_t>weight
    return moved(slot, news, s.state, s.admin, before, now)


def set_state(ServerSlot slot not None, int state, uint32_t now) -> tuple:
    """operate() without ceremony: (old state, usable servers before, active after, backup after)."""
    change = operate(slot, state, now)
    slot.segment.wake()
    return change.old, change.before, change.active, change.backup


def end_streams(ServerSlot slot not None, str cause) -> None:
    """Every stream on this server is to end, in all workers, with the letter `cause` in its termination state."""
    slot.shared.end_cause = ord(cause)
    sys.ha_add32(&slot.shared.ended, 1)
    sys.ha_add32(&slot.proxy.shared.generation, 1)
    sys.ha_add32(&slot.segment.shared.life, 1)


def set_slowstart(ServerSlot slot not None, int seconds, bint ramps) -> None:
    """`slowstart` of its line, in seconds; ramps: its backend's algorithm lets weights grow."""
    slot.shared.slowstart = seconds
    slot.shared.ramps = ramps


def set_maxconn(ServerSlot slot not None, uint32_t maxconn) -> None:
    """For all workers; 0: no limit."""
    slot.shared.maxconn = maxconn
    sys.ha_add32(&slot.proxy.shared.generation, 1)
    sys.ha_add32(&slot.segment.shared.life, 1)


def set_health(ServerSlot slot not None, int health) -> None:
    """The rise/fall counter of its check."""
    slot.shared.health = health


def set_agent_health(ServerSlot slot not None, int health) -> None:
    """The same of its agent."""
    slot.shared.agent_health = health


def set_agent_state(ServerSlot slot not None, int bits) -> None:
    """CHECK_* and CHECK_AGENT bits of its agent."""
    slot.shared.agent_state = <uint8_t>bits


def hurry(ServerSlot slot not None) -> None:
    """Its next check is to come within fastinter; whoever runs the checks hears of it."""
    sys.ha_add32(&slot.shared.hurry, 1)
    sys.ha_add32(&slot.proxy.shared.generation, 1)
    sys.ha_add32(&slot.segment.shared.life, 1)


def weight_in_use(ServerSlot slot not None, bint allbackups) -> int:
    """ProxySlot.weight() of its backend."""
    return slot.proxy.weight(allbackups)


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
        "address_generation": s.generation, "uweight": s.uweight, "iweight": s.iweight, "last_change": s.last_change,
        "maxconn": s.maxconn, "slowstart": s.slowstart, "check_state": s.check_state, "check_result": s.check_result,
        "agent_state": s.agent_state, "agent_health": s.agent_health, "errors": s.errors,
    }


def address(ServerSlot slot not None) -> tuple:
    """(text, port) of where the server is now; ("unix", 0) for a socket file, "" when unknown (its port is kept)."""
    cdef Addr a
    cdef char text[ADDR_TEXT]
    memcpy(&a, slot.shared.addr, sizeof(a))
    if not a.family:
        return "", a.port
    n = addr_text(&a, text)
    return text[:n].decode("ascii"), a.port


def set_up(ServerSlot slot not None, *, int weight=1, bint backup=False, int admin=0, str host="", int port=0,
           uint32_t maxqueue=0) -> None:
    """Fill a fresh slot: running, `weight` 0..256, where it is (IP text, "" none). Call refresh() when all are filled."""
    cdef ServerShared *s = slot.shared
    s.state = SRV_STOPPED if admin & ADM_MAINT else SRV_RUNNING
    s.last_change = <uint32_t>clock_s()
    s.uweight = s.iweight = <uint16_t>weight
    s.eweight = weight * 16
    s.backup = backup
    s.admin = <uint8_t>admin
    s.maxqueue = maxqueue
    s.check_duration = -1
    if host:
        set_address(slot, host, port)
    elif port:
        forget_address(slot, port)


def set_port_map(ServerSlot slot not None, bint mapped, int offset) -> None:
    """Whether connections go to the client's port plus `offset`; before the fork, or by move()."""
    slot.shared.port_map = mapped
    slot.shared.port_offset = offset


def port_map(ServerSlot slot not None) -> tuple:
    """(mapped, offset), see set_port_map()."""
    return bool(slot.shared.port_map), slot.shared.port_offset


def move(ServerSlot slot not None, str host not None, int port, bint mapped=False, int offset=0) -> None:
    """set_address() and set_port_map() at run time: idle connections to the old place are closed in every worker."""
    set_port_map(slot, mapped, offset)
    set_address(slot, host, port)
    sys.ha_add32(&slot.proxy.shared.generation, 1)
    sys.ha_add32(&slot.segment.shared.life, 1)


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
    slot.proxy.shared.generation += 1        # of a balancer whose ring depends on addresses (hash-key)
    spin_unlock(&slot.proxy.shared.lock)


def forget_address(ServerSlot slot not None, int port) -> None:
    """The server is nowhere for now (its name has no address); `port` is kept for the address to come."""
    cdef Addr a
    memset(&a, 0, sizeof(a))
    a.port = <uint16_t>port
    spin_lock(&slot.proxy.shared.lock)
    memcpy(slot.shared.addr, &a, sizeof(a))
    slot.shared.generation += 1
    slot.proxy.shared.generation += 1
    spin_unlock(&slot.proxy.shared.lock)
    sys.ha_add32(&slot.segment.shared.life, 1)


def set_fqdn(ServerSlot slot not None, str name not None) -> None:
    """The name that its address comes from, "" for none; cut to its room. For all workers, so that the next one to resolve knows."""
    raw = name.encode("utf-8", "surrogateescape")
    cdef size_t n = min(<size_t>len(raw), sizeof(slot.shared.fqdn) - 1)
    memset(slot.shared.fqdn, 0, sizeof(slot.shared.fqdn))
    memcpy(slot.shared.fqdn, PyBytes_AS_STRING(raw), n)


def fqdn(ServerSlot slot not None) -> str:
    """See set_fqdn()."""
    cdef const char *name = slot.shared.fqdn
    return name[:strlen(name)].decode("utf-8", "surrogateescape")
