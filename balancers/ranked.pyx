"""The common part of leastconn, first and sticky: the usable server of the lowest rank that has a free slot.

Ranks are numbers kept in a heap in the segment: whoever changes a server's load puts it in its new place (O(log n)), so that
a pick looks at the top. A server without a free slot ranks behind all others. With a minconn the limit follows the
backend's load, so such a server is looked at again when it is on top, and the walk goes on in the order of ranks.
"""

from libc.stddef cimport size_t
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset
from haproxy_py.engine.shm cimport ServerSlot, server_usable
from haproxy_py.engine.txn cimport Txn
from balancers.base cimport Balancer, begin, finish, server_full

cdef enum:
    FRONTIER = 128       # places of the heap that a walk in order holds at once; beyond that it looks at all

cdef uint64_t FULL_RANK = 0xffffffffffffffff


cdef inline bint before(Standing *a, Standing *b) noexcept nogil:
    return a.rank < b.rank or (a.rank == b.rank and a.age < b.age)


cdef class Ranked(Balancer):
    """Subclasses give key(), and full() and room_ever() when a full server is more or less than one without a slot."""

    cdef size_t state_bytes(self, uint32_t servers) noexcept:
        return sizeof(RankedState) + servers * (sizeof(Standing) + 2 * sizeof(uint32_t))

    cdef void init_state(self) noexcept:
        self.st = <RankedState *>self.state
        self.standing = <Standing *>(<char *>self.state + sizeof(RankedState))
        self.heaps = <uint32_t *>(<char *>self.standing + self.room * sizeof(Standing))
        self.sync()

    cdef void repair(self) noexcept:
        """The heaps anew; the order of equals is that of the configuration again."""
        self.st.size[0] = self.st.size[1] = 0
        memset(self.standing, 0, self.room * sizeof(Standing))
        self.sync()

    cdef uint64_t key(self, uint32_t i) noexcept:
        return 0

    cdef bint full(self, uint32_t i) noexcept:
        return server_full(self.shared[i], self.proxy.shared.scur, self.fullconn)

    cdef bint room_ever(self, uint32_t i) noexcept:
        return not server_full(self.shared[i], 0, 0)

    cdef uint32_t wanted(self, uint32_t i) noexcept:
        return self.shared[i].eweight if server_usable(self.shared[i]) else 0

    cdef uint64_t stamp(self) noexcept:
        self.st.age += 1
        return self.st.age

    cdef void sync(self) noexcept:
        """Servers that came, went or weigh something else take their place anew; of the others the load may be another."""
        cdef uint32_t i, weight
        for i in range(self.count):
            weight = self.wanted(i)
            if weight == self.standing[i].weight:
                self.rerank(i)
                continue
            self.leave(i)
            self.standing[i].weight = weight
            if weight:
                self.standing[i].backup = self.shared[i].backup
                self.enter(i)

    cdef void load_changed(self, ServerSlot server) noexcept:
        cdef int i = self.index_of(server)
        if i < 0:
            return
        begin(self)
        self.rerank(<uint32_t>i)
        finish(self)

    cdef void rerank(self, uint32_t i) noexcept:
        cdef Standing *p = &self.standing[i]
        cdef uint64_t key, rank
        if not p.weight:
            return
        key = self.key(i)
        rank = key if self.room_ever(i) else FULL_RANK
        if key != p.key:
            p.key = key
            p.age = self.stamp()
        elif rank == p.rank:
            return
        p.rank = rank
        self.place_again(i)

    cdef int choose(self, Txn t) noexcept:
        if self.st.size[0]:
            return self.lowest(self.heaps, self.st.size[0])
        if not self.allbackups:
            return self.first_backup()
        return self.lowest(self.heaps + self.room, self.st.size[1]) if self.st.size[1] else -1

    cdef int lowest(self, uint32_t *heap, uint32_t size) noexcept:
        """The first in the order of ranks that is not full; the one to avoid only when there is no other. -1: none."""
        cdef uint32_t open_[FRONTIER]
        cdef uint32_t count = 1, best, i, k
        cdef int avoided = -1
        open_[0] = 0
        while count:
            best = 0
            for k in range(1, count):
                if before(&self.standing[heap[open_[k]]], &self.standing[heap[open_[best]]]):
                    best = k
            k = open_[best]
            i = heap[k]
            if self.standing[i].rank == FULL_RANK:
                break
            if not self.full(i):
                if <int>i != self.avoid:
                    return <int>i
                avoided = <int>i
            count -= 1
            open_[best] = open_[count]
            if count + 2 > FRONTIER:
                return self.lowest_of_all(heap, size, avoided)
            for k in range(2 * k + 1, 2 * k + 3):
                if k < size:
                    open_[count] = k
                    count += 1
        return avoided

    cdef int lowest_of_all(self, uint32_t *heap, uint32_t size, int avoided) noexcept:
        """The same by looking at every server: only when many hold a minconn and are full."""
        cdef uint32_t k, i
        cdef int found = -1
        for k in range(size):
            i = heap[k]
            if self.standing[i].rank == FULL_RANK or <int>i == self.avoid or self.full(i):
                continue
            if found < 0 or before(&self.standing[i], &self.standing[found]):
                found = <int>i
        return found if found >= 0 else avoided

    # ------------------------------------------------------------------ heap

    cdef void enter(self, uint32_t i) noexcept:
        cdef Standing *p = &self.standing[i]
        p.key = self.key(i)
        p.rank = p.key if self.room_ever(i) else FULL_RANK
        p.age = self.stamp()
        self.st.size[p.backup] += 1
        self.sift_up(self.heaps + p.backup * self.room, i, self.st.size[p.backup] - 1)

    cdef void leave(self, uint32_t i) noexcept:
        cdef Standing *p = &self.standing[i]
        cdef uint32_t *heap = self.heaps + p.backup * self.room
        cdef uint32_t last
        if not p.weight:
            return
        p.weight = 0
        self.st.size[p.backup] -= 1
        last = heap[self.st.size[p.backup]]
        if last != i:
            heap[p.at] = last
            self.standing[last].at = p.at
            self.place_again(last)

    cdef void place_again(self, uint32_t i) noexcept:
        """Its rank or age is another: up or down in its heap."""
        cdef Standing *p = &self.standing[i]
        cdef uint32_t *heap = self.heaps + p.backup * self.room
        self.sift_down(heap, self.st.size[p.backup], i, self.sift_up(heap, i, p.at))

    cdef uint32_t sift_up(self, uint32_t *heap, uint32_t i, uint32_t at) noexcept:
        """Put server `i` at index `at` of the heap or above it. Returns: where it is."""
        cdef uint32_t parent
        while at > 0:
            parent = (at - 1) / 2
            if not before(&self.standing[i], &self.standing[heap[parent]]):
                break
            heap[at] = heap[parent]
            self.standing[heap[at]].at = at
            at = parent
        heap[at] = i
        self.standing[i].at = at
        return at

    cdef uint32_t sift_down(self, uint32_t *heap, uint32_t size, uint32_t i, uint32_t at) noexcept:
        """Put server `i` at index `at` of the heap or below it. Returns: where it is."""
        cdef uint32_t child
        while True:
            child = 2 * at + 1
            if child >= size:
                break
            if child + 1 < size and before(&self.standing[heap[child + 1]], &self.standing[heap[child]]):
                child += 1
            if not before(&self.standing[heap[child]], &self.standing[i]):
                break
            heap[at] = heap[child]
            self.standing[heap[at]].at = at
            at = child
        heap[at] = i
        self.standing[i].at = at
        return at
