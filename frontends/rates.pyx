"""rate-limit sessions (manual 4.2): so many new sessions of a frontend in any second, all workers together.

The second slides: what came in the second before counts by the part of it that is still within the last 1000 ms.
"""

from libc.stdint cimport uint32_t, uint64_t
from haproxy_py.engine.shm cimport ProxyShared, spin_lock, spin_unlock


cdef uint32_t take_session(ProxyShared *p, uint32_t limit, uint64_t wall_ms) noexcept nogil:
    """Count one session at `wall_ms`. Returns: 0; or, nothing counted, after how many ms there is room for one."""
    cdef uint32_t second = <uint32_t>(wall_ms // 1000)
    cdef uint32_t part = <uint32_t>(wall_ms % 1000)
    cdef uint32_t wait = 0
    cdef uint64_t old
    spin_lock(&p.lim_lock)
    if second != p.lim_sec:
        p.lim_last = p.lim_now if second == p.lim_sec + 1 else 0
        p.lim_now = 0
        p.lim_sec = second
    old = <uint64_t>p.lim_last * (1000 - part) // 1000
    if p.lim_now + old < limit:
        p.lim_now += 1
    elif p.lim_now >= limit:
        wait = 1000 - part
    else:                                  # `old` shrinks by one session in 1000 / lim_last ms
        wait = 1000 // p.lim_last + 1
    spin_unlock(&p.lim_lock)
    return wait


cdef void give_session(ProxyShared *p) noexcept nogil:
    """take_session() has counted one that did not come."""
    spin_lock(&p.lim_lock)
    if p.lim_now:
        p.lim_now -= 1
    spin_unlock(&p.lim_lock)
