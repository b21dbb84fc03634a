"""A pool of servers without sockets, for tests of balancers and of what uses them; and what their calls cost."""

from time import perf_counter_ns

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset
from haproxy_py.engine.shm cimport ProxySlot, ServerSlot, Segment, SRV_RUNNING, SRV_STOPPED
from haproxy_py.engine.txn cimport Txn
from balancers.base cimport AT_WORK, Balancer, StateHead, nbsrv, recount


cdef class Pool:
    """Args: make: a Balancer class; weights: user weights 0..256, one a server; backups: numbers of backup servers;
    maxconn: one limit a server (0: none); ids: `id` of each (default: from 1); words: behind the name on the balance line;
    room: servers that may be there in the end."""
    cdef readonly Segment segment
    cdef readonly ProxySlot proxy
    cdef readonly Balancer balancer
    cdef readonly list servers

    def __init__(self, make, weights, *, backups=(), bint allbackups=False, int workers=1, maxconn=(), ids=(), words=(), int room=0):
        room = max(room, len(weights))
        self.balancer = make()
        self.balancer.configure(words)
        self.segment = Segment(workers, proxies=1, servers=room, extra_bytes=self.balancer.state_size(room) + 64)
        self.proxy = self.segment.proxy("b")
        self.servers = []
        for i, weight in enumerate(weights):
            self.server(ids[i] if ids else i + 1, weight, i in backups, maxconn[i] if maxconn else 0)
        self.balancer.attach(self.proxy, self.servers, allbackups=allbackups, room=room)

    cdef ServerSlot server(self, int puid, uint32_t weight, bint backup, uint32_t maxconn):
        cdef ServerSlot slot = self.segment.server(self.proxy, f"s{len(self.servers)}", puid)
        slot.shared.state = SRV_RUNNING
        slot.shared.uweight = slot.shared.iweight = weight
        slot.shared.eweight = weight * 16
        slot.shared.backup = backup
        slot.shared.maxconn = maxconn
        self.servers.append(slot)
        return slot

    def add(self, uint32_t weight) -> int:
        """`add server`, up at once. Returns: its number."""
        cdef ServerSlot slot = self.server(len(self.servers) + 1, weight, False, 0)
        self.balancer.append(slot)
        self.servers.pop()
        if slot.place < <uint32_t>len(self.servers):
            self.servers[slot.place] = slot
        else:
            self.servers.append(slot)
        self.moved()
        return slot.place

    def remove(self, int i) -> None:
        """`del server`: it is down already."""
        self.balancer.remove(self.servers[i])
        self.segment.forget_server(self.servers[i])
        self.segment.free_room((<ServerSlot>self.servers[i]).room)

    def pick(self) -> int | None:
        """Number of the chosen server, from 0."""
        cdef ServerSlot slot = self.balancer.pick(None)
        return None if slot is None else <int>slot.place

    def picks(self, int n) -> list:
        return [self.pick() for _ in range(n)]

    def take(self) -> int | None:
        """pick(), and a stream stays on that server until free()."""
        cdef ServerSlot slot = self.balancer.pick(None)
        if slot is None:
            return None
        slot.shared.scur += 1
        self.proxy.shared.scur += 1
        self.balancer.load_changed(slot)
        return slot.place

    def free(self, int i) -> None:
        """A stream of server `i` ends."""
        cdef ServerSlot slot = self.servers[i]
        slot.shared.scur -= 1
        self.proxy.shared.scur -= 1
        self.balancer.load_changed(slot)

    def requests(self, int n) -> list:
        """The servers of `n` requests, each over before the next begins."""
        found = []
        for _ in range(n):
            i = self.take()
            found.append(i)
            if i is not None:
                self.free(i)
        return found

    def weight(self, int i, uint32_t weight) -> None:
        """`set server b/sI weight N`."""
        cdef ServerSlot slot = self.servers[i]
        slot.shared.uweight = weight
        slot.shared.eweight = weight * 16
        self.moved()

    def up(self, int i, bint up=True) -> None:
        cdef ServerSlot slot = self.servers[i]
        slot.shared.state = SRV_RUNNING if up else SRV_STOPPED
        self.moved()

    def down(self, int i) -> None:
        self.up(i, False)

    def limit(self, int i, uint32_t maxconn, uint32_t scur) -> None:
        """Server `i` takes maxconn streams and has scur."""
        cdef ServerSlot slot = self.servers[i]
        slot.shared.maxconn = maxconn
        slot.shared.scur = scur
        self.balancer.load_changed(slot)

    def answered(self, int i, int us, *, bint failed=False) -> None:
        """Server `i` sent a response head after so many microseconds."""
        self.balancer.answered(self.servers[i], <uint64_t>us, failed)

    def queue(self, int i, uint32_t qcur, uint32_t maxqueue) -> None:
        """Server `i` has room for maxqueue waiting streams and has qcur."""
        cdef ServerSlot slot = self.servers[i]
        slot.shared.maxqueue = maxqueue
        slot.shared.qcur = qcur
        self.balancer.load_changed(slot)

    def die_at_work(self) -> None:
        """What a worker leaves that was killed while it changed the state block."""
        (<StateHead *>self.balancer.state).ready = AT_WORK
        memset(<char *>self.balancer.state + sizeof(StateHead), 0xa5, 64)

    cdef void moved(self) noexcept:
        recount(self.proxy)
        self.proxy.shared.generation += 1

    @property
    def nbsrv(self) -> int:
        return nbsrv(self.proxy, self.balancer.allbackups)

    @property
    def tot_weight(self) -> int:
        """Sum of the effective weights in use, scaled by 16."""
        return self.proxy.shared.tot_weight


def time_requests(Balancer balancer not None, list txns not None, int n) -> float:
    """Nanoseconds of one request: its pick and, for a balancer that goes by load, the news of its beginning and its end.

    txns: engine.txn.Txn or None, taken in turn.
    """
    cdef ServerSlot slot
    cdef int i, kinds = <int>len(txns)
    start = perf_counter_ns()
    for i in range(n):
        slot = balancer.pick(<Txn>txns[i % kinds])
        if slot is not None and balancer.by_load:
            slot.shared.scur += 1
            balancer.load_changed(slot)
            slot.shared.scur -= 1
            balancer.load_changed(slot)
    return (perf_counter_ns() - start) / n


def time_changes(Balancer balancer not None, int n, bint weights) -> float:
    """Nanoseconds until a change of a server is applied: of its weight, else of its state. n: changes, an even number."""
    cdef ServerSlot slot
    cdef int i, count = <int>len(balancer.servers)
    spent = 0
    for i in range(n):
        slot = balancer.servers[(i // 2 * 7919) % count]
        start = perf_counter_ns()
        if weights:
            slot.shared.eweight = slot.shared.eweight + 16 if i % 2 == 0 else slot.shared.eweight - 16
        else:
            slot.shared.state = SRV_STOPPED if i % 2 == 0 else SRV_RUNNING
        recount(balancer.proxy)
        balancer.proxy.shared.generation += 1
        balancer.changed(slot)
        spent += perf_counter_ns() - start
    return spent / n
