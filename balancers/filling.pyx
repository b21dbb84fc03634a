"""Which server stands in which place of a map: HAProxy's order, found without a step for each place and server.

The rule. Going through the places t = 1, 2, ..., total, a server of weight w has been owed floor(t * w / total) places, plus one for
being there. Each place goes to the server that is owed most beyond what it has got, and of equals to the first in
configuration order. (total is the sum of the weights, so there is always one that is owed a place.)

What makes it quick. Servers of one weight are owed one more at the same places, ceil(j * total / w) for j = 1..w, so a *group* of
them rises together; there are at most 256 groups, whatever the number of servers. What is owed beyond what was got is a small
number (3 is the most that was ever seen, there is room for 8). So for each n there is a set of those that are owed n or more, as bits:
to be owed one more is to enter the next set, to be served is to leave the highest one, and between two places at which a
group rises the order is that of the bits of the highest set that is not empty. A server enters a set as often as it is in the
table, which makes a few nanoseconds a place. tests/unit/balancers/test_map_unit.py holds it against the rule read literally.
"""

from libc.stddef cimport size_t
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc

cdef extern from *:
    int __builtin_ctzll(uint64_t) nogil

cdef enum:
    LEVELS = 8
    NOBODY = 0xffffffff


cdef struct Level:           # the servers that are owed so many places or more
    uint64_t *words          # a bit for each server
    uint64_t *index          # a bit for each word: there is a bit in it

cdef struct Group:           # the servers of one weight
    uint32_t weight
    uint32_t place           # floor(j * total / weight): it is owed one more here or, if there is a part, at the next place
    uint32_t part            # what the division left, in 1 / weight places
    uint32_t step            # total / weight
    uint32_t rest            # ... and what is left
    uint32_t after           # next group that is due at the same place
    uint32_t *first          # its servers, ascending
    uint32_t *last           # behind the last one

cdef struct Filling:
    uint32_t total
    uint32_t blocks          # words of an index, each for 4,096 servers
    int top                  # no set above this one was ever entered
    Level level[LEVELS]      # [0]: those that are owed one place
    uint64_t *marks          # by place: a group is due there
    uint32_t *due            # by marked place: the first group
    Group *groups            # by weight
    uint32_t *members


cdef inline void put(Level *level, uint32_t i) noexcept nogil:
    level.words[i >> 6] |= <uint64_t>1 << (i & 63)
    level.index[i >> 12] |= <uint64_t>1 << (i >> 6 & 63)


cdef inline void expect(Filling *f, uint32_t weight) noexcept nogil:
    """Note the next place at which a group rises. The last one is the last of the table."""
    cdef Group *g = &f.groups[weight]
    cdef uint32_t place
    if g.place == f.total:
        return
    g.place += g.step
    g.part += g.rest
    if g.part >= weight:
        g.part -= weight
        g.place += 1
    place = g.place + (g.part > 0)
    if f.marks[place >> 6] >> (place & 63) & 1:
        g.after = f.due[place]
    else:
        f.marks[place >> 6] |= <uint64_t>1 << (place & 63)
        g.after = NOBODY
    f.due[place] = weight


cdef void rise_further(Filling *f, uint32_t i) noexcept nogil:
    """Server `i`, which was owed two or more, is owed one more."""
    cdef int n = 2
    while n < LEVELS - 1 and f.level[n].words[i >> 6] >> (i & 63) & 1:
        n += 1
    put(&f.level[n], i)
    f.top = max(f.top, n)


cdef void rise(Filling *f, Group *g) noexcept nogil:
    """All of a group are owed one more."""
    cdef uint64_t *ones = f.level[0].words
    cdef uint64_t *twos = f.level[1].words
    cdef uint32_t *at = g.first
    cdef uint32_t i, k, block = at[0] >> 12
    cdef uint64_t bit, had, of_ones = 0, of_twos = 0
    while at != g.last:
        i = at[0]
        at += 1
        if i >> 12 != block:
            f.level[0].index[block] |= of_ones
            f.level[1].index[block] |= of_twos
            of_ones = of_twos = 0
            block = i >> 12
        k = i >> 6
        bit = <uint64_t>1 << (i & 63)
        had = ones[k] & bit
        ones[k] |= bit
        of_ones |= <uint64_t>1 << (k & 63)
        of_twos |= <uint64_t>(had != 0) << (k & 63)
        if twos[k] & had:
            rise_further(f, i)
        twos[k] |= had
    f.level[0].index[block] |= of_ones
    f.level[1].index[block] |= of_twos


