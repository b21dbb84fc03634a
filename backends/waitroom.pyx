"""Waiters (engine.waiting) of one backend in the hands of several processes, any of which may be killed at any time.

The links of the heaps and the queue lengths are changed under ProxyShared.queue_lock only. Its owner sets queue_busy, so
whoever takes the lock and finds that set knows that its owner died over it, and makes all of it anew from the records.
"""

from libc.stdint cimport uint32_t, uint64_t
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.shm cimport ProxySlot, Segment, ServerShared, WorkerShared, spin_lock, spin_unlock
from haproxy_py.engine.waiting cimport W_FREE, W_WAITING, Waiter, heap_insert, heap_remove


cdef void lock_queues(Segment g, ProxySlot proxy) noexcept:
    """The queues of a backend are the caller's until unlock_queues(): a few instructions, no Python in between."""
    spin_lock(&proxy.shared.queue_lock)
    if proxy.shared.queue_busy:
        link_waiters(g, proxy)
    sys.ha_store32(&proxy.shared.queue_busy, 1)


cdef void unlock_queues(Segment g, ProxySlot proxy) noexcept:
    sys.ha_store32(&proxy.shared.queue_busy, 0)
    spin_unlock(&proxy.shared.queue_lock)


cdef void link_waiters(Segment g, ProxySlot proxy) noexcept:
    """Make heaps and lengths anew from the records."""
    cdef ServerShared *server
    cdef uint32_t room, n, first
    cdef int worker
    proxy.shared.queue_top = proxy.shared.qcur = proxy.shared.pending = 0
    for room in range(<uint32_t>g.server_rooms):
        server = g.server_at(room)
        if server.proxy == proxy.number + 1:
            server.queue_top = server.qcur = 0
    for worker in range(g.workers + 1):
        first = 1 + worker * g.waiters_each
        for n in range(first, first + sys.ha_load32(&g.worker_parts[worker].waiters_used)):
            if g.waiters[n].state == W_WAITING and g.waiters[n].proxy == proxy.number:
                link_one(g, proxy, n)


cdef void link_one(Segment g, ProxySlot proxy, uint32_t n) noexcept:
    cdef uint32_t room = g.waiters[n].room
    cdef ServerShared *server
    proxy.shared.pending += 1
    if room:
        server = g.server_at(room - 1)
        server.qcur += 1
        heap_insert(g.waiters, &server.queue_top, n)
    else:
        proxy.shared.qcur += 1
        heap_insert(g.waiters, &proxy.shared.queue_top, n)


cdef void unlink_one(Segment g, ProxySlot proxy, uint32_t n) noexcept:
    cdef uint32_t room = g.waiters[n].room
    cdef ServerShared *server
    proxy.shared.pending -= 1
    if room:
        server = g.server_at(room - 1)
        server.qcur -= 1
        heap_remove(g.waiters, &server.queue_top, n)
    else:
        proxy.shared.qcur -= 1
        heap_remove(g.waiters, &proxy.shared.queue_top, n)


cdef void retire_waiters(Segment g, ProxySlot proxy, int worker) noexcept:
    """What the streams of a dead worker waited for in this backend, or had been given and never heard of."""
    cdef Waiter *w
    cdef uint32_t n, first = 1 + worker * g.waiters_each
    for n in range(first, first + g.worker_parts[worker].waiters_used):
        w = &g.waiters[n]
        if w.state == W_FREE or w.proxy != proxy.number:
            continue
        lock_queues(g, proxy)
        if w.state == W_WAITING:
            unlink_one(g, proxy, n)
        elif w.room:
            sys.ha_add32(&g.server_at(w.room - 1).scur, -1)
            sys.ha_post32(&proxy.shared.freed, 1)
        w.state = W_FREE
        unlock_queues(g, proxy)


cdef int deliver(Segment g, uint32_t n) noexcept:
    """Put a granted one into the letter box of its worker."""
    cdef int worker = <int>((n - 1) // g.waiters_each)
    cdef uint32_t *box = &g.worker_parts[worker].letters
    while True:
        g.waiters[n].next = sys.ha_load32(box)
        if sys.ha_cas32(box, g.waiters[n].next, n):
            return worker


cdef void knock(Segment g, int worker) noexcept:
    """Wake a worker that has letters."""
    cdef uint64_t one = 1
    if g.letter_fds[worker] >= 0:
        sys.write(g.letter_fds[worker], &one, sizeof(one))
