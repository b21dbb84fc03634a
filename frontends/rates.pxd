"""rate-limit sessions: a count over all workers."""

from libc.stdint cimport uint32_t, uint64_t
from haproxy_py.engine.shm cimport ProxyShared

cdef uint32_t take_session(ProxyShared *p, uint32_t limit, uint64_t wall_ms) noexcept nogil    # 0: counted; else ms to wait
cdef void give_session(ProxyShared *p) noexcept nogil
