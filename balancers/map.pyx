"""The table of map-based hashing and of static round robin (manual 4.2, hash-type map-based, balance static-rr).

A table as long as the sum of the weights, divided by what they have in common, names a server in each place. It is filled as
HAProxy fills it. Going through the places t = 1, 2, ..., total, a server of weight w has been owed floor(t * w / total)
places, plus one for being there. Each place goes to the server that is owed most beyond what it has got, and of equals to the
first in configuration order. What a server is owed grows at w known places only, so the next such place of every
server is kept in a list per place and the servers that are owed k places are a set with a smallest member: one step a place, where
the definition read literally takes one a place and server. tests/unit/balancers holds both against each other.

The table is made of the active servers; without any of them, of the first backup, or of all with option allbackups.
Weights are static: of a change only "zero or not" counts.
"""

from libc.stddef cimport size_t
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset
from haproxy_py.engine.shm cimport ServerShared, server_usable
from balancers.base cimport Balancer
from balancers.bits cimport Bits, bits_add, bits_bytes, bits_drop, bits_from, bits_view
from balancers.layout cimport Layout

cdef enum:
    MOST_WEIGHT = 256
    LEVELS = 8           # servers are never owed more than 3 places
    NONE = 0xffffffff


cdef uint32_t common_divisor(uint32_t a, uint32_t b) noexcept nogil:
    while b:
        a, b = b, a % b
    return a


cdef struct Filling:     # of one table, private to the worker that writes it
    uint32_t servers
    uint32_t total
    const uint32_t *weights
    uint32_t *due        # by place 1..total: first server that is owed one more there
    uint32_t *after      # by server: the next one of the same place
    uint32_t *given      # by server: how often it was owed one more
    uint32_t *owed       # by server
    Bits level[LEVELS]   # servers by what they are owed


cdef void owe_next(Filling *f, uint32_t i) noexcept nogil:
    """Note the place at which server `i` is owed one more, if there is one."""
    cdef uint64_t place
    f.given[i] += 1
    if f.given[i] <= f.weights[i]:
        place = (<uint64_t>f.given[i] * f.total + f.weights[i] - 1) // f.weights[i]
        f.after[i] = f.due[place]
        f.due[place] = i


cdef void owe(Filling *f, uint32_t i, int more) noexcept nogil:
    if f.owed[i] < LEVELS:
        bits_drop(&f.level[f.owed[i]], i)
    f.owed[i] += more
    if f.owed[i] < LEVELS:
        bits_add(&f.level[f.owed[i]], i)


cdef uint32_t most_owed(Filling *f) noexcept nogil:
    cdef int n
    cdef long i
    for n in range(LEVELS - 1, 0, -1):
        i = bits_from(&f.level[n], 0)
        if i >= 0:
            return <uint32_t>i
    return NONE


cdef void fill(Filling *f, uint32_t *table) noexcept nogil:
    cdef uint32_t place, i, following
    for i in range(f.servers):
        if f.weights[i]:
            f.owed[i] = 1
            bits_add(&f.level[1], i)
            owe_next(f, i)
    for place in range(1, f.total + 1):
        i = f.due[place]
        while i != NONE:
            following = f.after[i]
            owe(f, i, 1)
            owe_next(f, i)
            i = following
        i = most_owed(f)
        table[place - 1] = i
        owe(f, i, -1)


cdef bint fill_table(const uint32_t *weights, uint32_t servers, uint32_t total, uint32_t *table) noexcept nogil:
    """Write `total` places for servers of these weights. False: out of memory."""
    cdef Filling f
    cdef size_t bits = bits_bytes(servers)
    cdef char *sets = <char *>calloc(LEVELS, bits)
    cdef uint32_t *numbers = <uint32_t *>calloc(<size_t>3 * servers + total + 1, sizeof(uint32_t))
    cdef int n
    if sets == NULL or numbers == NULL:
        free(sets)
        free(numbers)
        return False
    f.servers, f.total, f.weights = servers, total, weights
    f.after, f.given, f.owed, f.due = numbers, numbers + servers, numbers + 2 * servers, numbers + 3 * servers
    memset(f.due, 0xff, (<size_t>total + 1) * sizeof(uint32_t))
    for n in range(LEVELS):
        bits_view(&f.level[n], sets + n * bits, servers)
    fill(&f, table)
    free(sets)
    free(numbers)
    return True


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
