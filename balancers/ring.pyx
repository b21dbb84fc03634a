"""The ring of consistent hashing (manual 4.2, hash-type consistent; hash-balance-factor; 3.2: hash-preserve-affinity).

A server stands on a circle of 2^32 numbers at as many points as its effective weight (16 times the weight, less while it warms
up). A number belongs to the server whose point is closest, on either side; of equals the one below. A server that
goes, or loses weight, gives up its points and nobody else's move.

The circle is cut into equal buckets, each a list in the order of the numbers; sets (balancers.bits) find the next one that is
not empty. Points are spread evenly by nature, so a list is short and a lookup or a change of one point takes a few steps,
however many servers there are. Points of weight unit k of all servers lie together, so memory for higher weights is
not touched until a server has them.

Active servers and backups have a ring each; the second one counts with option allbackups, else the first backup takes all.
"""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.addr cimport Addr
from haproxy_py.engine.shm cimport ServerShared, ServerSlot, server_usable
from balancers.base cimport Balancer, server_limit
from balancers.bits cimport (
    Bits, bits_add, bits_bytes, bits_clear, bits_drop, bits_from, bits_upto, bits_view,
)
from haproxy_py.engine.hashes cimport avalanche, xxh32
from balancers.layout cimport Layout

cdef enum:
    MOST_POINTS = 4096       # of one server: weight 256
    UNIT = 16                # points of weight 1
    FEW_BUCKETS = 64
    MOST_BUCKETS = 1 << 22
    SPARE = 4                # buckets for each point, and points for each bucket before there are more buckets


cdef uint32_t bucket_room(uint32_t servers) noexcept nogil:
    """How many buckets a ring may have in the end: a power of two."""
    cdef uint32_t room = FEW_BUCKETS
    while room < MOST_BUCKETS and room < <uint64_t>servers * MOST_POINTS:
        room *= 2
    return room


cdef uint32_t shift_for(uint64_t points, uint32_t room) noexcept nogil:
    """RingHead.shift for that many points."""
    cdef uint32_t buckets = FEW_BUCKETS, shift = 26
    while buckets < room and buckets < points * SPARE:
        buckets *= 2
        shift -= 1
    return shift


