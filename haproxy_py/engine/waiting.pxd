"""Streams that wait for a server, of all workers, in shared memory: records in heaps by priority and time.

A record belongs to one worker for good; only that worker takes and frees it. Whoever holds the queue lock of the proxy
may put it into a heap or take it out. `state` alone is the truth: the links can be made again from it at any time, which is
what happens after a worker was killed while it held the lock (Segment.lock_queues).
"""

from libc.stdint cimport uint32_t, uint64_t, int32_t, int64_t

cdef enum WaiterState:
    W_FREE = 0
    W_WAITING = 1        # in the heap of its queue
    W_GRANTED = 2        # out of it by another worker's hand: in the letter box of its own

cdef struct Waiter:      # 64 bytes; numbers of others count from 1, 0: none
    uint32_t state
    uint32_t left        # heap: leftist, the smallest on top
    uint32_t right
    uint32_t parent
    uint32_t rank        # length of the right spine
    uint32_t next        # free list, or letter box
    int32_t priority     # class: the smaller goes first
    uint32_t proxy       # number of the proxy slot
    int64_t when_ms      # time of arrival and the priority offset
    uint64_t ticket      # order of arrival
    uint32_t room        # waiting: 1 + room of the server whose own queue it is, 0: the backend's.
                         # granted: 1 + room of the server of which it has a slot, 0: it shall choose anew
    uint32_t served      # of its queue when it came; granted: how many were served while it waited
    uint64_t spare

cdef inline bint goes_before(Waiter *a, Waiter *b) noexcept nogil:
    """Whether `a` is served before `b` (manual 4.2, http-request set-priority-class and set-priority-offset)."""
    if a.priority != b.priority:
        return a.priority < b.priority
    if a.when_ms != b.when_ms:
        return a.when_ms < b.when_ms
    return a.ticket < b.ticket

cdef void heap_insert(Waiter *all, uint32_t *root, uint32_t n) noexcept nogil
cdef void heap_remove(Waiter *all, uint32_t *root, uint32_t n) noexcept nogil
