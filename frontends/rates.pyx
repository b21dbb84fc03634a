"""Limits on rates, all workers together: so many new sessions of a frontend in any second (rate-limit sessions, manual 4.2),
so many connections, sessions and TLS sessions of the process (maxconnrate, maxsessrate, maxsslrate, manual 3.2).

The second slides: what came in the second before counts by the part of it that is still within the last 1000 ms.
"""

from libc.stdint cimport uint32_t, uint64_t
from haproxy_py.engine.shm cimport RATES, GlobalShared, RateShared, spin_lock, spin_unlock

cdef enum:
    CLOCKS_DIFFER_S = 3    # a worker's clock is read once a turn; further back the machine's clock was set


cdef uint32_t take_session(RateShared *p, uint32_t limit, uint64_t wall_ms) noexcept nogil:
    """Count one session at `wall_ms`. Returns: 0; or, nothing counted, after how many ms there is room for one."""
    cdef uint32_t second = <uint32_t>(wall_ms // 1000)
    cdef uint32_t part = <uint32_t>(wall_ms % 1000)
    cdef uint32_t wait = 0
    cdef uint64_t old
    spin_lock(&p.lock)
    if second < p.sec and p.sec - second < CLOCKS_DIFFER_S:
        second, part = p.sec, 0            # another worker is ahead: never count anything twice or forget it
    if second != p.sec:
        p.last = p.now if second == p.sec + 1 else 0
        p.now = 0
        p.sec = second
    old = <uint64_t>p.last * (1000 - part) // 1000
    if p.now + old < limit:
        p.now += 1
    elif p.now >= limit:
        wait = 1000 - part
    else:                                  # `old` shrinks by one session in 1000 / lim_last ms
        wait = 1000 // p.last + 1
    spin_unlock(&p.lock)
    return wait


cdef void give_session(RateShared *p, uint64_t wall_ms) noexcept nogil:
    """take_session() has counted one at `wall_ms` that did not come."""
    cdef uint32_t second = <uint32_t>(wall_ms // 1000)
    spin_lock(&p.lock)
    if second == p.sec and p.now:
        p.now -= 1
    elif second + 1 == p.sec and p.last:   # another worker has begun a new second meanwhile
        p.last -= 1
    spin_unlock(&p.lock)


cdef uint32_t take_global(GlobalShared *g, bint tls, uint64_t wall_ms) noexcept nogil:
    """Count one connection against the limits of the process. Returns: as take_session()."""
    cdef uint32_t wait
    cdef int i, before
    for i in range(RATES if tls else RATES - 1):
        wait = take_session(&g.rates[i], g.rate_limits[i], wall_ms) if g.rate_limits[i] else 0
        if wait:
            for before in range(i):
                give_session(&g.rates[before], wall_ms)
            return wait
    return 0


cdef void give_global(GlobalShared *g, bint tls, uint64_t wall_ms) noexcept nogil:
    """take_global() has counted one that did not come."""
    cdef int i
    for i in range(RATES if tls else RATES - 1):
        give_session(&g.rates[i], wall_ms)
