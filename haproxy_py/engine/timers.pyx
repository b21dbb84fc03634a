"""A hashed timing wheel of six levels of 64 slots; level 0 is one millisecond a slot (reach: two years).

Invariants: a queued timer at level L lies 0 to 63 slots ahead of `now` in that level, and 0 only at level 0. The wheel
looks at a timer at its `queued` time; the owner of the wheel compares `deadline`, so that pushing a deadline back (what
every received byte does) is one store and nothing is moved until the old time comes.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memset

cdef extern from *:
    int ctz64 "__builtin_ctzll"(uint64_t x) nogil


cdef void wheel_init(Wheel *w, uint64_t now_ms) noexcept nogil:
    """Empty the wheel and set its clock."""
    cdef int level, slot
    memset(w, 0, sizeof(Wheel))
    w.now = now_ms
    for level in range(LEVELS):
        for slot in range(SLOTS):
            w.slots[level][slot].prev = &w.slots[level][slot]
            w.slots[level][slot].next = &w.slots[level][slot]


cdef inline void unlink(Timer *t) noexcept nogil:
    t.prev.next = t.next
    t.next.prev = t.prev


cdef void wheel_set(Wheel *w, Timer *t, uint64_t deadline_ms) noexcept nogil:
    """Queue `t` to be looked at when `deadline_ms` comes; a time that has passed means at once."""
    cdef uint64_t when = deadline_ms if deadline_ms > w.now else w.now
    cdef int level = 0
    cdef int slot
    cdef Timer *head
    if t.queued:
        unlink(t)
    while level < LEVELS - 1 and (when >> (6 * level)) - (w.now >> (6 * level)) >= SLOTS:
        level += 1
    if (when >> (6 * level)) - (w.now >> (6 * level)) >= SLOTS:        # further than the wheel reaches: look again later
        when = w.now + ((<uint64_t>SLOTS - 1) << (6 * level))
    slot = <int>((when >> (6 * level)) & (SLOTS - 1))
    head = &w.slots[level][slot]
    t.prev = head.prev
    t.next = head
    head.prev.next = t
    head.prev = t
    t.queued = when
    w.occupied[level] |= <uint64_t>1 << slot


cdef void wheel_remove(Wheel *w, Timer *t) noexcept nogil:
    """Take `t` out; harmless if it is not in."""
    if t.queued:
        unlink(t)
        t.queued = 0
    t.deadline = 0


cdef inline uint64_t next_at(Wheel *w, int level) noexcept nogil:
    """Start of the next occupied slot of a level, clearing bits of slots that were emptied; 0: none."""
    cdef uint64_t turned
    cdef uint64_t base = w.now >> (6 * level)
    cdef int shift = <int>(base & (SLOTS - 1))
    cdef int dist, slot
    cdef Timer *head
    while w.occupied[level]:
        turned = w.occupied[level] >> shift
        if shift:
            turned |= w.occupied[level] << (SLOTS - shift)
        dist = ctz64(turned)
        slot = (shift + dist) & (SLOTS - 1)
        head = &w.slots[level][slot]
        if head.next == head:
            w.occupied[level] &= ~(<uint64_t>1 << slot)
            continue
        return (base + dist) << (6 * level)
    return 0


cdef uint64_t wheel_next(Wheel *w) noexcept nogil:
    """A lower bound, in ms, of the next time anything expires; 0: nothing is queued."""
    cdef uint64_t best = 0
    cdef uint64_t at
    cdef int level
    for level in range(LEVELS):
        at = next_at(w, level)
        if at and (best == 0 or at < best):
            best = at
    if best and best < w.now:
        best = w.now
    return best


cdef void cascade(Wheel *w, Timer *head) noexcept nogil:
    """Sort the timers of an upper slot whose time has come into the lower levels."""
    cdef Timer *t = head.next
    cdef Timer *following
    cdef uint64_t when
    head.next = head
    head.prev = head
    while t != head:
        following = t.next
        when = t.queued
        t.queued = 0
        wheel_set(w, t, when)
        t = following


cdef Timer *wheel_pop(Wheel *w, uint64_t now_ms) noexcept nogil:
    """The next timer whose queued time is at or before `now_ms`, taken out of the wheel; NULL: none, clock advanced."""
    cdef uint64_t best, at
    cdef int level, from_level = 0
    cdef Timer *head
    cdef Timer *t
    while True:
        best = 0
        for level in range(LEVELS):
            at = next_at(w, level)
            # At equal times an upper slot is cascaded first, so that timers of one millisecond come in one go.
            if at and (best == 0 or at <= best):
                best = at
                from_level = level
        if best == 0 or best > now_ms:
            if now_ms > w.now:
                w.now = now_ms
            return NULL
        if best > w.now:
            w.now = best
        head = &w.slots[from_level][(best >> (6 * from_level)) & (SLOTS - 1)]
        if from_level:
            cascade(w, head)
            continue
        t = head.next
        unlink(t)
        t.queued = 0
        return t
