"""Choosing a server for a stream, and the queues.

A stream that found a server below its maxconn holds one slot of it from assign() to release(). Otherwise it waits in the
backend's queue, or in the server's own when it must have that one. A freed slot goes to whoever waits longest of both.
With several workers the limit is exact (one atomic word); a worker that has streams waiting says so in the segment and is
woken through the segment's eventfd when any worker frees a slot.
"""

from collections import deque

from libc.stdint cimport uint32_t, uint64_t
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.shm cimport ProxySlot, ServerSlot, server_usable, gauge_up, gauge_down


STATUS_BITS = {401: RETRY_401, 403: RETRY_403, 404: RETRY_404, 408: RETRY_408, 421: RETRY_421, 425: RETRY_425,
               429: RETRY_429, 500: RETRY_500, 501: RETRY_501, 502: RETRY_502, 503: RETRY_503, 504: RETRY_504}
cdef int STATUSES[12]
STATUSES[:] = [401, 403, 404, 408, 421, 425, 429, 500, 501, 502, 503, 504]


cdef uint32_t retry_bit(int status) noexcept nogil:
    """The RetryOn bit of a status; 0: retry-on cannot name it."""
    cdef int i
    for i in range(12):
        if STATUSES[i] == status:
            return <uint32_t>RETRY_401 << i
    return 0


def retry_bits(words) -> int:
    """Bits of the words of `retry-on` (manual 4.2)."""
    bits = 0
    for word in words:
        if word == "all-retryable-errors":
            bits |= RETRY_CONN | RETRY_EMPTY | RETRY_JUNK | RETRY_TIMEOUT | RETRY_500 | RETRY_502 | RETRY_503 | RETRY_504
        elif word != "none" and word != "0rtt-rejected":
            bits |= {"conn-failure": RETRY_CONN, "empty-response": RETRY_EMPTY, "junk-response": RETRY_JUNK,
                     "response-timeout": RETRY_TIMEOUT}.get(word) or STATUS_BITS[int(word)]
    return bits


