"""Deadlines in milliseconds: a hashed wheel of intrusive timers (see timers.pyx)."""

from libc.stdint cimport uint64_t

cdef enum:
    LEVELS = 6
    SLOTS = 64

cdef struct Timer:
    Timer *prev
    Timer *next
    uint64_t queued      # when the wheel looks at it, monotonic ms; 0: not in the wheel
    uint64_t deadline    # when it really expires, monotonic ms; 0: never. Moving it later is this one store
    void *owner          # borrowed reference to the Source that holds this timer

cdef struct Wheel:
    uint64_t now                      # last ms that has been processed
    uint64_t occupied[LEVELS]         # bit per slot
    Timer slots[LEVELS][SLOTS]        # list heads

cdef void wheel_init(Wheel *w, uint64_t now_ms) noexcept nogil
cdef void wheel_set(Wheel *w, Timer *t, uint64_t deadline_ms) noexcept nogil
cdef void wheel_remove(Wheel *w, Timer *t) noexcept nogil
cdef uint64_t wheel_next(Wheel *w) noexcept nogil                  # lower bound of the next expiry; 0: none
cdef Timer *wheel_pop(Wheel *w, uint64_t now_ms) noexcept nogil    # next expired timer, removed, or NULL
