"""The records of all who wait, over all workers: the lock, letters, and what a dead worker leaves."""

from libc.stdint cimport uint32_t
from haproxy_py.engine.shm cimport ProxySlot, Segment

cdef void lock_queues(Segment g, ProxySlot proxy) noexcept      # all queues of a backend
cdef void unlock_queues(Segment g, ProxySlot proxy) noexcept
cdef int deliver(Segment g, uint32_t n) noexcept                # a granted one, queues locked: the worker to knock() at
cdef void knock(Segment g, int worker) noexcept                 # queues not locked
cdef void retire_waiters(Segment g, ProxySlot proxy, int worker) noexcept
