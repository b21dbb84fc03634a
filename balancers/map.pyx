"""The table of map-based hashing and of static round robin (manual 4.2, hash-type map-based, balance static-rr).

A table as long as the sum of the weights, divided by what they have in common, names a server in each place. It is filled as
HAProxy fills it (balancers.filling).

The table is made of the active servers; without any of them, of the first backup, or of all with option allbackups.
Weights are static: of a change only "zero or not" counts.
"""

from libc.stddef cimport size_t
from libc.stdint cimport uint32_t
from libc.stdlib cimport free, malloc
from haproxy_py.engine.shm cimport ServerShared, server_usable
from balancers.base cimport Balancer
from balancers.filling cimport MOST_WEIGHT, fill_table
from balancers.layout cimport Layout

cdef enum:
    NONE = 0xffffffff


cdef uint32_t common_divisor(uint32_t a, uint32_t b) noexcept nogil:
    while b:
        a, b = b, a % b
    return a


cdef class Map(Layout):
    cdef size_t block_bytes(self, uint32_t servers) noexcept:
        return sizeof(MapHead) + <size_t>servers * (1 + MOST_WEIGHT) * sizeof(uint32_t)

    cdef void start(self, Balancer owner, void *block) noexcept:
        cdef uint32_t i
        self.owner = owner
        self.head = <MapHead *>block
        self.weights = <uint32_t *>(<char *>block + sizeof(MapHead))
        self.table = self.weights + owner.room
        for i in range(owner.count):
            self.divisor = common_divisor(self.divisor, owner.shared[i].uweight)
        self.rebuild()

    cdef uint32_t wanted(self, uint32_t i) noexcept:
        cdef ServerShared *s = self.owner.shared[i]
        if not server_usable(s):
            return 0
        return (s.uweight + self.divisor - 1) // self.divisor if self.divisor else 1

    cdef uint32_t group_total(self, bint backup) noexcept:
        cdef uint32_t i, total = 0
        for i in range(self.owner.count):
            if self.owner.shared[i].backup == backup:
                total += self.wanted(i)
        return total

    cdef void sync(self) noexcept:
        cdef uint32_t i
        for i in range(self.owner.count):
            if self.wanted(i) != self.weights[i]:
                self.rebuild()
                return

    cdef void repair(self) noexcept:
        self.rebuild()

    cdef void rebuild(self) noexcept:
        cdef uint32_t i, count = self.owner.count
        cdef uint32_t active = self.group_total(False)
        cdef uint32_t total = active or self.group_total(True)
        cdef uint32_t *chosen
        for i in range(count):
            self.weights[i] = self.wanted(i)
        self.head.length = 0
        if total and not active and not self.owner.allbackups:
            self.table[0] = <uint32_t>self.owner.first_backup()
            self.head.length = 1
        elif total:
            chosen = <uint32_t *>malloc(count * sizeof(uint32_t))
            if chosen == NULL:
                return
            for i in range(count):
                chosen[i] = self.weights[i] if self.owner.shared[i].backup != (active > 0) else 0
            if fill_table(chosen, count, total, self.table):
                self.head.length = total
            free(chosen)

    cdef int find(self, uint32_t hash, int avoid) noexcept:
        """The server of a number; the one to be avoided too, since a map has no other for it."""
        return <int>self.table[hash % self.head.length] if self.head.length else -1

    cdef int turn(self, int avoid) noexcept:
        cdef MapHead *head = self.head
        cdef uint32_t at, i, behind_avoided = NONE
        cdef int avoided = -1
        if head.length == 0:
            return -1
        if head.position >= head.length:
            head.position = 0
        at = head.position
        while True:
            i = self.table[at]
            at += 1
            if not self.full(i):
                if <int>i != avoid:
                    head.position = at
                    return <int>i
                avoided = <int>i
                behind_avoided = at
            if at == head.length:
                at = 0
            if at == head.position:
                break
        if avoided >= 0:
            head.position = behind_avoided
        return avoided
