"""Limits on rates: a count over all workers."""

from libc.stdint cimport uint32_t, uint64_t
from haproxy_py.engine.shm cimport GlobalShared, RateShared

cdef uint32_t take_session(RateShared *p, uint32_t limit, uint64_t wall_ms) noexcept nogil    # 0: counted; else ms to wait
cdef void give_session(RateShared *p, uint64_t wall_ms) noexcept nogil
cdef uint32_t take_global(GlobalShared *g, bint tls, uint64_t wall_ms) noexcept nogil         # the same, of the process
cdef void give_global(GlobalShared *g, bint tls, uint64_t wall_ms) noexcept nogil
