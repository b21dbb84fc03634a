"""The nested epoll set. Life of a Source: created, watch(), on_events()/on_deadline() ..., forget()."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t, int64_t
from haproxy_py.engine.timers cimport Timer, Wheel

cdef class Source:
    cdef int fd
    cdef bint watched                     # in the epoll set
    cdef bint queued                      # in the ready list of this turn
    cdef Timer timer
    cdef Reactor reactor
    cdef void on_events(self, uint32_t events) noexcept    # EPOLL* bits; edge triggered; 0 from wake()
    cdef void on_deadline(self) noexcept                   # the real deadline has passed (timer is off)

cdef class Reactor:
    cdef int epfd
    cdef int timerfd
    cdef uint64_t armed_ms                # what the timerfd is set to; 0: off
    cdef uint64_t now_ms                  # monotonic, cached once per loop
    cdef uint64_t now_us                  # monotonic
    cdef int64_t wall_us                  # since the epoch; for dates
    cdef uint64_t clock_us                # since the epoch by the program's own clock (engine.clock); for ages and rates
    cdef int64_t wall_ahead_us            # of the monotonic clock
    cdef Wheel wheel
    cdef list ready
    cdef list graveyard                   # sources forgotten in this turn: kept until its end
    cdef object loop
    cdef object turn_method
    cdef public int linger_ms             # how old a turn gets that waits for more, 0: it does not wait
    cdef uint64_t leave_ms                # when the lingering turn ends; 0: none lingers
    cdef public uint64_t turns
    cdef public uint64_t events_seen
    cdef list at_turn_end                 # TurnHook objects (log flush, ...)
    cdef int in_turn
    cdef bint late                        # deadlines that have passed wait for the next round
    cdef bint apart                       # out of the loop's set while a turn lingers
    cdef void leave_loop(self) noexcept
    cdef int watch(self, Source s, uint32_t events) noexcept     # 0 or an errno
    cdef void forget(self, Source s) noexcept                    # out of the set and the wheel; does not close
    cdef void unwatch(self, Source s) noexcept                   # forget, and out of the set: the descriptor stays open
    cdef void wake(self, Source s) noexcept                      # on_events(0) later in this turn (or at once next turn)
    cdef void tick(self) noexcept                                # refresh the cached clock
    cdef void look_at_wall(self) noexcept                        # ... and how far the wall clock is ahead
    cdef void _set_deadline_slow(self, Source s, uint64_t when_ms) noexcept
    cdef void arm(self) noexcept
    cdef void arm_now(self) noexcept
    cdef void soon(self, Source s) noexcept                      # on_deadline in one of the next rounds
    cdef void expire(self) noexcept
    cdef void run_ready(self) noexcept
    cpdef turn(self)
    cdef void add_turn_hook(self, TurnHook hook)

cdef inline void set_deadline(Reactor r, Source s, uint64_t when_ms) noexcept:
    """Move the deadline of `s` to `when_ms` (monotonic; 0: never). Later than queued costs one store."""
    s.timer.deadline = when_ms
    if when_ms and (s.timer.queued == 0 or when_ms < s.timer.queued):
        r._set_deadline_slow(s, when_ms)

cdef class TurnHook:
    cdef void turn_end(self) noexcept
