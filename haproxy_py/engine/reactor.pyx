"""An epoll set nested in the running asyncio loop: the loop watches one descriptor, everything behind it is C.

The set is edge triggered and every descriptor is added once, for reading and writing, so that no request costs an
epoll_ctl. A Source that stops before the kernel says EAGAIN must remember so itself (Conn.may_read) and may ask to be
called again with wake(). One turn() drains what is ready in a few rounds and then lets asyncio have its turn.

Ownership: the kernel holds a borrowed pointer, therefore watch() takes a reference and forget() gives it to the
graveyard, which is emptied when the current batch of events has been handled.
"""

from cpython.ref cimport Py_INCREF, Py_DECREF
from libc.stdint cimport uint32_t, uint64_t, int64_t
from libc.string cimport memset
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.clock cimport ahead_us
from haproxy_py.engine.timers cimport Timer, wheel_init, wheel_set, wheel_remove, wheel_next, wheel_pop

cdef enum:
    BATCH = 256           # events fetched by one epoll_wait
    TURN_US = 4000        # a turn that has run so long returns to asyncio
    EXPIRY_US = 50        # that long deadlines that have passed are worked off, before events have their turn again
    BUSY = 32             # events of a turn from which on it is worth while to take the set out of the loop's own

cdef int live_sources = 0


def sources_alive() -> int:
    """How many Source objects exist (leak counter of the tests)."""
    return live_sources


cdef inline uint64_t clock_us() noexcept:
    """The monotonic clock."""
    cdef sys.timespec ts
    sys.clock_gettime(sys.CLOCK_MONOTONIC, &ts)
    return <uint64_t>ts.tv_sec * 1000000 + <uint64_t>ts.tv_nsec / 1000


cdef class Source:
    """Something with a descriptor in the nested set, a deadline, or both. Subclasses override the two hooks."""

    def __cinit__(self, *args, **kwargs):
        global live_sources
        live_sources += 1
        self.fd = -1
        self.timer.owner = <void *>self

    def __dealloc__(self):
        global live_sources
        live_sources -= 1

    cdef void on_events(self, uint32_t events) noexcept:
        pass

    cdef void on_deadline(self) noexcept:
        pass


cdef class TurnHook:
    """Called at the end of every turn (flush what was gathered)."""

    cdef void turn_end(self) noexcept:
        pass


