"""TLS connections of the process, with clients and servers, in all workers together, and their limit (maxsslconn, manual 3.2).

They are `scur` of the slot Segment.tls, the limit is its `fullconn`, 0 for none.
"""

from libc.stdint cimport uint32_t
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.shm cimport ProxyShared, ProxySlot, gauge_down, gauge_up


cdef bint take_tls(ProxySlot all_tls) noexcept:
    """Count one more, unless the limit is reached: the count is never above it, not even for a moment."""
    cdef ProxyShared *p = all_tls.shared
    cdef uint32_t now
    if not p.fullconn:
        gauge_up(&p.scur, NULL, &all_tls.mine.scur)
        return True
    now = sys.ha_load32(&p.scur)
    while now < p.fullconn:
        if sys.ha_cas32(&p.scur, now, now + 1):
            all_tls.mine.scur += 1
            return True
        now = sys.ha_load32(&p.scur)
    return False


cdef void give_tls(ProxySlot all_tls) noexcept:
    """One has ended, or did not come."""
    gauge_down(&all_tls.shared.scur, &all_tls.mine.scur)


cdef bint tls_full(ProxySlot all_tls) noexcept:
    """Whether the limit is reached."""
    cdef ProxyShared *p = all_tls.shared
    return p.fullconn and sys.ha_load32(&p.scur) >= p.fullconn