cdef uint32_t *serve_level(Level *level, uint32_t blocks, uint32_t *at, uint32_t *end) noexcept nogil:
    """Serve the highest set, in order, until it is empty or the place `end` is reached. Returns: the next place to be filled."""
    cdef uint64_t index, bits
    cdef uint32_t k, first
    for k in range(blocks):
        index = level.index[k]
        while index:
            first = (k << 12) + (__builtin_ctzll(index) << 6)
            bits = level.words[first >> 6]
            while bits:
                if at == end:
                    level.words[first >> 6] = bits
                    level.index[k] = index
                    return at
                at[0] = first + __builtin_ctzll(bits)
                at += 1
                bits &= bits - 1
            level.words[first >> 6] = 0
            index &= index - 1
        level.index[k] = 0
    return at


cdef inline uint32_t *serve(Filling *f, uint32_t *at, uint32_t *end) noexcept nogil:
    """Fill the places from `at` to `end`, no group being due but at the first of them. Returns: `end`."""
    cdef int n = f.top
    while at != end and n >= 0:
        at = serve_level(&f.level[n], f.blocks, at, end)
        n -= 1
    return at


cdef void fill(Filling *f, uint32_t *table) noexcept nogil:
    cdef uint32_t k, g, following, place
    cdef uint32_t *at = table
    cdef uint64_t here
    for k in range((f.total >> 6) + 1):
        here = f.marks[k]
        while here:
            place = (k << 6) + __builtin_ctzll(here)
            at = serve(f, at, table + place - 1)
            g = f.due[place]
            while g != NOBODY:
                following = f.groups[g].after
                rise(f, &f.groups[g])
                expect(f, g)
                g = following
            here = f.marks[k] & (~<uint64_t>1 << (place & 63))
    serve(f, at, table + f.total)


cdef void group(Filling *f, const uint32_t *weights, uint32_t servers) noexcept nogil:
    """Sort the servers by weight; each is owed one place from the beginning."""
    cdef uint32_t i, w
    cdef Group *g
    cdef uint32_t *members = f.members
    for i in range(servers):
        f.groups[weights[i]].weight += 1          # how many, for a moment
    for w in range(1, MOST_WEIGHT + 1):
        g = &f.groups[w]
        g.first = g.last = members
        members += g.weight
        g.weight, g.step, g.rest = w, f.total // w, f.total % w
    for i in range(servers):
        if weights[i]:
            f.groups[weights[i]].last[0] = i
            f.groups[weights[i]].last += 1
            put(&f.level[0], i)
    for w in range(1, MOST_WEIGHT + 1):
        if f.groups[w].first != f.groups[w].last:
            expect(f, w)


cdef bint fill_table(const uint32_t *weights, uint32_t servers, uint32_t total, uint32_t *table) noexcept nogil:
    cdef Filling f
    cdef size_t words = (servers + 63) >> 6, blocks = (words + 63) >> 6, marks = (total >> 6) + 1
    cdef uint64_t *bits = <uint64_t *>calloc(marks + LEVELS * (words + blocks), sizeof(uint64_t))
    cdef Group *groups = <Group *>calloc(MOST_WEIGHT + 1, sizeof(Group))
    cdef uint32_t *numbers = <uint32_t *>malloc((<size_t>total + 1 + servers) * sizeof(uint32_t))
    cdef bint room = bits != NULL and groups != NULL and numbers != NULL
    cdef int n
    if room:
        f.total, f.blocks, f.top = total, <uint32_t>blocks, 1
        f.groups, f.due, f.members = groups, numbers, numbers + total + 1
        f.marks = bits
        for n in range(LEVELS):
            f.level[n].words = bits + marks + n * (words + blocks)
            f.level[n].index = f.level[n].words + words
        group(&f, weights, servers)
        fill(&f, table)
    free(bits)
    free(groups)
    free(numbers)
    return room
