"""balance ewma [TIME]: the server that has been answering fastest, for its load and weight. Ours, not HAProxy's.

Each server has a moving average of its response times (HTTP: connection ready to response head; TCP: time to connect), shared
by all workers. A slower answer counts at once, faster ones and silence bring the average down with the time constant TIME
(default 10s), so that a server that was slow is tried again. A reply of 5xx can never make a server look faster. The cost of a server is

    average * (streams + queued + 1) / weight

and of two usable servers with a free slot, drawn at random, the cheaper one is taken (peak EWMA with two choices): no
search, and no herd that runs to the one that looks best. A server that has not answered yet gets one stream at a time.
"""

from collections.abc import Sequence

from libc.math cimport INFINITY, exp
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.shm cimport ServerShared, ServerSlot, server_usable
from haproxy_py.engine.txn cimport Txn
from balancers.base cimport Balancer, begin, finish, server_full
from balancers.registry import balancer

cdef enum:
    TRIES = 4            # pairs that are drawn at most: more than one when all drawn are full or wait for their first answer

cdef double UNKNOWN = 1e15   # cost of one that has a stream and never answered


cdef struct Pace:        # of one server
    double average_us    # when it was last asked for, 0: no answer yet
    uint64_t at_us       # then
    uint32_t weight      # that is applied, 0: not usable

cdef struct State:
    uint32_t generation  # balancers.base.StateHead
    uint32_t ready
    uint64_t dice        # state of the random numbers, never 0
    uint32_t count       # candidates


cdef class Ewma(Balancer):
    """clock_us: the time for tests; 0: the system's."""
    cdef State *st
    cdef Pace *paces
    cdef uint32_t *candidates         # usable servers of the group that serves
    cdef double tau_us
    cdef public uint64_t clock_us

    def __cinit__(self):
        self.by_time = True
        self.tau_us = 10e6

    def configure(self, words: Sequence[str]) -> None:
        """words: the time constant in ms, if one is given."""
        if words:
            self.tau_us = 1e3 * int(words[0])

    cdef size_t state_bytes(self, uint32_t servers) noexcept:
        return sizeof(State) + servers * (sizeof(Pace) + sizeof(uint32_t))

    cdef void init_state(self) noexcept:
        self.st = <State *>self.state
        self.paces = <Pace *>(<char *>self.state + sizeof(State))
        self.candidates = <uint32_t *>(<char *>self.paces + self.room * sizeof(Pace))
        self.st.dice = self.now() | 1
        self.sync()

    cdef void repair(self) noexcept:
        memset(self.paces, 0, self.room * sizeof(Pace))
        self.st.dice |= 1
        self.sync()

    def seed(self, uint64_t number) -> None:
        """Make the draws repeatable."""
        self.st.dice = number | 1

    cdef uint64_t now(self) noexcept:
        cdef sys.timespec ts
        if self.clock_us:
            return self.clock_us
        sys.clock_gettime(sys.CLOCK_MONOTONIC, &ts)
        return <uint64_t>ts.tv_sec * 1000000 + <uint64_t>ts.tv_nsec // 1000

    cdef void sync(self) noexcept:
        """Who may serve. One that comes up is unknown again: what it did before it went down says nothing."""
        cdef uint32_t i, weight, count = 0
        cdef uint8_t group = self.proxy.shared.usable == 0
        cdef int only = self.first_backup() if group and not self.allbackups else -1
        for i in range(self.count):
            weight = self.shared[i].eweight if server_usable(self.shared[i]) else 0
            if weight and not self.paces[i].weight:
                self.paces[i].average_us = 0
            self.paces[i].weight = weight
            if weight and self.shared[i].backup == group and (only < 0 or <int>i == only):
                self.candidates[count] = i
                count += 1
        self.st.count = count

    cdef void answered(self, ServerSlot server, uint64_t us, bint failed) noexcept:
        cdef int i = self.index_of(server)
        if i < 0:
            return
        begin(self)
        self.learn(&self.paces[i], <double>us, failed)
        finish(self)

    cdef void learn(self, Pace *p, double us, bint failed) noexcept:
        cdef uint64_t now = self.now()
        cdef double before = self.faded(p, now)
        if us >= before or p.average_us == 0:
            p.average_us = us if us > 1 else 1
        elif failed:
            return
        else:
            p.average_us = before if before > us else us
            p.average_us += (us - p.average_us) * (1 - exp(-(<double>(now - p.at_us) + us) / self.tau_us))
        p.at_us = now

    cdef double faded(self, Pace *p, uint64_t now) noexcept:
        """The average now: silence makes it smaller."""
        if now <= p.at_us:
            return p.average_us
        return p.average_us * exp(-<double>(now - p.at_us) / self.tau_us)

    cdef double cost(self, uint32_t i, uint64_t now) noexcept:
        cdef ServerShared *s = self.shared[i]
        cdef double load = <double>s.scur + s.qcur
        if self.paces[i].average_us == 0:
            return load * UNKNOWN
        return self.faded(&self.paces[i], now) * (load + 1) / self.paces[i].weight

    cdef uint32_t draw(self, uint32_t below) noexcept:
        """A random number of xorshift64*."""
        cdef uint64_t x = self.st.dice
        x ^= x >> 12
        x ^= x << 25
        x ^= x >> 27
        self.st.dice = x
        return <uint32_t>(((x * <uint64_t>0x2545F4914F6CDD1D) >> 32) * below >> 32)

    cdef int choose(self, Txn t) noexcept:
        cdef uint32_t n = self.st.count, k, first, second
        cdef uint64_t now
        cdef double lowest = INFINITY
        cdef int best = -1
        if n == 0:
            return -1
        if n == 1:
            return self.any_of(0, n)
        now = self.now()
        for k in range(TRIES):
            first = self.draw(n)
            second = self.draw(n - 1)
            self.compare(self.candidates[first], now, &best, &lowest)
            self.compare(self.candidates[second + (second >= first)], now, &best, &lowest)
            if lowest < UNKNOWN:
                break
        return best if best >= 0 else self.any_of(self.draw(n), n)

    cdef void compare(self, uint32_t i, uint64_t now, int *best, double *lowest) noexcept:
        """Make it the best if it is cheaper and has a free slot."""
        cdef double cost
        if <int>i == self.avoid or server_full(self.shared[i], self.proxy.shared.scur, self.fullconn):
            return
        cost = self.cost(i, now)
        if cost < lowest[0]:
            lowest[0] = cost
            best[0] = <int>i

    cdef int any_of(self, uint32_t start, uint32_t n) noexcept:
        """One that has a slot, looking at all from `start` on; the one to avoid only when there is no other."""
        cdef uint32_t k, i
        cdef int avoided = -1
        for k in range(n):
            i = self.candidates[(start + k) % n]
            if server_full(self.shared[i], self.proxy.shared.scur, self.fullconn):
                continue
            if <int>i != self.avoid:
                return <int>i
            avoided = <int>i
        return avoided

    def averages(self) -> list:
        """Microseconds by server now; 0: it has not answered yet."""
        cdef uint64_t now = self.now()
        return [self.faded(&self.paces[i], now) for i in range(self.count)]


balancer("ewma", dynamic=True, source="docs/balancers.md", argument="time")(Ewma)
