"""balance roundrobin: weighted round robin whose weights may change at any time (manual 4.2, balance roundrobin).

The order equals HAProxy's; it was found by recording HAProxy's picks over thousands of weight vectors and changes
(tests/oracle/test_roundrobin.py repeats that). The arithmetic, per group (active servers; backups):

- Time is the number of picks since the round began: `pos`. A round is as long as the sum of the effective weights.
- A server that was picked is due again weight_sum / weight picks later. The fraction is carried in `rest`, in units of
  1/weight, and adds one pick when it is a whole one: exact, no drift.
- Due servers (`due` <= pos) go first, the earliest one, and of equals the one with the larger weight and smaller rest.
  When none is due, those not seen in this round yet come, the heaviest first. When there are none either, the earliest.
- A server whose next turn lies behind the end of the round waits for the next round. A round ends when all wait.
- A server without a free slot uses its turn up and is looked at again at the next pick. When all are full a new round
  begins, in which of equals the last one comes first.
- A new weight moves a server's turn earlier at once, never later; one that comes up starts at a part of its distance.

Each group has three heaps (unseen, scheduled, waiting) of server numbers in the segment, so a pick costs O(log n).
"""

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t, uint64_t, int32_t, int64_t
from libc.string cimport memset
from haproxy_py.engine.shm cimport server_usable
from haproxy_py.engine.txn cimport Txn
from balancers.base cimport Balancer, StateHead, server_full
from balancers.registry import balancer

cdef enum:
    OUT = 3              # in no heap
    NOBODY = 0xffffffff  # end of a list of servers
    SCHEDULED = 2        # heap numbers: 0 and 1 are unseen and waiting, and change places every round
    NEVER = -0x40000000  # last turn of a server that had none yet
    STEP = 4096          # larger than any rest - weight, so that `due` decides first

cdef inline bint before(Place *a, Place *b) noexcept nogil:
    return a.order < b.order or (a.order == b.order and a.age < b.age)


