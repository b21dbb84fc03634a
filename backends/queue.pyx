"""Waiting for a server: one order for all workers (manual 4.2 timeout queue, 5.2 maxconn, maxqueue).

A stream waits in the queue of the backend, where any server with a free slot takes it, or in that of the one server it must
have. Whoever frees a slot of a server takes the first of both queues, by priority class, then by time of arrival and
priority offset. The records lie in the segment (engine.waiting), so it
does not matter which worker a stream belongs to: its own is told by letter when another one has found it a slot. A slot that
is on its way in a letter counts as taken; a dead worker's letters and records are given back by Segment.retire().
"""

from libc.stdint cimport int64_t, uint32_t
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.reactor cimport Source
from haproxy_py.engine.shm cimport ProxyShared, ProxySlot, Segment, ServerShared, ServerSlot, server_usable
from haproxy_py.engine.waiting cimport (
    W_FREE, W_GRANTED, W_WAITING, Waiter, goes_before, heap_insert, heap_remove,
)
from haproxy_py.engine.worker cimport Worker
from backends.server cimport Server, ServerUser
from backends.waitroom cimport deliver, knock, lock_queues, retire_waiters, unlock_queues


cdef void raise_peak(uint32_t *peak, uint32_t now) noexcept nogil:
    if now > peak[0]:
        peak[0] = now


cdef class Hall(Source):
    """The streams of a worker that wait; its source of events is the worker's letter box."""

    def __init__(self, Worker worker not None):
        self.worker = worker
        self.segment = worker.segment
        self.users = []
        self.fd = -1

    def open(self) -> None:
        """Hear of letters from now on (several workers only)."""
        self.fd = self.segment.letter_fds[self.segment.slot]
        if self.fd >= 0:
            self.worker.reactor.watch(self, sys.EPOLLIN | sys.EPOLLET)

    def close(self) -> None:
        """The descriptor stays open: the worker that takes over this slot has the same one."""
        if self.fd >= 0:
            self.worker.reactor.unwatch(self)
            self.fd = -1

    cdef uint32_t take(self, ServerUser u) noexcept:
        cdef uint32_t n = self.free
        if n:
            self.free = self.segment.waiters[n].next
            self.users[n - self.first] = u
            return n
        if not self.first:
            self.first = 1 + self.segment.slot * self.segment.waiters_each
        if <uint32_t>len(self.users) >= self.segment.waiters_each:
            return 0
        n = self.first + <uint32_t>len(self.users)
        self.users.append(u)
        self.segment.waiters[n].state = W_FREE
        sys.ha_store32(&self.segment.mine.waiters_used, <uint32_t>len(self.users))
        return n

    cdef void give(self, uint32_t n) noexcept:
        sys.ha_store32(&self.segment.waiters[n].state, W_FREE)
        self.users[n - self.first] = None
        self.segment.waiters[n].next = self.free
        self.free = n

    cdef ServerUser user(self, uint32_t n):
        return <ServerUser>self.users[n - self.first]

    cdef void on_events(self, uint32_t events) noexcept:
        """Open the letters, in the order in which they were written."""
        cdef uint32_t *box = &self.segment.mine.letters
        cdef uint32_t n = sys.ha_load32(box)
        cdef uint32_t ordered = 0, next
        while n and not sys.ha_cas32(box, n, 0):
            n = sys.ha_load32(box)
        while n:
            next = self.segment.waiters[n].next
            self.segment.waiters[n].next = ordered
            ordered = n
            n = next
        while ordered:
            next = self.segment.waiters[ordered].next
            self.open_letter(ordered)
            ordered = next

    cdef void open_letter(self, uint32_t n) noexcept:
        """A stream of ours has a slot, or shall choose again. It may have left meanwhile: then the slot goes on."""
        cdef Waiter *w = &self.segment.waiters[n]
        cdef ServerUser u = self.user(n)
        cdef Server s = None
        cdef uint32_t served = w.served
        if w.room and self.segment.by_room[w.room - 1] is not None:
            s = <Server>(<ServerSlot>self.segment.by_room[w.room - 1]).owner
            s.slot.mine.scur += 1
        self.give(n)
        if u is not None:
            granted(u, s, served)
        elif s is not None:
            s.free_slot()
            s.backend.wake_queues(s)