cdef class Reactor:
    """One per process. `attach(loop)` nests it, `detach()` ends it."""

    def __cinit__(self):
        cdef sys.epoll_event ev
        self.timerfd = -1
        self.epfd = sys.epoll_create1(sys.EPOLL_CLOEXEC)
        if self.epfd < 0:
            raise OSError(sys.errno, "epoll_create1")
        self.timerfd = sys.timerfd_create(sys.CLOCK_MONOTONIC, sys.TFD_NONBLOCK | sys.TFD_CLOEXEC)
        if self.timerfd < 0:
            raise OSError(sys.errno, "timerfd_create")
        self.ready = []
        self.graveyard = []
        self.at_turn_end = []
        self.look_at_wall()
        wheel_init(&self.wheel, self.now_ms)
        ev.events = sys.EPOLLIN | sys.EPOLLET
        ev.data.ptr = NULL                                   # NULL: the timerfd
        sys.epoll_ctl(self.epfd, sys.EPOLL_CTL_ADD, self.timerfd, &ev)

    def __dealloc__(self):
        if self.epfd >= 0:
            sys.close(self.epfd)
        if self.timerfd >= 0:
            sys.close(self.timerfd)

    def attach(self, loop):
        """Nest the set in `loop` (asyncio's own or uvloop): from now on turn() runs when anything is ready."""
        self.loop = loop
        self.turn_method = self.turn
        loop.add_reader(self.epfd, self.turn_method)
        self.look_at_wall()
        self.arm()

    def detach(self):
        """Leave the loop. Sources still watched stay so until they are forgotten."""
        if self.loop is not None:
            self.loop.remove_reader(self.epfd)
            self.apart = False
            self.loop = None
            self.turn_method = None

    @property
    def monotonic_ms(self) -> int:
        """The cached clock."""
        return self.now_ms

    cdef void add_turn_hook(self, TurnHook hook):
        self.at_turn_end.append(hook)

    cdef int watch(self, Source s, uint32_t events) noexcept:
        cdef sys.epoll_event ev
        ev.events = events
        ev.data.ptr = <void *>s
        s.reactor = self
        if sys.epoll_ctl(self.epfd, sys.EPOLL_CTL_ADD, s.fd, &ev) < 0:
            return sys.errno
        if not s.watched:
            s.watched = True
            Py_INCREF(s)
        return 0

    cdef void forget(self, Source s) noexcept:
        wheel_remove(&self.wheel, &s.timer)
        if s.watched:
            s.watched = False
            self.graveyard.append(s)
            Py_DECREF(s)

    cdef void unwatch(self, Source s) noexcept:
        if s.watched:
            sys.epoll_ctl(self.epfd, sys.EPOLL_CTL_DEL, s.fd, NULL)
        self.forget(s)

    cdef void wake(self, Source s) noexcept:
        if not s.queued:
            s.queued = True
            self.ready.append(s)
            if self.in_turn == 0:
                self.arm_now()

    cdef void arm_now(self) noexcept:
        """Have the timerfd fire at once, so that a turn comes although no descriptor is ready."""
        cdef sys.itimerspec spec
        memset(&spec, 0, sizeof(spec))
        spec.it_value.tv_nsec = 1
        self.armed_ms = 1
        sys.timerfd_settime(self.timerfd, 0, &spec, NULL)

    cdef void tick(self) noexcept:
        self.now_us = clock_us()
        self.now_ms = self.now_us / 1000
        self.wall_us = <int64_t>self.now_us + self.wall_ahead_us
        self.clock_us = self.now_us + <uint64_t>ahead_us

    cdef void look_at_wall(self) noexcept:
        """How far the wall clock is ahead of the monotonic one: once a turn, so that a clock that is set shows within 4 ms."""
        cdef sys.timespec ts
        self.tick()
        sys.clock_gettime(sys.CLOCK_REALTIME, &ts)
        self.wall_us = <int64_t>ts.tv_sec * 1000000 + <int64_t>ts.tv_nsec / 1000
        self.wall_ahead_us = self.wall_us - <int64_t>self.now_us

    cdef void _set_deadline_slow(self, Source s, uint64_t when_ms) noexcept:
        wheel_set(&self.wheel, &s.timer, when_ms)
        if self.in_turn == 0:
            self.arm()

    cdef void arm(self) noexcept:
        """Set the timerfd to the next expiry, or the end of a lingering turn, unless it is set to it or earlier already."""
        cdef sys.itimerspec spec
        cdef uint64_t at = wheel_next(&self.wheel)
        if self.leave_ms and (at == 0 or self.leave_ms < at):
            at = self.leave_ms
        if at == 0 or (self.armed_ms and self.armed_ms <= at):
            return
        memset(&spec, 0, sizeof(spec))
        spec.it_value.tv_sec = <sys.time_t>(at / 1000)
        spec.it_value.tv_nsec = <long>(at % 1000) * 1000000 + 1
        self.armed_ms = at
        sys.timerfd_settime(self.timerfd, sys.TFD_TIMER_ABSTIME, &spec, NULL)

    cdef void soon(self, Source s) noexcept:
        """Have on_deadline called as soon as events had their turn: many pieces of work that must not hold them up."""
        set_deadline(self, s, self.now_ms)
        self.late = True

    cdef void expire(self) noexcept:
        """Call on_deadline of every Source whose real deadline has passed; re-queue those that were moved later.

        When many are due it stops after EXPIRY_US, or a quarter of the time that the events of this round took, and is `late`.
        """
        cdef Timer *t
        cdef Source s
        cdef uint64_t now, until = 0
        self.late = False
        while True:
            t = wheel_pop(&self.wheel, self.now_ms)
            if t == NULL:
                return
            if t.deadline == 0:
                continue
            if t.deadline > self.now_ms:
                wheel_set(&self.wheel, t, t.deadline)
                continue
            t.deadline = 0
            s = <Source>t.owner
            if until == 0:
                now = clock_us()
                until = now + max(<uint64_t>EXPIRY_US, (now - self.now_us) / 4)
            s.on_deadline()
            if clock_us() >= until:
                self.late = True
                return

    cdef void run_ready(self) noexcept:
        """One pass over the ready list; what is woken meanwhile waits for the next round."""
        cdef list batch = self.ready
        cdef Source s
        self.ready = []
        for s in batch:
            s.queued = False
            s.on_events(0)

    cpdef turn(self):
        """Handle everything that is ready, for a bounded time. Called by the loop; never raises.

        With linger_ms the turn waits for more until it is so old, before it gives the thread back: a way through the loop costs
        more than a request's whole bookkeeping. Only a process that does nothing else may do so. When that brings
        many events the set is taken out of the loop's own, since each would wake that one too (in the kernel, under its lock); to put it
        back costs a dozen system calls, one of which walks the whole set. The timerfd ends
        it, armed once: a time limit of each epoll_wait would set the machine's timer for every event (a sixth of a request).
        """
        cdef sys.epoll_event events[BATCH]
        cdef int n, i, wait = 0, seen = 0
        cdef Source s
        cdef uint64_t ticks, began = 0
        cdef TurnHook hook
        self.in_turn = 1
        self.turns += 1
        while True:
            if wait:
                with nogil:
                    n = sys.epoll_wait(self.epfd, events, BATCH, -1)
            else:
                n = sys.epoll_wait(self.epfd, events, BATCH, 0)
            if began == 0:
                self.look_at_wall()
                began = self.now_us
            else:
                self.tick()
            for i in range(n):
                if events[i].data.ptr == NULL:
                    sys.read(self.timerfd, &ticks, sizeof(ticks))
                    self.armed_ms = 0
                    continue
                s = <Source>events[i].data.ptr
                if s.watched:
                    s.on_events(events[i].events)
            if n > 0:
                seen += n
                self.events_seen += n
            if self.ready:
                self.run_ready()
            if self.late or self.wheel.now < self.now_ms:
                self.expire()
            if self.graveyard:
                self.graveyard = []
            if self.ready or self.late:
                wait = 0
            elif n <= 0:
                break
            elif self.linger_ms:
                wait = 1
                if self.leave_ms == 0:
                    self.leave_ms = self.now_ms + self.linger_ms
            if self.now_us - began > TURN_US or (self.leave_ms and self.now_ms >= self.leave_ms):
                break
            if wait:
                for hook in self.at_turn_end:
                    hook.turn_end()
                self.arm()
                if seen >= BUSY and not self.apart:
                    self.leave_loop()
        for hook in self.at_turn_end:
            hook.turn_end()
        self.in_turn = 0
        self.leave_ms = 0
        if self.ready or self.late:
            self.arm_now()
        else:
            self.arm()
        if self.apart:
            self.apart = False
            self.loop.add_reader(self.epfd, self.turn_method)

    cdef void leave_loop(self) noexcept:
        if self.loop is not None:
            self.loop.remove_reader(self.epfd)
            self.apart = True
