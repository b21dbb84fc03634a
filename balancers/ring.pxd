"""The ring behind `hash-type consistent` and `balance random`: each server at as many points as its effective weight."""

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t
from balancers.base cimport Balancer
from balancers.bits cimport Bits
from balancers.layout cimport Layout

cdef enum HashKey:               # hash-key of a server: what its points are computed from
    KEY_ID = 0
    KEY_ADDR
    KEY_ADDR_PORT

cdef enum Affinity:              # hash-preserve-affinity: whom find() may pass over
    AFFINITY_ALWAYS = 0          # nobody
    AFFINITY_MAXCONN             # those that have no free slot
    AFFINITY_MAXQUEUE            # those that have neither a free slot nor room in their queue

cdef struct RingHead:
    uint32_t shift               # bucket of a point: key >> shift; there are 1 << (32 - shift) buckets
    uint32_t points              # on both rings
    uint32_t total               # sum of the effective weights in use
    uint32_t served              # sum of Place.seen
    uint32_t spare               # keeps what follows aligned to 8 bytes
    uint32_t last                # point of turn(), none: before the first

cdef struct Place:               # of one server
    uint32_t points              # how many of its points are on the ring
    uint32_t most                # the most that it has had
    uint32_t key                 # its points are avalanche(key + 0), avalanche(key + 1), ...
    uint32_t before              # sum of the effective weights of the usable servers of its group that stand before it
    uint32_t seen                # its streams when last looked at; kept only with a factor
    uint8_t backup               # its ring

cdef struct Point:
    uint32_t key
    uint32_t next                # of its bucket, in order of the keys

cdef class Ring(Layout):
    cdef public int affinity     # Affinity
    cdef public uint32_t factor  # hash-balance-factor, 0: none
    cdef public dict hash_keys   # place of a server -> HashKey, for those that differ from KEY_ID
    cdef RingHead *head
    cdef Place *places
    cdef Point *points
    cdef uint32_t *buckets[2]    # first point of each, by ring: active servers, backups
    cdef Bits filled[2]          # buckets that are not empty
    cdef uint32_t point_of(self, uint32_t i, uint32_t number) noexcept
    cdef uint32_t server_of(self, uint32_t point) noexcept
    cdef uint32_t bucket_count(self) noexcept
    cdef uint32_t server_key(self, uint32_t i) noexcept
    cdef bint eligible(self, uint32_t i) noexcept
    cdef bint below_bound(self, uint32_t i) noexcept
    cdef int ring_in_use(self) noexcept
    cdef uint32_t first(self, int ring) noexcept
    cdef uint32_t after(self, int ring, uint32_t point) noexcept
    cdef uint32_t before(self, int ring, uint32_t point) noexcept
    cdef uint32_t last_below(self, int ring, uint32_t bucket) noexcept
    cdef uint32_t closest(self, int ring, uint32_t hash) noexcept
    cdef void resize(self) noexcept
    cdef void clear_buckets(self, uint32_t count) noexcept
    cdef void fill(self) noexcept
    cdef void set_points(self, uint32_t i, uint32_t points) noexcept
    cdef void insert(self, uint32_t i, uint32_t number) noexcept
    cdef void remove(self, uint32_t i, uint32_t number) noexcept
    cdef void weigh(self) noexcept