cdef void granted(ServerUser u, Server s, uint32_t served) noexcept:
    """Tell a stream of this worker: `s` has a slot for it (None: choose again); `served` of its queue went before it."""
    if u.target is None:
        u.be_queue_pos += served
    else:
        u.srv_queue_pos += served
    if s is None and u.target is not None:
        u.avoid = u.target.slot            # its server went down: going elsewhere is a redispatch
    u.waiter = 0
    u.target = s
    if s is not None:
        u.srv = s.slot
        s.streams.add(u)
    u.slot_granted(s)


cdef class Queues:
    """Args: worker; slot: of the backend; servers: its Server objects, the list that the backend keeps."""

    def __init__(self, Worker worker not None, ProxySlot slot not None, list servers not None):
        self.hall = hall_of(worker)
        self.segment = worker.segment
        self.slot = slot
        self.servers = servers

    cdef int add(self, ServerUser u, Server s) noexcept:
        """Put a stream at its place. u.target tells later which queue it is in."""
        cdef ProxyShared *p = self.slot.shared
        cdef uint32_t n = self.hall.take(u)
        cdef Waiter *w = &self.segment.waiters[n]
        cdef int64_t now = <int64_t>self.hall.worker.reactor.now_ms
        if not n:
            return Q_NO_ROOM
        w.priority = u.prio_class
        w.proxy = self.slot.number
        w.room = 0 if s is None else s.slot.room + 1
        lock_queues(self.segment, self.slot)
        if s is not None and s.slot.shared.maxqueue and s.slot.shared.qcur >= s.slot.shared.maxqueue:
            unlock_queues(self.segment, self.slot)
            self.hall.give(n)
            return Q_LIMIT
        if now > p.queue_ms:
            p.queue_ms = now
        p.queue_ticket += 1
        w.ticket = p.queue_ticket
        w.when_ms = p.queue_ms + u.prio_offset
        if s is None:
            w.served = p.queue_served
            heap_insert(self.segment.waiters, &p.queue_top, n)
            p.qcur += 1
            raise_peak(&p.qmax, p.qcur)
        else:
            w.served = s.slot.shared.queue_served
            heap_insert(self.segment.waiters, &s.slot.shared.queue_top, n)
            s.slot.shared.qcur += 1
            raise_peak(&s.slot.shared.qmax, s.slot.shared.qcur)
        p.pending += 1
        sys.ha_store32(&w.state, W_WAITING)
        unlock_queues(self.segment, self.slot)
        u.waiter = n
        u.target = s
        if s is not None:
            u.srv = s.slot
            if s.watcher is not None:
                s.watcher.load_changed(s.slot)
        return Q_IN

    cdef void leave(self, ServerUser u) noexcept:
        """Out of its queue, unserved. A letter that is on its way finds nobody."""
        cdef uint32_t n = u.waiter
        cdef Waiter *w = &self.segment.waiters[n]
        cdef Server s = u.target
        cdef ProxyShared *p = self.slot.shared
        cdef bint waited
        if not n:
            return
        u.waiter = 0
        u.target = None
        lock_queues(self.segment, self.slot)
        waited = w.state == W_WAITING
        if waited:
            p.pending -= 1
            if s is None:
                p.qcur -= 1
                heap_remove(self.segment.waiters, &p.queue_top, n)
                u.be_queue_pos += p.queue_served - w.served + 1
            else:
                s.slot.shared.qcur -= 1
                heap_remove(self.segment.waiters, &s.slot.shared.queue_top, n)
                u.srv_queue_pos += s.slot.shared.queue_served - w.served + 1
            sys.ha_store32(&w.state, W_FREE)
        unlock_queues(self.segment, self.slot)
        if waited:
            self.hall.give(n)
        else:
            self.hall.users[n - self.hall.first] = None
        if s is not None and s.watcher is not None:
            s.watcher.load_changed(s.slot)

    cdef bint helps_backend(self, Server s) noexcept:
        """Whether it takes from the backend's queue: usable, and a backup server only when it stands in for all."""
        cdef ProxyShared *p = self.slot.shared
        if not server_usable(s.slot.shared):
            return False
        return not s.slot.shared.backup or (p.usable == 0 and (self.allbackups or s.slot.place + 1 == p.first_backup))

    cdef int serve(self, Server s) noexcept:
        """Its own queue is served whatever its state: those streams must have this server. Returns how many were."""
        cdef uint32_t n
        cdef int served = 0
        cdef bint any
        while True:
            any = self.slot.shared.qcur > 0 and self.helps_backend(s)
            if not (any or s.slot.shared.qcur) or not s.book_slot():
                return served
            n = self.release(s, any)
            if not n:
                s.unbook_slot()
                return served
            served += 1
            self.grant(n, s)

    cdef uint32_t release(self, Server s, bint any) noexcept:
        """Take the next one out, for `s`; 0: there is none. One of another worker is on its way by letter then."""
        cdef ProxyShared *p = self.slot.shared
        cdef ServerShared *q = s.slot.shared
        cdef Waiter *all = self.segment.waiters
        cdef uint32_t n, own
        cdef int worker = -1
        lock_queues(self.segment, self.slot)
        own = q.queue_top
        n = p.queue_top if any else 0
        if n and (not own or goes_before(&all[n], &all[own])):
            heap_remove(all, &p.queue_top, n)
            p.qcur -= 1
            p.queue_served += 1
            all[n].served = p.queue_served - all[n].served
        elif own:
            n = own
            heap_remove(all, &q.queue_top, n)
            q.qcur -= 1
            q.queue_served += 1
            all[n].served = q.queue_served - all[n].served
        if n:
            p.pending -= 1
            all[n].room = s.slot.room + 1
            sys.ha_store32(&all[n].state, W_GRANTED)
            if self.foreign(n):
                worker = deliver(self.segment, n)
        unlock_queues(self.segment, self.slot)
        if worker >= 0:
            knock(self.segment, worker)
        return n

    cdef bint foreign(self, uint32_t n) noexcept:
        """Whether the stream is another worker's."""
        return <int>((n - 1) // self.segment.waiters_each) != self.segment.slot

    cdef void grant(self, uint32_t n, Server s) noexcept:
        """A slot of `s` is booked for waiter `n`, which is in no queue any more."""
        cdef ServerUser u
        cdef uint32_t served
        if not self.foreign(n):
            u = self.hall.user(n)
            served = self.segment.waiters[n].served
            s.slot.mine.scur += 1
            self.hall.give(n)
            granted(u, s, served)
        if s.watcher is not None:
            s.watcher.load_changed(s.slot)

    cdef int serve_all(self) noexcept:
        cdef Server s
        cdef int served = 0
        for s in self.servers:
            served += self.serve(s)
        return served

    cdef int redistribute(self, Server s) noexcept:
        """Let who waits for this server (None: in the backend's queue) choose again; how many."""
        cdef ProxyShared *p = self.slot.shared
        cdef uint32_t *top = &p.queue_top if s is None else &s.slot.shared.queue_top
        cdef uint32_t *length = &p.qcur if s is None else &s.slot.shared.qcur
        cdef uint32_t *served = &p.queue_served if s is None else &s.slot.shared.queue_served
        cdef Waiter *all = self.segment.waiters
        cdef uint32_t n
        cdef int worker, moved = 0
        while top[0]:
            worker = -1
            lock_queues(self.segment, self.slot)
            n = top[0]
            if n:
                heap_remove(all, top, n)
                length[0] -= 1
                p.pending -= 1
                all[n].served = served[0] - all[n].served + 1
                all[n].room = 0
                sys.ha_store32(&all[n].state, W_GRANTED)
                if self.foreign(n):
                    worker = deliver(self.segment, n)
            unlock_queues(self.segment, self.slot)
            if not n:
                break
            moved += 1
            if worker >= 0:
                knock(self.segment, worker)
            else:
                self.hall.open_letter(n)
        if moved and s is not None and s.watcher is not None:
            s.watcher.load_changed(s.slot)
        return moved

    def worker_died(self, int worker) -> None:
        """Give back what its streams waited for."""
        retire_waiters(self.segment, self.slot, worker)


def hall_of(Worker worker not None) -> Hall:
    """The hall of a worker, made when it is first asked for."""
    if worker.hall is None:
        worker.hall = Hall(worker)
    return worker.hall
