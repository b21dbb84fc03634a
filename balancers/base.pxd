"""What every balancing algorithm is: it chooses a server of one backend, and keeps what decides in shared memory.

A balancer knows servers by weight, state and load only (engine.shm.ServerShared). Its state block lies in the segment and
is guarded by ProxyShared.lock, so that all workers together give one sequence.
"""

from libc.stddef cimport size_t
from libc.stdint cimport uint32_t
from haproxy_py.engine.shm cimport ProxySlot, ServerSlot, ServerShared, server_usable
from haproxy_py.engine.txn cimport Txn

cdef class Balancer:
    cdef readonly ProxySlot proxy
    cdef readonly list servers             # ServerSlot, in configuration order; index = number in the state block
    cdef readonly bint allbackups          # option allbackups
    cdef void *state
    cdef uint32_t room                     # servers that the state block has room for
    cdef uint32_t count                    # len(servers)
    cdef ServerShared **shared             # of servers, for loops without Python
    cdef size_t state_bytes(self, uint32_t servers) noexcept
    cdef void init_state(self) noexcept                    # state block is zeroed, servers are set; lock not held
    cdef void server_added(self, uint32_t index) noexcept  # lock held
    cdef void sync(self) noexcept                          # servers changed: generation moved; lock held
    cdef int choose(self, Txn t) noexcept                  # index, -1: none; lock held
    cdef ServerSlot pick(self, Txn t)                      # None: no server may be used
    cdef void changed(self, ServerSlot server) noexcept    # its state or weight has just changed (any worker)
    cdef int first_backup(self) noexcept                   # first usable backup in order, -1: none

cdef void recount(ProxySlot proxy) noexcept                # usable, usable_backup, tot_weight; lock held
cdef uint32_t nbsrv(ProxySlot proxy, bint allbackups) noexcept

cdef inline bint server_full(ServerShared *s) noexcept nogil:
    """No slot is free, or others wait for one already."""
    return s.maxconn and (s.scur >= s.maxconn or s.qcur > 0)
