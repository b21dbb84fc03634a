"""What every balancing algorithm is: it chooses a server of one backend, and keeps what decides in shared memory.

A balancer knows servers by weight, state and load only (engine.shm.ServerShared). Its state block lies in the segment and
is guarded by ProxyShared.lock, so that all workers together give one sequence.
"""

from libc.stddef cimport size_t
from libc.stdint cimport uint32_t, uint64_t
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.shm cimport ProxySlot, ServerSlot, ServerShared, server_usable, spin_lock, spin_unlock, server_limit
from haproxy_py.engine.txn cimport Txn

cdef enum:
    AT_REST = 1
    AT_WORK = 2          # somebody changes the state block, or died doing so

cdef struct StateHead:          # every state block begins with it
    uint32_t generation         # of the proxy when it was last compared
    uint32_t ready              # AT_REST, AT_WORK; 0: init_state() has not run

cdef class Balancer:
    cdef readonly ProxySlot proxy
    cdef readonly list servers             # ServerSlot, in configuration order; index = number in the state block
    cdef readonly bint allbackups          # option allbackups
    cdef public object complain            # called with a text when an algorithm itself fails; None: nobody listens
    cdef public uint32_t fullconn          # of the backend, for servers with a minconn; 0: none has
    cdef void *state
    cdef uint32_t room                     # servers that the state block has room for
    cdef uint32_t count                    # len(servers)
    cdef readonly bint by_load             # wants load_changed() whenever scur or qcur of a server moves
    cdef readonly bint by_time             # wants answered() for every response
    cdef readonly bint holds               # the server it names is meant: when it is full, that one is waited for
    cdef readonly bint overtakes           # it is asked although others wait in the backend's queue
    cdef readonly bint fills_queues        # it may name a full server that has room in its own queue (maxqueue)
    cdef int avoid                         # index that choose() takes only when it must, -1: none
    cdef ServerShared **shared             # of servers, for loops without Python; those not there look full and down
    cdef size_t state_bytes(self, uint32_t servers) noexcept
    cdef void init_state(self) noexcept                    # state block is zeroed, servers are set; lock not held
    cdef void repair(self) noexcept                        # a worker died while it changed the state block; lock held
    cdef void server_added(self, uint32_t index) noexcept  # lock held
    cdef void sync(self) noexcept                          # servers changed: generation moved; lock held
    cdef int choose(self, Txn t) noexcept                  # index, -1: none; lock held
    cdef ServerSlot pick(self, Txn t)                         # None: no server may be used, or all are full
    cdef ServerSlot pick_other(self, Txn t, ServerSlot avoid)      # `avoid` only when no other can serve (redispatch)
    cdef void changed(self, ServerSlot server) noexcept    # its state or weight has just changed (any worker)
    cdef void load_changed(self, ServerSlot server) noexcept         # by_load: its scur or qcur has just changed
    cdef void answered(self, ServerSlot server, uint64_t us, bint failed) noexcept    # by_time: so long it took; failed: 5xx
    cdef int index_of(self, ServerSlot server) noexcept    # -1: not one of its servers
    cdef int first_backup(self) noexcept                   # first usable backup in order, -1: none; lock held

cdef inline void begin(Balancer b) noexcept:
    """Take the lock of the state block, and mend the block if its last owner died at work."""
    cdef StateHead *head = <StateHead *>b.state
    spin_lock(&b.proxy.shared.lock)
    if head.ready != AT_REST:
        b.repair()
    sys.ha_store32(&head.ready, AT_WORK)

cdef inline void finish(Balancer b) noexcept:
    sys.ha_store32(&(<StateHead *>b.state).ready, AT_REST)
    spin_unlock(&b.proxy.shared.lock)

cdef void recount(ProxySlot proxy) noexcept                # usable, usable_backup, tot_weight; lock held
cdef uint32_t nbsrv(ProxySlot proxy, bint allbackups) noexcept

cdef inline bint server_full(ServerShared *s, uint32_t load, uint32_t fullconn) noexcept nogil:
    """No slot is free, or others wait for one already."""
    return s.maxconn and (s.qcur > 0 or s.scur >= server_limit(s, load, fullconn))
