"""The shared segment: made by the supervisor before it forks, inherited by every worker, never resized.

A slot has one shared struct (gauges and states, changed with atomics) and an array of Counters, index 0 for retired
workers, index n for worker n. A Counters record is written by one process only; totals are sums over the array. A worker
that dies is retired by the supervisor: its totals move to index 0 and its part of every gauge is given back, so that
`maxconn` and the statistics stay exact. A pointer into the mapping is valid as long as the Segment lives.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t
from libc.stddef cimport size_t
from libc.string cimport memset
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.clock cimport clock_s
from haproxy_py.engine.counters cimport (
    busiest, clear_peaks, counters_dict, fold, number_records, rates_of, statistics_of, sum_counters, times_of, totals_count,
    word_of,
)
from haproxy_py.engine.waiting cimport Waiter

cdef extern from "<sys/mman.h>" nogil:
    void *mmap(void *addr, size_t length, int prot, int flags, int fd, long offset)
    int munmap(void *addr, size_t length)
    int PROT_READ, PROT_WRITE, MAP_SHARED, MAP_ANONYMOUS, MAP_NORESERVE
    void *MAP_FAILED

cdef extern from "<signal.h>" nogil:
    int kill(int pid, int sig)

cdef extern from "<errno.h>" nogil:
    int ESRCH

cdef extern from "<sched.h>" nogil:
    int sched_yield()

cdef extern from "<pthread.h>" nogil:
    int pthread_atfork(void (*prepare)() noexcept nogil, void (*parent)() noexcept nogil, void (*child)() noexcept nogil)

cdef enum:
    LINE = 64

cdef uint32_t own_pid = 0         # getpid() is a system call; this is kept right over fork


cdef void remember_pid() noexcept nogil:
    global own_pid
    own_pid = <uint32_t>sys.getpid()


remember_pid()
pthread_atfork(NULL, NULL, remember_pid)


cdef inline size_t rounded(size_t n) noexcept nogil:
    """`n` bytes up to whole cache lines."""
    return (n + LINE - 1) & ~<size_t>(LINE - 1)


cdef void spin_lock(uint32_t *lock) noexcept nogil:
    """Take a lock for a few instructions. A lock whose owner is no longer a process is taken over."""
    cdef int spins = 0
    cdef uint32_t owner
    while not sys.ha_cas32(lock, 0, own_pid):
        sys.ha_pause()
        spins += 1
        if spins < SPINS_BEFORE_YIELD:
            continue
        spins = 0
        owner = sys.ha_load32(lock)
        if owner and owner != own_pid and kill(<int>owner, 0) < 0 and sys.errno == ESRCH:
            if sys.ha_cas32(lock, owner, own_pid):
                return
        sched_yield()


cdef void spin_unlock(uint32_t *lock) noexcept nogil:
    """Give it back; one that was taken over meanwhile stays with its new owner."""
    sys.ha_cas32(lock, own_pid, 0)


cdef void gauge_up(uint32_t *shared, uint32_t *peak, uint64_t *mine) noexcept nogil:
    """One more: shared first, then this worker's part, so that a death in between can never make a gauge negative.

    peak may be NULL.
    """
    cdef uint32_t now = sys.ha_add32(shared, 1)
    cdef uint32_t top
    sys.ha_store64(mine, mine[0] + 1)
    if peak == NULL:
        return
    top = sys.ha_load32(peak)
    while now > top and not sys.ha_cas32(peak, top, now):
        top = sys.ha_load32(peak)


cdef void gauge_down(uint32_t *shared, uint64_t *mine) noexcept nogil:
    """One less, in the opposite order."""
    if mine[0]:
        sys.ha_store64(mine, mine[0] - 1)
    sys.ha_add32(shared, -1)


cdef void give_back(uint32_t *shared, uint64_t *part) noexcept nogil:
    """Take a dead worker's part out of a shared gauge, never below 0."""
    cdef uint32_t old, new, n = <uint32_t>sys.ha_load64(part)
    sys.ha_store64(part, 0)
    if n == 0:
        return
    while True:
        old = sys.ha_load32(shared)
        new = old - n if old > n else 0
        if sys.ha_cas32(shared, old, new):
            return


