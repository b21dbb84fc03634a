"""The common part of all balancers: which servers, whose lock, when to look again (manual 4.2, balance; 5.2, backup).

Any worker may change a server's state or weight; it says so by moving ProxyShared.generation. The first pick after that
compares all servers with what the state block holds and applies the differences, in configuration order.
"""

from collections.abc import Sequence

from libc.stddef cimport size_t
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from haproxy_py.engine.shm cimport ProxySlot, ServerSlot, ServerShared, server_usable
from haproxy_py.engine.txn cimport Txn

cdef ServerShared nobody         # stands where a state block has a number and this worker no server
nobody.maxconn = nobody.scur = 1


cdef void recount(ProxySlot proxy) noexcept:
    """usable, usable_backup, first_backup and tot_weight (of those in use: active ones, else backups). The lock is held."""
    cdef ServerSlot slot
    cdef uint32_t active = 0, backup = 0, first = 0, weight = 0, backup_weight = 0
    for slot in proxy.servers:
        if not server_usable(slot.shared):
            continue
        if slot.shared.backup:
            backup += 1
            first = first or slot.place + 1
            backup_weight += slot.shared.eweight
        else:
            active += 1
            weight += slot.shared.eweight
    proxy.shared.usable = active
    proxy.shared.usable_backup = backup
    proxy.shared.first_backup = first
    proxy.shared.tot_weight = weight if active else backup_weight


cdef uint32_t nbsrv(ProxySlot proxy, bint allbackups) noexcept:
    """How many servers take traffic now (manual 7.3.2, nbsrv): the active ones, or the backups that stand in for them."""
    if proxy.shared.usable:
        return proxy.shared.usable
    if proxy.shared.usable_backup and not allbackups:
        return 1
    return proxy.shared.usable_backup


cdef class Balancer:
    """Subclasses give state_bytes, init_state, sync and choose. Life: made, attach()ed before the fork, picked from."""

    def __cinit__(self, *args, **kwargs):
        self.servers = []
        self.avoid = -1

    def __dealloc__(self):
        free(self.shared)

    def configure(self, words: Sequence[str]) -> None:
        """What stands behind the name on the `balance` line; called before anything else."""

    def state_size(self, servers: int) -> int:
        """Bytes of the shared segment wanted for `servers` servers (those that may be added at run time included)."""
        return self.state_bytes(servers)

    def attach(self, ProxySlot proxy not None, list servers not None, *, bint allbackups=False, int room=0) -> None:
        """Take charge of `servers` (ServerSlot, configuration order). Before the fork: the state block is reserved here.

        room: servers that may be there in the end, at least len(servers). Raises: MemoryError: the segment is full.
        """
        cdef ServerSlot slot
        cdef uint32_t i
        self.room = max(room, len(servers), 1)
        self.shared = <ServerShared **>calloc(self.room, sizeof(ServerShared *))
        if self.shared == NULL:
            raise MemoryError("balancer")
        for i in range(self.room):
            self.shared[i] = &nobody
        self.proxy = proxy
        self.allbackups = allbackups
        for slot in servers:
            self.append(slot)
        self.state = proxy.segment.reserve(self.state_bytes(self.room))
        recount(proxy)
        self.init_state()
        (<StateHead *>self.state).generation = proxy.shared.generation
        (<StateHead *>self.state).ready = AT_REST

    def append(self, ServerSlot slot not None) -> None:
        """One more server, at run time too: in every worker, in the same order. Raises: MemoryError: no room is left."""
        cdef uint32_t i = 0
        while i < self.count and self.shared[i] != &nobody:
            i += 1
        if i >= self.room:
            raise MemoryError(f"{self.proxy.name}: the balancer has room for {self.room} servers")
        if i == self.count:
            self.servers.append(slot)
            self.count += 1
        else:
            self.servers[i] = slot
        self.shared[i] = slot.shared
        slot.place = i
        if self.state != NULL:
            begin(self)
            self.server_added(i)
            finish(self)

    def remove(self, ServerSlot slot not None) -> None:
        """The server, in maintenance by now, is deleted: in every worker. Its number is free for another one."""
        cdef int i = self.index_of(slot)
        if i < 0:
            return
        begin(self)
        self.shared[i] = &nobody
        self.sync()
        finish(self)
        self.servers[i] = None

    cdef size_t state_bytes(self, uint32_t servers) noexcept:
        return sizeof(StateHead)

    cdef void init_state(self) noexcept:
        pass

    cdef void repair(self) noexcept:
        self.sync()

    cdef void server_added(self, uint32_t index) noexcept:
        self.sync()

    cdef void sync(self) noexcept:
        pass

    cdef int choose(self, Txn t) noexcept:
        return -1

    cdef int first_backup(self) noexcept:
        return <int>self.proxy.shared.first_backup - 1

    cdef ServerSlot pick(self, Txn t):
        return self.pick_other(t, None)

    cdef ServerSlot pick_other(self, Txn t, ServerSlot avoid):
        cdef StateHead *head = <StateHead *>self.state
        cdef int i
        begin(self)
        if head.generation != self.proxy.shared.generation:
            head.generation = self.proxy.shared.generation
            self.sync()
        self.avoid = -1 if avoid is None else self.index_of(avoid)
        i = self.choose(t)
        finish(self)
        if i < 0 or <uint32_t>i >= self.count:
            return None
        return <ServerSlot>self.servers[i]

    cdef int index_of(self, ServerSlot server) noexcept:
        cdef uint32_t i = server.place
        return <int>i if i < self.count and self.shared[i] == server.shared else -1

    cdef void load_changed(self, ServerSlot server) noexcept:
        pass

    cdef void answered(self, ServerSlot server, uint64_t us, bint failed) noexcept:
        pass

    cdef void changed(self, ServerSlot server) noexcept:
        begin(self)
        (<StateHead *>self.state).generation = self.proxy.shared.generation
        self.sync()
        finish(self)

    def next_server(self, Txn txn=None, ServerSlot avoid=None) -> ServerSlot | None:
        """pick_other() for Python: what the next stream would get; it counts as a pick."""
        return self.pick_other(txn, avoid)

    def server_changed(self, ServerSlot server not None) -> None:
        """changed() for Python: without it the next pick finds the change by itself."""
        self.changed(server)
