"""Doors for the unit tests of parts that only C code sees."""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from haproxy_py.engine.buffers cimport BufferPool, Pipe, PipePool
from haproxy_py.engine.reactor cimport Reactor, Source, set_deadline
from haproxy_py.engine.timers cimport Timer, Wheel, wheel_init, wheel_next, wheel_pop, wheel_remove, wheel_set
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.waiting cimport Waiter, heap_insert, heap_remove


cdef class WheelDoor:
    """A wheel with `n` timers, by number."""

    cdef Wheel wheel
    cdef Timer *timers
    cdef int n

    def __init__(self, int n, uint64_t now_ms):
        self.timers = <Timer *>calloc(n, sizeof(Timer))
        self.n = n
        wheel_init(&self.wheel, now_ms)

    def __dealloc__(self):
        free(self.timers)

    def set(self, int i, uint64_t when):
        wheel_set(&self.wheel, &self.timers[i], when)

    def remove(self, int i):
        wheel_remove(&self.wheel, &self.timers[i])

    def next(self) -> int:
        return wheel_next(&self.wheel)

    def pop_all(self, uint64_t now) -> list:
        """Numbers of the timers that are due at `now`, in the order in which they come."""
        cdef Timer *t
        found = []
        while True:
            t = wheel_pop(&self.wheel, now)
            if t == NULL:
                return found
            found.append(<int>(t - self.timers))


cdef class Probe(Source):
    """A Source that writes down what it is told, and calls `then`."""

    cdef readonly list told
    cdef public object then

    def __init__(self, int fd):
        self.fd = fd
        self.told = []

    cdef void on_events(self, uint32_t events) noexcept:
        self.told.append(("events", events))
        self.go_on()

    cdef void on_deadline(self) noexcept:
        self.told.append(("deadline", self.reactor.now_ms))
        self.go_on()

    cdef void go_on(self) noexcept:
        if self.then is not None:
            self.then()

    def watch(self, Reactor reactor) -> int:
        return reactor.watch(self, sys.EPOLLIN | sys.EPOLLET)

    def forget(self):
        self.reactor.forget(self)

    def wake(self):
        self.reactor.wake(self)

    def deadline(self, Reactor reactor, uint64_t ms_from_now):
        self.reactor = reactor
        reactor.tick()
        set_deadline(reactor, self, reactor.now_ms + ms_from_now)


def take_and_give(BufferPool pool, int n) -> tuple:
    """Take n buffers, give them back: (in use meanwhile, pooled after)."""
    cdef list held = []
    cdef char *p
    cdef int i
    for i in range(n):
        p = pool.take()
        p[0] = <char>i
        held.append(<size_t>p)
    during = pool.in_use
    distinct = len(set(held)) == n
    for address in held:
        pool.give(<char *><size_t>address)
    return during, pool.pooled, distinct


def pipe_round(PipePool pool) -> tuple:
    """Take a pipe, give it back clean: (capacity, pooled); then one with bytes left in it: (.., pooled again)."""
    cdef Pipe *p = pool.take()
    capacity = p.capacity
    pool.give(p)
    clean = pool.pooled
    p = pool.take()
    sys.write(p.wr, <const char *>b"x", 1)
    p.filled = 1
    pool.give(p)
    return capacity, clean, pool.pooled


cdef class WaitHeap:
    """A heap of engine.waiting over `room` records."""

    cdef Waiter *records
    cdef uint32_t top
    cdef uint32_t used
    cdef uint32_t room

    def __cinit__(self, uint32_t room):
        self.room = room
        self.records = <Waiter *>calloc(room + 1, sizeof(Waiter))
        if self.records == NULL:
            raise MemoryError("waiters")

    def __dealloc__(self):
        free(self.records)

    def insert(self, int priority, int when_ms) -> int:
        """Returns: the number of the record, which is also its ticket. Raises: MemoryError."""
        if self.used == self.room:
            raise MemoryError("waiters")
        self.used += 1
        self.records[self.used].priority = priority
        self.records[self.used].when_ms = when_ms
        self.records[self.used].ticket = self.used
        heap_insert(self.records, &self.top, self.used)
        return self.used

    def remove(self, uint32_t number) -> None:
        """Take out a record that is in the heap."""
        heap_remove(self.records, &self.top, number)

    def first(self) -> int:
        """Number of the one that is next, 0: nobody."""
        return self.top

    def longest_right_spine(self) -> int:
        """What bounds the cost of every operation."""
        return self.records[self.top].rank if self.top else 0