cdef class Backend:
    """Built by backends.build; see backend.pxd for units."""

    def __init__(self, worker, ProxySlot slot, bint http):
        self.worker = worker
        self.slot = slot
        self.name = slot.name
        self.http = http
        self.servers = []
        self.queue = deque()
        self.retries = 3
        slot.owner = self

    cdef bint usable(self) noexcept:
        return self.slot.shared.usable > 0 or self.slot.shared.usable_backup > 0

    cdef int assign(self, ServerUser u) noexcept:
        """Let the balancer choose until a server has a slot; queue when those that may serve are full."""
        cdef ServerSlot slot
        cdef Server s
        cdef int tries = 0
        if len(self.queue) and self.any_limit:
            return self.enqueue(u, None)
        while tries <= len(self.servers):
            slot = self.balancer.pick(u) if u.avoid is None else self.balancer.pick_other(u, u.avoid)
            if slot is None:
                return self.enqueue(u, None) if self.any_limit and self.usable() else A_NONE
            s = <Server>slot.owner
            if s.try_slot():
                self.take(u, s)
                return A_OK
            if self.balancer.holds:
                return self.enqueue(u, s)
            if not self.any_limit:
                return A_NONE
            tries += 1
        return self.enqueue(u, None)

    cdef int assign_to(self, ServerUser u, Server s) noexcept:
        """This server and no other (persistence, retry on the same one)."""
        if s.try_slot():
            self.take(u, s)
            return A_OK
        return self.enqueue(u, s)

    cdef void take(self, ServerUser u, Server s) noexcept:
        u.target = s
        u.srv = s.slot
        s.streams.add(u)

    cdef int enqueue(self, ServerUser u, Server s) noexcept:
        cdef object queue = self.queue if s is None else s.queue
        if s is not None and s.max_queue and len(queue) >= s.max_queue:
            return A_FULL
        if s is None:
            gauge_up(&self.slot.shared.qcur, &self.slot.shared.qmax, &self.slot.mine.qcur)
            u.be_queue_pos = sys.ha_load32(&self.slot.shared.qcur)
        else:
            gauge_up(&s.slot.shared.qcur, &s.slot.shared.qmax, &s.slot.mine.qcur)
            u.srv_queue_pos = sys.ha_load32(&s.slot.shared.qcur)
            if s.watcher is not None:
                s.watcher.load_changed(s.slot)
        u.target = s
        u.queue = queue
        queue.append(u)
        gauge_up(&self.worker.segment.shared.waiters, NULL, &self.worker.segment.mine.waiting)
        # A slot may have been freed by another worker between the refusal and the announcement above.
        self.serve_queues(s)
        return A_QUEUED

    cdef void leave_queue(self, ServerUser u) noexcept:
        if u.queue is None:
            return
        try:
            u.queue.remove(u)
        except ValueError:
            pass
        self.left(u)
        u.target = None

    cdef void left(self, ServerUser u) noexcept:
        """Bookkeeping of a stream that is no longer in its queue."""
        if u.queue is self.queue:
            gauge_down(&self.slot.shared.qcur, &self.slot.mine.qcur)
        else:
            gauge_down(&u.target.slot.shared.qcur, &u.target.slot.mine.qcur)
            if u.target.watcher is not None:
                u.target.watcher.load_changed(u.target.slot)
        u.queue = None
        gauge_down(&self.worker.segment.shared.waiters, &self.worker.segment.mine.waiting)

    cdef void release(self, ServerUser u) noexcept:
        cdef Server s = self.give_back(u)
        if s is not None:
            self.serve_freed(s)

    cdef Server give_back(self, ServerUser u):
        cdef Server s = u.target
        if s is not None:
            u.target = None
            s.streams.discard(u)
            s.free_slot()
        return s

    cdef void serve_freed(self, Server s) noexcept:
        if sys.ha_load32(&self.worker.segment.shared.waiters):
            self.serve_queues(s)
            if self.worker.segment.workers > 1:
                self.worker.segment.wake_others()

    cdef void serve_queues(self, Server s) noexcept:
        """Hand free slots to those who wait: for `s`, or (None) for any server."""
        cdef Server each
        if s is not None:
            self.serve_one(s)
        else:
            for each in self.servers:
                self.serve_one(each)

    cdef void serve_one(self, Server s) noexcept:
        cdef ServerUser u
        if not server_usable(s.slot.shared):
            return
        while s.queue or (self.queue and self.may_take_any(s)):
            if not s.try_slot():
                return
            u = self.next_waiting(s)
            self.left(u)
            self.take(u, s)
            u.slot_granted(s)

    cdef bint may_take_any(self, Server s) noexcept:
        """A backup server helps the backend's queue only when no active one can."""
        return not s.slot.shared.backup or self.slot.shared.usable == 0

    cdef ServerUser next_waiting(self, Server s):
        """Whoever has waited longest of the server's own queue and the backend's."""
        cdef ServerUser a, b
        if not s.queue:
            return self.queue.popleft()
        if not self.queue or not self.may_take_any(s):
            return s.queue.popleft()
        a = s.queue[0]
        b = self.queue[0]
        return s.queue.popleft() if a.head_us <= b.head_us else self.queue.popleft()

    def close_idle(self):
        """Close every pooled server connection of this worker."""
        cdef Server each
        for each in self.servers:
            each.close_idle()

    def server_changed(self, ServerSlot slot not None) -> int:
        """The server went up or down: who waited for it alone may take another, who waits at all is served.

        Returns how many streams were put into the backend's queue.
        """
        cdef int moved = self.requeue(<Server>slot.owner)
        self.serve_queues(None)
        return moved

    cdef int requeue(self, Server s) noexcept:
        cdef int moved = 0
        cdef ServerUser u
        while s.queue and not server_usable(s.slot.shared):
            u = s.queue.popleft()
            self.left(u)
            u.target = None
            self.enqueue(u, None)
            moved += 1
        return moved

    def wake_queues(self):
        """Another worker freed a slot, or a server came up."""
        self.serve_queues(None)
