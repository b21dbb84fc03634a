"""The one place where a server's operational state changes; see state.pyx."""

from haproxy_py.engine.shm cimport ProxySlot, ServerSlot

cdef void recount(ProxySlot proxy) noexcept          # usable, usable_backup, tot_weight; the caller holds the lock