cdef class Ring(Layout):
    def __cinit__(self, *args, **kwargs):
        self.hash_keys = {}

    cdef size_t block_bytes(self, uint32_t servers) noexcept:
        cdef uint32_t room = bucket_room(servers)
        return (sizeof(RingHead) + servers * sizeof(Place) + 2 * (room * sizeof(uint32_t) + bits_bytes(room))
                + (<size_t>servers * MOST_POINTS + 1) * sizeof(Point) + 8)

    cdef void start(self, Balancer owner, void *block) noexcept:
        cdef char *at = <char *>block
        cdef uint32_t room = bucket_room(owner.room)
        cdef int ring
        self.owner = owner
        self.head = <RingHead *>at
        at += sizeof(RingHead)
        for ring in range(2):
            bits_view(&self.filled[ring], at, room)
            at += bits_bytes(room)
        self.points = <Point *>at
        at += (<size_t>owner.room * MOST_POINTS + 1) * sizeof(Point)
        self.places = <Place *>at
        at += owner.room * sizeof(Place)
        for ring in range(2):
            self.buckets[ring] = <uint32_t *>at
            at += room * sizeof(uint32_t)
        self.fill()

    # ------------------------------------------------------------------ points

    cdef uint32_t point_of(self, uint32_t i, uint32_t number) noexcept:
        """Points count from 1."""
        return 1 + (number // UNIT * self.owner.room + i) * UNIT + number % UNIT

    cdef uint32_t server_of(self, uint32_t point) noexcept:
        return (point - 1) // UNIT % self.owner.room

    cdef uint32_t server_key(self, uint32_t i) noexcept:
        cdef ServerSlot slot = <ServerSlot>self.owner.servers[i]
        cdef Addr a
        cdef uint32_t key = 0
        cdef int kind = self.hash_keys.get(i, KEY_ID) if self.hash_keys else KEY_ID
        memcpy(&a, slot.shared.addr, sizeof(Addr))
        if kind == KEY_ID or a.family == 0:
            return <uint32_t>slot.puid * MOST_POINTS
        if kind == KEY_ADDR_PORT:
            key = avalanche(a.port)
        if a.family == sys.AF_INET6:
            return xxh32(a.ip, 16, key)
        memcpy(&kind, a.ip, 4)
        return avalanche(key + <uint32_t>kind)

    cdef void insert(self, uint32_t i, uint32_t number) noexcept:
        cdef int ring = self.places[i].backup
        cdef uint32_t new = self.point_of(i, number), key = avalanche(self.places[i].key + number), bucket
        cdef uint32_t *link
        bucket = key >> self.head.shift
        link = &self.buckets[ring][bucket]
        if link[0] == 0:
            bits_add(&self.filled[ring], bucket)
        while link[0] and self.points[link[0]].key <= key:
            link = &self.points[link[0]].next
        self.points[new].key = key
        self.points[new].next = link[0]
        link[0] = new

    cdef void remove(self, uint32_t i, uint32_t number) noexcept:
        cdef int ring = self.places[i].backup
        cdef uint32_t old = self.point_of(i, number), bucket = self.points[old].key >> self.head.shift
        cdef uint32_t *link = &self.buckets[ring][bucket]
        if self.head.last == old:
            self.head.last = self.after(ring, old)
        while link[0] and link[0] != old:
            link = &self.points[link[0]].next
        link[0] = self.points[old].next
        if self.buckets[ring][bucket] == 0:
            bits_drop(&self.filled[ring], bucket)

    cdef uint32_t first(self, int ring) noexcept:
        """The point with the smallest number, 0: there is none."""
        cdef int64_t bucket = bits_from(&self.filled[ring], 0)
        return 0 if bucket < 0 else self.buckets[ring][bucket]

    cdef uint32_t after(self, int ring, uint32_t point) noexcept:
        """The next point, 0: it is the last."""
        cdef int64_t bucket
        if self.points[point].next:
            return self.points[point].next
        bucket = bits_from(&self.filled[ring], (self.points[point].key >> self.head.shift) + 1)
        return 0 if bucket < 0 else self.buckets[ring][bucket]

    cdef uint32_t before(self, int ring, uint32_t point) noexcept:
        """The point before it, 0: it is the first."""
        cdef uint32_t bucket = self.points[point].key >> self.head.shift
        cdef uint32_t at = self.buckets[ring][bucket]
        if at == point:
            return self.last_below(ring, bucket)
        while self.points[at].next != point:
            at = self.points[at].next
        return at

    cdef uint32_t last_below(self, int ring, uint32_t bucket) noexcept:
        """The last point of the buckets before this one, 0: there is none."""
        cdef int64_t found = bits_upto(&self.filled[ring], bucket - 1) if bucket else -1
        cdef uint32_t at
        if found < 0:
            return 0
        at = self.buckets[ring][found]
        while self.points[at].next:
            at = self.points[at].next
        return at

    cdef uint32_t closest(self, int ring, uint32_t hash) noexcept:
        """The point closest to a number; the ring is not empty."""
        cdef uint32_t bucket = hash >> self.head.shift
        cdef uint32_t above = self.buckets[ring][bucket], below = 0
        cdef int64_t found
        while above and self.points[above].key < hash:
            below = above
            above = self.points[above].next
        if above == 0:
            found = bits_from(&self.filled[ring], bucket + 1)
            above = self.first(ring) if found < 0 else self.buckets[ring][found]
        if below == 0:
            below = self.last_below(ring, bucket) or self.last_below(ring, self.bucket_count())
        return below if hash - self.points[below].key <= self.points[above].key - hash else above

    cdef uint32_t bucket_count(self) noexcept:
        return <uint32_t>1 << (32 - self.head.shift)

    # ------------------------------------------------------------------ changes

    cdef void sync(self) noexcept:
        cdef uint32_t i, wanted, key
        cdef Place *p
        for i in range(self.owner.count):
            p = &self.places[i]
            wanted = self.owner.shared[i].eweight if server_usable(self.owner.shared[i]) else 0
            if wanted:
                key = self.server_key(i)
                if key != p.key or self.owner.shared[i].backup != p.backup:
                    self.set_points(i, 0)
                    p.key = key
                    p.backup = self.owner.shared[i].backup
            if wanted > p.most:
                # As in HAProxy, where new room means to take all out: the turn passes on if it stood at one of them.
                self.set_points(i, 0)
                p.most = wanted
            if wanted != p.points:
                self.set_points(i, min(wanted, <uint32_t>MOST_POINTS))
        self.weigh()
        for i in range(self.owner.count if self.factor else 0):
            self.note_load(i)

    cdef void set_points(self, uint32_t i, uint32_t points) noexcept:
        cdef Place *p = &self.places[i]
        self.head.points += points - p.points
        if self.head.points > <uint64_t>SPARE * self.bucket_count() and self.bucket_count() < self.filled[0].size:
            self.resize()
        while p.points > points:
            p.points -= 1
            self.remove(i, p.points)
        while p.points < points:
            self.insert(i, p.points)
            p.points += 1

    cdef void fill(self) noexcept:
        """All points, onto rings that are empty."""
        cdef uint64_t points = 0
        cdef uint32_t i
        for i in range(self.owner.count):
            points += self.owner.shared[i].eweight
        self.head.shift = shift_for(points, self.filled[0].size)
        self.sync()

    cdef void repair(self) noexcept:
        cdef uint32_t room = self.filled[0].size
        if 10 <= self.head.shift <= 26 and self.bucket_count() < room:
            room = self.bucket_count()       # no bucket behind these was ever written
        self.clear_buckets(room)
        memset(self.head, 0, sizeof(RingHead))
        memset(self.places, 0, self.owner.room * sizeof(Place))
        self.fill()

    cdef void resize(self) noexcept:
        """More buckets, and all points into them."""
        cdef uint32_t i, number
        self.clear_buckets(self.bucket_count())
        self.head.shift = shift_for(self.head.points, self.filled[0].size)
        for i in range(self.owner.count):
            for number in range(self.places[i].points):
                self.insert(i, number)

    cdef void clear_buckets(self, uint32_t count) noexcept:
        cdef int ring
        for ring in range(2):
            memset(self.buckets[ring], 0, count * sizeof(uint32_t))
            bits_clear(&self.filled[ring])

    cdef void note_load(self, uint32_t i) noexcept:
        cdef uint32_t now = sys.ha_load32(&self.owner.shared[i].scur)
        self.head.served += now - self.places[i].seen
        self.places[i].seen = now

    cdef void weigh(self) noexcept:
        """Place.before and `total`, for the bounded load."""
        cdef uint32_t sums[2]
        cdef uint32_t i
        sums[0] = sums[1] = 0
        for i in range(self.owner.count):
            self.places[i].before = sums[self.places[i].backup]
            sums[self.places[i].backup] += self.places[i].points
        self.head.total = sums[0] or sums[1]

    # ------------------------------------------------------------------ lookups

    cdef int ring_in_use(self) noexcept:
        """0: active servers; 1: all backups; -1: the first backup alone, or nobody."""
        if self.owner.proxy.shared.usable:
            return 0
        return 1 if self.owner.allbackups and self.owner.proxy.shared.usable_backup else -1

    cdef bint eligible(self, uint32_t i) noexcept:
        """May be given a number that its load does not yet keep it from."""
        cdef ServerShared *s = self.owner.shared[i]
        if self.factor and not self.below_bound(i):
            return False
        if self.affinity == AFFINITY_ALWAYS or s.maxconn == 0:
            return True
        if self.affinity == AFFINITY_MAXCONN:
            return s.scur < server_limit(s, self.owner.proxy.shared.scur, self.owner.fullconn)
        return s.maxqueue == 0 or s.qcur < s.maxqueue

    cdef bint below_bound(self, uint32_t i) noexcept:
        """hash-balance-factor: a share of the slots by weight, slots being the streams that there would be times the factor.

        What does not divide evenly goes to the servers in order, each its part; nobody has none.
        """
        cdef Place *p = &self.places[i]
        cdef uint64_t slots = ((<uint64_t>self.head.served + 1) * self.factor + 99) // 100
        cdef uint64_t rest = slots % self.head.total
        cdef uint64_t own = (p.points * (slots // self.head.total)
                             + (p.before + p.points) * rest // self.head.total - p.before * rest // self.head.total)
        return self.owner.shared[i].scur < max(own, <uint64_t>1)

    cdef int find(self, uint32_t hash, int avoid) noexcept:
        cdef int ring = self.ring_in_use()
        cdef uint32_t start, at, i
        if ring < 0:
            return self.owner.first_backup()
        start = at = self.closest(ring, hash)
        i = self.server_of(at)
        while <int>i == avoid or not self.eligible(i):
            at = self.after(ring, at) or self.first(ring)
            if at == start:
                break
            i = self.server_of(at)
        return <int>i

    cdef int turn(self, int avoid) noexcept:
        cdef int ring = self.ring_in_use(), avoided = -1
        cdef uint32_t at = self.head.last, stop = self.head.last, i
        if ring < 0:
            return self.owner.first_backup()
        while True:
            if at:
                at = self.after(self.places[self.server_of(at)].backup, at)
            if at == 0:
                at = self.first(ring)
            self.head.last = at
            stop = stop or at
            i = self.server_of(at)
            if not self.full(i):
                if <int>i != avoid:
                    return <int>i
                avoided = <int>i
            if at == stop:
                return avoided
