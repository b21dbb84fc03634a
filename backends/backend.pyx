"""Choosing a server for a stream, and what it does when there is no slot.

A stream that found a server below its maxconn holds one slot of it from assign() to release(). Otherwise it waits (see
backends.queue). With several workers the limit is exact: one word, changed by compare and swap.
"""

from libc.stdint cimport uint32_t, uint64_t
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.shm cimport (
    ADM_MAINT, ProxyShared, ProxySlot, ServerShared, ServerSlot, SRV_STOPPED, SRV_STOPPING, server_usable,
)
from backends.queue cimport Q_IN, Q_LIMIT
from backends.queue import Queues
from backends.server cimport PERSIST_DIRECT, PERSIST_FORCED, let_go


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
        self.queues = Queues(worker, slot, self.servers)
        self.retries = 3
        self.max_ka_queue = -1
        slot.owner = self

    cdef bint usable(self) noexcept:
        return self.slot.shared.usable > 0 or self.slot.shared.usable_backup > 0

    cdef int assign(self, ServerUser u) noexcept:
        """Let the balancer choose until a server has a slot; queue when those that may serve are full."""
        cdef uint32_t freed = sys.ha_load32(&self.slot.shared.freed)
        cdef ServerSlot slot
        cdef Server s
        cdef int tries = 0, r
        if u.wanted is not None:
            return self.assign_wanted(u)
        if self.slot.shared.qcur and not self.balancer.holds and not self.balancer.overtakes and self.usable():
            return self.enqueue(u, None, freed)
        while tries <= len(self.servers):
            slot = self.balancer.pick(u) if u.avoid is None else self.balancer.pick_other(u, u.avoid)
            if slot is None:
                return self.enqueue(u, None, freed) if self.usable() else A_NONE
            s = <Server>slot.owner
            if self.balancer.holds:
                self.chosen(u, s)
                return self.assign_to(u, s)
            if self.balancer.fills_queues and s.slot.shared.maxconn and (s.slot.shared.maxqueue or s.slot.shared.qcur):
                self.chosen(u, s)
                r = self.assign_to(u, s)
                if r != A_FULL:
                    return r
                u.srv = None                         # another worker's stream was quicker
            elif s.try_slot():
                self.take(u, s)
                self.chosen(u, s)
                return A_OK
            tries += 1
        return self.enqueue(u, None, freed)

    cdef void chosen(self, ServerUser u, Server s) noexcept:
        """Count what the balancer named (lbtot), but not the same server once more."""
        if u.avoid is not s.slot:
            self.slot.mine.lbtot += 1
            s.slot.mine.lbtot += 1

    cdef int assign_to(self, ServerUser u, Server s) noexcept:
        """This server and no other (persistence, a hash)."""
        cdef uint32_t freed = sys.ha_load32(&self.slot.shared.freed)
        if not (s.slot.shared.qcur and s.slot.shared.maxconn) and s.try_slot():
            self.take(u, s)
            return A_OK
        u.srv = s.slot                               # it is meant, whether it has room or not: logs and counters say so
        return self.enqueue(u, s, freed)

    cdef int assign_wanted(self, ServerUser u) noexcept:
        """The server that persistence named. When its queue is full, option redispatch lets others be tried."""
        cdef Server s = u.wanted
        cdef int r = self.assign_to(u, s)
        if r != A_FULL or not self.redispatch or u.persist & PERSIST_FORCED or not u.persist & PERSIST_DIRECT:
            return r
        let_go(u)
        u.avoid = s.slot
        return self.assign(u)

    cdef bint may_stay(self, ServerUser u, Server s) noexcept:
        """Whether a request may go where the session's own connection goes, without asking the balancer."""
        return (s.backend is self and not self.hashing and u.wanted is None and u.avoid is None
                and server_usable(s.slot.shared)
                and (self.max_ka_queue < 0 or not s.limit() or s.slot.shared.scur < s.limit()
                     or s.slot.shared.qcur < <uint32_t>self.max_ka_queue))

    cdef void take(self, ServerUser u, Server s) noexcept:
        u.target = s
        u.srv = s.slot
        s.streams.add(u)

    cdef int enqueue(self, ServerUser u, Server s, uint32_t freed) noexcept:
        """Wait for `s`, or (None) for any. freed: as it stood before a slot was refused."""
        cdef ProxyShared *p = self.slot.shared
        cdef int r = self.queues.add(u, s)
        if r == Q_LIMIT:
            u.srv = s.slot
            return A_FULL
        if r != Q_IN:
            return A_NO_ROOM
        # Whoever freed a slot between the refusal and now may have seen nobody waiting; a server may have come up.
        if sys.ha_load32(&p.freed) != freed or p.generation != self.seen:
            self.seen = p.generation
            self.queues.serve_all()
        return A_QUEUED

    cdef void leave_queue(self, ServerUser u) noexcept:
        self.queues.leave(u)

    cdef void release(self, ServerUser u) noexcept:
        cdef Server s = self.give_back(u)
        if s is not None:
            self.serve_freed(s, False)

    cdef Server give_back(self, ServerUser u):
        cdef Server s = u.target
        if s is not None:
            u.target = None
            s.streams.discard(u)
            s.free_slot()
        return s

    cdef void serve_freed(self, Server s, bint gone) noexcept:
        """A dynamic limit is that of before the end: the stream that leaves still counts, as in HAProxy."""
        if self.slot.shared.pending:
            s.leaving = gone
            self.queues.serve(s)
            s.leaving = False

    @property
    def cookie_logged(self) -> bool:
        """Whether log lines tell what became of its persistence cookie."""
        return self.persistence is not None and self.persistence.logs_cookie()

    def close_idle(self):
        """Close every pooled server connection of this worker."""
        cdef Server each
        for each in self.servers:
            each.close_idle()

    def server_changed(self, ServerSlot slot not None) -> int:
        """The server went up or down, or has another limit or weight: call it in any one worker, after the change.

        With option redispatch, who waited for a server that is down chooses again; free slots are handed out. Returns how
        many streams that were.
        """
        return self.requeue(<Server>slot.owner) + self.wake_queues()

    cdef int requeue(self, Server s) noexcept:
        cdef int moved = 0
        cdef ServerShared *shared = s.slot.shared
        if self.persistence is not None and self.persistence.anyway:
            return 0                                 # option persist: they wait for it
        if self.redispatch and (shared.state == SRV_STOPPED or shared.state == SRV_STOPPING or shared.admin & ADM_MAINT):
            moved = self.queues.redistribute(s)
        return moved

    def wake_queues(self, Server server=None) -> int:
        """Hand free slots to those who wait: those of `server`, or (None) of all. Returns how many were served."""
        if not self.slot.shared.pending:
            return 0
        if self.slot.shared.qcur and not self.usable():      # nobody left to wait for: they learn it now
            return self.queues.redistribute(None)
        if server is not None:
            return self.queues.serve(server)
        self.seen = self.slot.shared.generation
        return self.queues.serve_all()

    def worker_died(self, int worker) -> None:
        """Its streams wait no more (Segment.retire)."""
        self.queues.worker_died(worker)