cdef class Segment:
    """Args: workers: 1..64. proxies: slots (a listen takes two). servers: rooms, those for servers added later included.
    waiters: streams of one worker that may wait for a server at one time. extra_bytes: for reserve(). Raises: ValueError, MemoryError."""

    def __cinit__(self, int workers, *, int proxies=0, int servers=0, size_t extra_bytes=0, uint32_t waiters=65536):
        cdef void *p
        cdef size_t need
        cdef size_t waiting = sizeof(Waiter) * (<size_t>waiters * (workers + 1) + 1)
        cdef int i
        if not 1 <= workers <= MAX_WORKERS:
            raise ValueError(f"a segment is shared by 1 to {MAX_WORKERS} workers, not {workers}")
        if proxies < 0 or servers < 0:
            raise ValueError("a segment has no negative number of slots")
        for i in range(MAX_WORKERS + 1):
            self.letter_fds[i] = -1
        self.workers = workers
        self.waiters_each = waiters
        self.server_rooms = servers
        self.proxies = []
        self.servers = []
        self.by_room = [None] * servers
        need = rounded(sizeof(GlobalShared)) + rounded(sizeof(WorkerShared)) * (workers + 1)
        need += self.proxy_bytes() * (proxies + 2) + self.server_bytes() * servers + rounded(4 * servers) + rounded(extra_bytes)
        need += rounded(waiting)
        self.size = (need + 4095) & ~<size_t>4095
        p = mmap(NULL, self.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        if p == MAP_FAILED:
            raise MemoryError(f"cannot map {self.size} shared bytes")
        self.base = <char *>p
        self.wake_fd = sys.eventfd(0, sys.EFD_NONBLOCK | sys.EFD_CLOEXEC)
        if self.wake_fd < 0:
            raise OSError(sys.errno, "eventfd")
        for i in range(1, workers + 1 if workers > 1 else 1):
            self.letter_fds[i] = sys.eventfd(0, sys.EFD_NONBLOCK | sys.EFD_CLOEXEC)
            if self.letter_fds[i] < 0:
                raise OSError(sys.errno, "eventfd")
        self.shared = <GlobalShared *>self.reserve(sizeof(GlobalShared))
        self.worker_parts = <WorkerShared *>self.reserve(sizeof(WorkerShared) * (workers + 1))
        self.mine = self.worker_parts
        self.room_taken = <uint32_t *>self.reserve(4 * servers + 4)      # and behind them the place to begin a search at
        if servers:
            self.rooms = <char *>self.reserve(self.server_bytes() * servers)
        self.waiters = <Waiter *>self.reserve(waiting)
        self.process = self.proxy("")
        self.tls = self.proxy("")

    def __dealloc__(self):
        cdef int i
        if self.base == NULL:          # the constructor has refused its arguments: no descriptor is set
            return
        if self.wake_fd >= 0:
            sys.close(self.wake_fd)
        for i in range(1, self.workers + 1):
            if self.letter_fds[i] >= 0:
                sys.close(self.letter_fds[i])
        munmap(self.base, self.size)

    cdef size_t proxy_bytes(self) noexcept:
        return rounded(sizeof(ProxyShared)) + rounded(sizeof(Counters) * (self.workers + 1))

    cdef size_t server_bytes(self) noexcept:
        return rounded(sizeof(ServerShared)) + rounded(sizeof(Counters) * (self.workers + 1))

    cdef void *reserve(self, size_t n) except NULL:
        """`n` zeroed bytes, 64-byte aligned, the same for every worker. Raises: MemoryError when the segment is full,
        RuntimeError in a process that shares the segment with others already."""
        cdef char *p = self.base + self.used
        if self.slot and self.workers > 1:
            raise RuntimeError("the segment cannot grow after the workers were forked")
        n = rounded(n)
        if self.used + n > self.size:
            raise MemoryError(f"the shared segment is full: {self.size} bytes, {self.used} used, {n} wanted")
        self.used += n
        return p

    cpdef void attach(self, int slot) noexcept:
        """This process is worker `slot` (from 1): its counters from here on. Called in the worker, right after the fork."""
        cdef ProxySlot proxy
        cdef ServerSlot server
        if not 1 <= slot <= self.workers:
            return
        self.slot = slot
        self.mine = &self.worker_parts[slot]
        for proxy in self.proxies:
            proxy.mine = &proxy.counters[slot]
        for server in self.servers:
            server.mine = &server.counters[slot]
        self.mine.cleared = sys.ha_load32(&self.shared.cleared)
        sys.ha_store32(&self.shared.alive[slot], own_pid)

    def proxy(self, str name not None) -> ProxySlot:
        """Hand out the next proxy slot. Raises: MemoryError, RuntimeError, see reserve()."""
        cdef char *p = <char *>self.reserve(self.proxy_bytes())
        cdef ProxySlot slot = ProxySlot.__new__(ProxySlot)
        slot.segment = self
        slot.name = name
        slot.bname = name.encode("utf-8", "surrogateescape")
        slot.servers = []
        slot.shared = <ProxyShared *>p
        slot.counters = <Counters *>(p + rounded(sizeof(ProxyShared)))
        number_records(slot.counters, self.workers + 1, 3)
        slot.mine = &slot.counters[self.slot]
        slot.number = <uint32_t>len(self.proxies)
        self.proxies.append(slot)
        return slot

    def server(self, ProxySlot proxy not None, str name not None, int puid, *, int room=-1) -> ServerSlot:
        """A server of `proxy`. room: one that claim_room() of any worker gave out; without it the next free one.

        Raises: MemoryError: every room is taken.
        """
        cdef ServerSlot slot = ServerSlot.__new__(ServerSlot)
        cdef char *p
        if room < 0:
            room = self.claim_room()
        if room >= self.server_rooms:
            raise IndexError(f"the segment has {self.server_rooms} rooms for servers, there is no number {room}")
        p = self.rooms + self.server_bytes() * room
        slot.segment = self
        slot.room = room
        slot.proxy = proxy
        slot.name = name
        slot.bname = name.encode("utf-8", "surrogateescape")
        slot.puid = puid
        slot.shared = <ServerShared *>p
        slot.counters = <Counters *>(p + rounded(sizeof(ServerShared)))
        number_records(slot.counters, self.workers + 1, 1)
        slot.mine = &slot.counters[self.slot]
        slot.shared.proxy = proxy.number + 1
        proxy.servers.append(slot)
        self.servers.append(slot)
        self.by_room[room] = slot
        return slot

    def claim_room(self) -> int:
        """Take a free server room, in any worker, at any time. Raises: MemoryError: none is left."""
        cdef uint32_t *first = &self.room_taken[self.server_rooms]
        cdef int i, n, begin = <int>sys.ha_load32(first)
        for n in range(self.server_rooms):
            i = (begin + n) % self.server_rooms
            if sys.ha_cas32(&self.room_taken[i], 0, 1):
                sys.ha_add32(&self.shared.servers_used, 1)
                sys.ha_store32(first, <uint32_t>i + 1)
                return i
        raise MemoryError(f"no room for another server: all {self.server_rooms} are taken")

    def forget_server(self, ServerSlot slot not None) -> None:
        """This process no longer has the server (it was deleted at run time); its room stays taken."""
        slot.proxy.servers.remove(slot)
        self.servers.remove(slot)
        self.by_room[slot.room] = None

    def free_room(self, int room) -> None:
        """Zero a room and let it be taken again: once, when no worker has the server any more."""
        if not 0 <= room < self.server_rooms or not self.room_taken[room]:
            raise ValueError(f"server room {room} is not taken")
        memset(self.rooms + self.server_bytes() * room, 0, self.server_bytes())
        sys.ha_add32(&self.shared.servers_used, -1)
        sys.ha_store32(&self.room_taken[room], 0)
        if <uint32_t>room < sys.ha_load32(&self.room_taken[self.server_rooms]):
            sys.ha_store32(&self.room_taken[self.server_rooms], <uint32_t>room)

    cdef void conns_up(self) noexcept:
        gauge_up(&self.shared.conns, NULL, &self.mine.conns)

    cdef void conns_down(self) noexcept:
        gauge_down(&self.shared.conns, &self.mine.conns)

    cdef void wake_others(self) noexcept:
        """Every process that watches wake_fd (edge triggered) has its turn; nobody needs to read it."""
        cdef uint64_t one = 1
        if sys.write(self.wake_fd, &one, sizeof(one)) < 0 and sys.errno == sys.EAGAIN:
            sys.read(self.wake_fd, &one, sizeof(one))
            one = 1
            sys.write(self.wake_fd, &one, sizeof(one))

    cdef ServerShared *server_at(self, uint32_t room) noexcept:
        return <ServerShared *>(self.rooms + self.server_bytes() * room)

    def slots(self) -> list:
        """The proxy slots, in the order they were handed out."""
        return self.proxies[2:]                      # without `process` and `tls`

    def wake(self) -> None:
        """wake_others() for Python."""
        self.wake_others()

    def begin_resolving(self) -> bool:
        """Note that this worker looks up names; True: none has done so before."""
        return bool(sys.ha_cas32(&self.shared.resolving, 0, 1))

    def claim_checker(self) -> bool:
        """Whether this worker runs the health checks; the first one that asks does, until it is retired or (its supervisor
        has become another program by a reload) simply gone."""
        cdef uint32_t me = <uint32_t>self.slot + 1
        cdef uint32_t other = sys.ha_load32(&self.shared.checker)
        if other > 1 and other != me and kill(<int>self.shared.alive[other - 1], 0) < 0 and sys.errno == ESRCH:
            sys.ha_cas32(&self.shared.checker, other, me)
        return bool(sys.ha_load32(&self.shared.checker) == me or sys.ha_cas32(&self.shared.checker, 0, me))

    def retire(self, int slot) -> None:
        """The worker of `slot` is dead: keep its totals, give its gauges and locks back. Called by the supervisor only.

        Raises: ValueError: no such slot.
        """
        cdef ProxySlot proxy
        cdef ServerSlot server
        cdef uint32_t pid
        if not 1 <= slot <= self.workers:
            raise ValueError(f"there is no worker slot {slot}")
        pid = sys.ha_load32(&self.shared.alive[slot])
        if pid and self.worker_parts[slot].cleared != sys.ha_load32(&self.shared.cleared):
            self.clear_slot(slot)                # it died before it had done so itself
        sys.ha_add32(&self.shared.fold_seq, 1)
        for proxy in self.proxies:
            proxy.retire(slot, pid)
        for server in self.servers:
            server.retire(slot)
        for proxy in self.proxies:
            if proxy.owner is not None:          # a backend: its queues
                proxy.owner.worker_died(slot)
        sys.ha_store32(&self.worker_parts[slot].letters, 0)
        sys.ha_store32(&self.worker_parts[slot].waiters_used, 0)
        for proxy in self.proxies:               # balancers that go by load look at every server again
            sys.ha_add32(&proxy.shared.generation, 1)
        sys.ha_add32(&self.shared.fold_seq, 1)
        give_back(&self.shared.conns, &self.worker_parts[slot].conns)
        give_back(&self.shared.waiters, &self.worker_parts[slot].waiting)
        sys.ha_cas32(&self.shared.checker, <uint32_t>slot + 1, 0)
        sys.ha_store32(&self.shared.alive[slot], 0)
        self.wake_others()

    cdef void clear_slot(self, int slot) noexcept:
        """Set the totals of one worker, or those of the dead (0), to 0."""
        cdef ProxySlot proxy
        cdef ServerSlot server
        for proxy in self.proxies:
            memset(&proxy.counters[slot], 0, totals_count() * sizeof(uint64_t))
        for server in self.servers:
            memset(&server.counters[slot], 0, totals_count() * sizeof(uint64_t))
        self.worker_parts[slot].cleared = sys.ha_load32(&self.shared.cleared)

    def clear_totals(self) -> None:
        """Set all totals to 0 (`clear counters all`): every worker calls this for its own; the supervisor, or who is alone,
        before them for the dead. One that dies in between is cleared when it is retired."""
        if self.slot == 0 or self.workers == 1:
            sys.ha_add32(&self.shared.cleared, 1)
            self.clear_slot(0)
        if self.slot:
            self.clear_slot(self.slot)

    def clear_peaks(self) -> None:
        """Forget every maximum (`clear counters`)."""
        cdef ProxySlot proxy
        cdef ServerSlot server
        for proxy in self.proxies:
            proxy.clear_peaks()
        for server in self.servers:
            server.clear_peaks()

    cdef void total(self, Counters *array, Counters *out) noexcept:
        """Sum of an array of counters over all workers, retired ones included; not torn by a retire()."""
        cdef uint32_t seq
        cdef int tries = 0
        while True:
            seq = sys.ha_load32(&self.shared.fold_seq)
            sum_counters(array, self.workers + 1, out)
            tries += 1
            if (not seq & 1 and sys.ha_load32(&self.shared.fold_seq) == seq) or tries > 10000:
                return

    def gauges(self) -> dict:
        """The process-wide numbers: conns, maxconn, stopping, checker, cum_conns, cum_req, waiters, req_id, conn_id."""
        cdef GlobalShared *g = self.shared
        return {
            "conns": g.conns, "maxconn": g.maxconn, "stopping": g.stopping, "checker": g.checker,
            "cum_conns": g.cum_conns, "cum_req": g.cum_req, "waiters": g.waiters, "req_id": g.req_id,
            "conn_id": g.conn_id, "servers_used": g.servers_used, "maxconn_reached": g.maxconn_reached,
        }

    @property
    def alive(self) -> dict:
        """Slot to process id of the workers that have attached and were not retired."""
        return {i: self.shared.alive[i] for i in range(1, self.workers + 1) if self.shared.alive[i]}

    @property
    def maxconn(self) -> int:
        """Connections of the whole process group (global maxconn); 0: no limit."""
        return self.shared.maxconn

    @maxconn.setter
    def maxconn(self, value: int) -> None:
        self.shared.maxconn = value

    def rate_limits(self) -> tuple[int, ...]:
        """Connections, sessions, TLS sessions per second of the whole process group; 0: no limit."""
        return tuple(self.shared.rate_limits[i] for i in range(RATES))

    def limit_rate(self, what: int, value: int) -> None:
        """Limit one of rate_limits() by its index, modulo 2**32 as HAProxy does; from the next connection on."""
        self.shared.rate_limits[what] = value & 0xFFFFFFFF
        self.shared.rate_limited = any(self.rate_limits())

    @property
    def max_tls(self) -> int:
        """TLS connections of the whole process group, clients and servers, that may be open; 0: no limit."""
        return self.tls.shared.fullconn

    @max_tls.setter
    def max_tls(self, value: int) -> None:
        self.tls.shared.fullconn = value

    @property
    def compression_rate(self) -> int:
        """Most bytes that are compressed in a second, all workers together; 0: no limit."""
        return self.shared.compression_rate

    @compression_rate.setter
    def compression_rate(self, value: int) -> None:
        self.shared.compression_rate = value

    @property
    def stopping(self) -> bool:
        """A soft stop is under way."""
        return self.shared.stopping != 0

    @stopping.setter
    def stopping(self, value: bool) -> None:
        sys.ha_store32(&self.shared.stopping, 1 if value else 0)


cdef class ProxySlot:
    """Segment.proxy() makes it."""

    def __init__(self):
        raise TypeError("Segment.proxy() makes the slots")

    def lock(self) -> None:
        """Take the balancer's spin lock, for Python callers: keep it for a few lines only."""
        spin_lock(&self.shared.lock)

    def unlock(self) -> None:
        """Give it back."""
        spin_unlock(&self.shared.lock)

    cdef void retire(self, int slot, uint32_t pid) noexcept:
        cdef Counters *dead = &self.counters[slot]
        if pid:
            sys.ha_cas32(&self.shared.lock, pid, 0)
            sys.ha_cas32(&self.shared.queue_lock, pid, 0)
        fold(&self.counters[0], dead)
        give_back(&self.shared.scur, &dead.scur)
        give_back(&self.shared.served, &dead.served)

    def totals(self) -> dict:
        """Counters of all workers together, by name."""
        cdef Counters sum
        self.segment.total(self.counters, &sum)
        return counters_dict(&sum)

    def gauges(self) -> dict:
        """Every field of ProxyShared by name."""
        cdef dict found = self.shared[0]
        for name in ("lock", "sessions", "queue_lock", "queue_busy", "queue_top", "queue_ticket", "queue_ms"):
            del found[name]
        return found

    def weight(self, bint allbackups) -> int:
        """Sum of the weights of those that take traffic, 0..256 each: of the first backup alone when it stands in for all."""
        cdef ServerSlot slot
        if not self.shared.usable and not allbackups:
            for slot in self.servers:
                if slot.place + 1 == <int>self.shared.first_backup:
                    return (slot.shared.eweight + 15) // 16
        return (self.shared.tot_weight + 15) // 16

    def enter(self) -> int:
        """One more stream of this worker, for Python callers; the number of all workers now."""
        gauge_up(&self.shared.scur, &self.shared.smax, &self.mine.scur)
        return self.shared.scur

    def leave(self) -> None:
        """The end of what enter() began."""
        gauge_down(&self.shared.scur, &self.mine.scur)

    def add(self, name: str, uint64_t n=1) -> None:
        """Add to this worker's counter `name`. Raises: KeyError: no such counter."""
        (<uint64_t *>self.mine)[word_of(name)] += n

    def rates(self, at_ms: int) -> tuple:
        """(sessions, requests, connections) per second at the wall time `at_ms` in milliseconds."""
        return rates_of(self.counters, self.segment.workers + 1, at_ms)

    def times(self) -> tuple:
        """(microseconds in all, requests by total time): TIME_BUCKETS counts, the i-th of those up to 256 us * 2**i."""
        cdef Counters sum
        self.segment.total(self.counters, &sum)
        return times_of(&sum)

    def statistics(self, at_ms: int) -> dict:
        """totals(), gauges() and what is computed of them at a wall time, in ms: rate, req_rate, conn_rate (per second),
        their maxima, qtime ctime rtime ttime (average ms) and their maxima, streams, last_session."""
        cdef int n = self.segment.workers + 1
        cdef Counters sum
        self.segment.total(self.counters, &sum)
        found = statistics_of(&sum, self.counters, n, at_ms)
        found.update(self.gauges())
        found["rate_max"] = max(<uint64_t>self.shared.rate_max, busiest(self.counters, n, 0))
        found["req_rate_max"] = max(<uint64_t>self.shared.req_rate_max, busiest(self.counters, n, 1))
        found["conn_rate_max"] = max(<uint64_t>self.shared.conn_rate_max, busiest(self.counters, n, 2))
        return found

    def clear_peaks(self) -> None:
        """Forget every maximum of this proxy (`clear counters`)."""
        cdef ProxyShared *s = self.shared
        clear_peaks(self.counters, self.segment.workers + 1, clock_s())
        s.rate_max = s.req_rate_max = s.conn_rate_max = 0
        s.smax = s.scur
        s.qmax = s.qcur



cdef class ServerSlot:
    """Segment.server() makes it."""

    def __init__(self):
        raise TypeError("Segment.server() makes the slots")

    cdef void retire(self, int slot) noexcept:
        cdef Counters *dead = &self.counters[slot]
        fold(&self.counters[0], dead)
        give_back(&self.shared.scur, &dead.scur)
        give_back(&self.shared.used_conns, &dead.used_conns)
        give_back(&self.shared.idle_conns, &dead.idle_conns)

    def totals(self) -> dict:
        """Counters of all workers together, by name."""
        cdef Counters sum
        self.segment.total(self.counters, &sum)
        return counters_dict(&sum)

    def gauges(self) -> dict:
        """Every field of ServerShared by name; last_chk as text, addr as the 20 bytes of an engine.addr.Addr."""
        cdef dict found = self.shared[0]
        found["last_chk"] = self.shared.last_chk.decode("utf-8", "replace")
        found["addr"] = (<char *>self.shared.addr)[:20]
        return found

    def enter(self) -> int:
        """One more stream of this worker, for Python callers; the number of all workers now."""
        gauge_up(&self.shared.scur, &self.shared.smax, &self.mine.scur)
        return self.shared.scur

    def leave(self) -> None:
        """The end of what enter() began."""
        gauge_down(&self.shared.scur, &self.mine.scur)

    def add(self, name: str, uint64_t n=1) -> None:
        """Add to this worker's counter `name`. Raises: KeyError: no such counter."""
        (<uint64_t *>self.mine)[word_of(name)] += n

    def rates(self, at_ms: int) -> tuple:
        """(sessions, requests, connections) per second at the wall time `at_ms` in milliseconds."""
        return rates_of(self.counters, self.segment.workers + 1, at_ms)

    def times(self) -> tuple:
        """(microseconds in all, requests by total time): TIME_BUCKETS counts, the i-th of those up to 256 us * 2**i."""
        cdef Counters sum
        self.segment.total(self.counters, &sum)
        return times_of(&sum)

    @property
    def usable(self) -> bool:
        """May get new traffic."""
        return server_usable(self.shared)

    def statistics(self, at_ms: int) -> dict:
        """As ProxySlot.statistics(); a server has no rates of requests and connections."""
        cdef Counters sum
        self.segment.total(self.counters, &sum)
        found = statistics_of(&sum, self.counters, self.segment.workers + 1, at_ms)
        found.update(self.gauges())
        found["rate_max"] = max(<uint64_t>self.shared.rate_max, busiest(self.counters, self.segment.workers + 1, 0))
        return found

    def clear_peaks(self) -> None:
        """Forget every maximum of this server (`clear counters`)."""
        clear_peaks(self.counters, self.segment.workers + 1, clock_s())
        self.shared.rate_max = 0
        self.shared.smax = self.shared.scur
        self.shared.qmax = self.shared.qcur