cdef class RoundRobin(Balancer):
    """See the module."""

    cdef size_t state_bytes(self, uint32_t servers) noexcept:
        return sizeof(State) + servers * (sizeof(Place) + 6 * sizeof(uint32_t))

    cdef void init_state(self) noexcept:
        cdef uint32_t i
        cdef int g
        self.st = <State *>self.state
        self.places = <Place *>(<char *>self.state + sizeof(State))
        self.heaps = <uint32_t *>(<char *>self.places + self.room * sizeof(Place))
        for i in range(self.room):
            self.places[i].heap = OUT
            self.places[i].last = NEVER
        for i in range(self.count):
            self.places[i].backup = self.shared[i].backup
            self.places[i].weight = self.wanted(i)
            self.st.groups[self.places[i].backup].total += self.places[i].weight
            if self.places[i].weight:
                self.park(i, 0)
        for g in range(2):
            self.st.groups[g].length = self.st.groups[g].total

    cdef void repair(self) noexcept:
        """Another round from its beginning."""
        memset(<char *>self.state + sizeof(StateHead), 0, self.state_bytes(self.room) - sizeof(StateHead))
        self.init_state()

    cdef void server_added(self, uint32_t index) noexcept:
        """The first worker that learns of a server added at run time gives it its place; the others find it there."""
        if self.places[index].age == 0:
            self.places[index].backup = self.shared[index].backup
        self.sync()

    cdef int32_t wanted(self, uint32_t i) noexcept:
        return <int32_t>self.shared[i].eweight if server_usable(self.shared[i]) else 0

    cdef void sync(self) noexcept:
        cdef uint32_t i
        cdef int32_t weight
        for i in range(self.count):
            weight = self.wanted(i)
            if weight != self.places[i].weight:
                self.reweigh(i, weight)

    cdef int choose(self, Txn t) noexcept:
        if self.st.groups[0].total > 0:
            return self.take(&self.st.groups[0], self.heaps)
        if not self.allbackups:
            return self.first_backup()
        if self.st.groups[1].total > 0:
            return self.take(&self.st.groups[1], self.heaps + 3 * self.room)
        return -1

    cdef int take(self, Group *g, uint32_t *heaps) noexcept:
        """Whose turn it is. Full servers on the way use their turn up, and so does the one to be avoided, which serves
        only when no other can. -1: all are full."""
        cdef uint32_t i, aside = NOBODY
        cdef int found = -1
        cdef bint new_round = False
        while found < 0:
            if not g.size[SCHEDULED] and not g.size[g.unseen]:
                if new_round or not g.size[g.unseen ^ 1]:
                    break
                g.unseen ^= 1
                g.length = g.total
                g.pos = 0
                new_round = True
            i = self.turn(g, heaps)
            if <int>i == self.avoid or self.full(i):
                self.places[i].next = aside
                aside = i
            else:
                found = <int>i
        if found >= 0:
            self.schedule(<uint32_t>found)
        elif self.avoid >= 0 and self.may_serve(<uint32_t>self.avoid, g):
            found = self.avoid
        elif not new_round:                          # all full: the next round was begun in search of one
            g.unseen ^= 1
            g.length = g.total
            g.pos = 0
            new_round = True
        while aside != NOBODY:
            if new_round:
                self.park(aside, g.unseen)
            else:
                self.schedule(aside)
            aside = self.places[aside].next
        return found

    cdef bint full(self, uint32_t i) noexcept:
        return server_full(self.shared[i], self.proxy.shared.scur, self.fullconn)

    cdef bint may_serve(self, uint32_t i, Group *g) noexcept:
        """Usable, in this group, with a free slot."""
        return self.places[i].weight and &self.st.groups[self.places[i].backup] == g and not self.full(i)

    cdef uint32_t turn(self, Group *g, uint32_t *heaps) noexcept:
        """Take the next server out of its heap and give it its next turn; a round is on, so there is one."""
        cdef uint32_t *scheduled = heaps + SCHEDULED * self.room
        cdef uint32_t i
        cdef Place *p
        if g.size[g.unseen] and not (g.size[SCHEDULED] and self.places[scheduled[0]].due <= g.pos):
            i = heaps[g.unseen * self.room]
            self.places[i].due = g.pos
            self.places[i].rest = 0
        else:
            i = scheduled[0]
        p = &self.places[i]
        self.leave(i)
        p.last = p.due
        p.due += g.total / p.weight
        p.rest += g.total % p.weight
        if p.rest >= p.weight:
            p.rest -= p.weight
            p.due += 1
        g.pos += 1
        return i

    cdef void reweigh(self, uint32_t i, int32_t weight) noexcept:
        """A server came, went, or has a new weight."""
        cdef Place *p = &self.places[i]
        cdef Group *g = &self.st.groups[p.backup]
        g.total += weight - p.weight
        p.weight = weight
        if weight == 0:
            self.leave(i)
        elif p.heap == OUT:
            p.due = g.pos + (g.total - g.pos) / weight
            self.schedule(i)
        elif p.heap == g.unseen:
            self.leave(i)
            self.park(i, g.unseen)
        else:
            self.advance(p, g)
            self.leave(i)
            self.schedule(i)

    cdef void advance(self, Place *p, Group *g) noexcept:
        """The turn that the new weight gives, if it comes before the one it had. A server that never had a turn is a whole
        distance away."""
        cdef int32_t distance = g.total / p.weight
        p.rest = 0
        if p.last + distance < p.due:
            p.due = p.last + distance
        if p.due < g.pos + 2:
            p.due = g.pos + distance

    cdef void schedule(self, uint32_t i) noexcept:
        """Into this round at its `due`, or into the next one."""
        cdef Place *p = &self.places[i]
        cdef Group *g = &self.st.groups[p.backup]
        if p.due <= 0 or p.due >= g.length or p.due >= g.total:
            self.park(i, g.unseen ^ 1)
            return
        p.order = <int64_t>p.due * STEP + p.rest - p.weight
        self.enter(i, SCHEDULED)

    cdef void park(self, uint32_t i, uint32_t heap) noexcept:
        self.places[i].order = -self.places[i].weight
        self.enter(i, heap)

    cdef void enter(self, uint32_t i, uint32_t heap) noexcept:
        cdef Place *p = &self.places[i]
        cdef Group *g = &self.st.groups[p.backup]
        self.st.age += 1
        p.age = self.st.age
        p.heap = <uint8_t>heap
        g.size[heap] += 1
        self.sift_up(self.heap_of(p), i, g.size[heap] - 1)

    cdef void leave(self, uint32_t i) noexcept:
        cdef Place *p = &self.places[i]
        cdef Group *g = &self.st.groups[p.backup]
        cdef uint32_t *heap
        cdef uint32_t last
        if p.heap == OUT:
            return
        heap = self.heap_of(p)
        g.size[p.heap] -= 1
        last = heap[g.size[p.heap]]
        if last != i:
            if before(&self.places[last], p):
                self.sift_up(heap, last, p.at)
            else:
                self.sift_down(heap, g.size[p.heap], last, p.at)
        p.heap = OUT

    cdef uint32_t *heap_of(self, Place *p) noexcept:
        return self.heaps + (3 * p.backup + p.heap) * self.room

    cdef void sift_up(self, uint32_t *heap, uint32_t i, uint32_t at) noexcept:
        """Put server `i` at index `at` of the heap or above it."""
        cdef uint32_t parent
        while at > 0:
            parent = (at - 1) / 2
            if not before(&self.places[i], &self.places[heap[parent]]):
                break
            heap[at] = heap[parent]
            self.places[heap[at]].at = at
            at = parent
        heap[at] = i
        self.places[i].at = at

    cdef void sift_down(self, uint32_t *heap, uint32_t size, uint32_t i, uint32_t at) noexcept:
        """Put server `i` at index `at` of the heap or below it."""
        cdef uint32_t child
        while True:
            child = 2 * at + 1
            if child >= size:
                break
            if child + 1 < size and before(&self.places[heap[child + 1]], &self.places[heap[child]]):
                child += 1
            if not before(&self.places[heap[child]], &self.places[i]):
                break
            heap[at] = heap[child]
            self.places[heap[at]].at = at
            at = child
        heap[at] = i
        self.places[i].at = at


balancer("roundrobin", dynamic=True, source="manual 4.2")(RoundRobin)
