"""balance python.NAME: a class of the user's with one method (docs/balancers.md).

Each worker has an object of the class of its own. What it raises, or a server that it may not name, is told once and round robin goes
on in its place; the next request asks it again.
"""

from collections.abc import Callable
from traceback import format_exception_only

from libc.stdint cimport uint32_t, uint64_t
from haproxy_py.engine.addr cimport ADDR_TEXT, Addr, addr_text
from haproxy_py.engine.message cimport Field, Head
from haproxy_py.engine.shm cimport ServerShared, ServerSlot, server_usable
from haproxy_py.engine.txn cimport Txn
from balancers.base cimport Balancer, server_full
from balancers.roundrobin cimport RoundRobin

__all__ = ["PickRequest", "PickServer", "PythonBalancer"]


cdef class PickServer:
    """A server as a Python balancer sees it; the numbers are those of all workers together, at this moment."""
    cdef ServerSlot slot
    cdef public object data          # None at first: for the balancer's own notes, in this worker

    def __init__(self, ServerSlot slot not None):
        self.slot = slot

    @property
    def name(self) -> str:
        return self.slot.name

    @property
    def id(self) -> int:
        """`id` of the server line, or its number in the backend from 1."""
        return self.slot.puid

    @property
    def weight(self) -> float:
        """0 < weight <= 256, smaller while a slowstart lasts."""
        return self.slot.shared.eweight / 16

    @property
    def streams(self) -> int:
        """Requests or TCP sessions on it now."""
        return self.slot.shared.scur

    @property
    def queued(self) -> int:
        """Requests that wait for this server alone."""
        return self.slot.shared.qcur

    @property
    def maxconn(self) -> int:
        """0: no limit."""
        return self.slot.shared.maxconn

    @property
    def backup(self) -> bool:
        return self.slot.shared.backup != 0

    def __repr__(self) -> str:
        return f"<server {self.slot.name}>"


cdef class PickRequest:
    """The request that wants a server; valid during the call of pick() only. Text is latin-1: a byte a character."""
    cdef Txn txn

    @property
    def src(self) -> str:
        """IP address of the client, "unix" or "" when there is none."""
        cdef char text[ADDR_TEXT]
        cdef int n = addr_text(&self.txn.src, text) if self.txn is not None else 0
        return text[:n].decode("latin-1")

    @property
    def method(self) -> str:
        """"" when it is no HTTP request."""
        cdef Head head = self.head()
        return "" if head is None else head.method_text[:head.method_len].decode("latin-1")

    @property
    def target(self) -> str:
        """What stands behind the method: path and query, usually."""
        cdef Head head = self.head()
        return "" if head is None else head.target[:head.target_len].decode("latin-1")

    def header(self, str name not None) -> str | None:
        """The value of the first field of this name (any case)."""
        cdef Head head = self.head()
        cdef bytes key = name.lower().encode("latin-1", "replace")
        cdef int i = -1 if head is None else head.find(<const char *>key, <uint32_t>len(key), 0)
        return None if i < 0 else head.fields[i].value[:head.fields[i].value_len].decode("latin-1")

    cdef Head head(self):
        if self.txn is None or not self.txn.req_seen:
            return None
        return self.txn.req


cdef class PythonBalancer(Balancer):
    """Asks `made.pick(servers, request)`, where made = make() is the user's object."""
    cdef readonly object made
    cdef readonly str name
    cdef RoundRobin stand_in
    cdef list views                  # PickServer by place
    cdef PickRequest request
    cdef bint told

    def __init__(self, name: str, make: Callable[[], object]) -> None:
        self.name = name
        self.made = make()
        self.by_time = hasattr(self.made, "answered")
        self.stand_in = RoundRobin()
        self.views = []
        self.request = PickRequest.__new__(PickRequest)

    def state_size(self, servers: int) -> int:
        """See Balancer.state_size(): two blocks, each in cache lines of its own."""
        return Balancer.state_size(self, servers) + 64 + self.stand_in.state_size(servers)

    def attach(self, proxy, servers, *, bint allbackups=False, int room=0) -> None:
        """See Balancer.attach(); the round robin that stands in has a state block of its own."""
        Balancer.attach(self, proxy, servers, allbackups=allbackups, room=room)
        self.stand_in.attach(proxy, servers, allbackups=allbackups, room=room)

    def append(self, ServerSlot slot not None) -> None:
        """See Balancer.append()."""
        Balancer.append(self, slot)
        if self.stand_in.state != NULL:
            self.stand_in.append(slot)
        self.views[slot.place:slot.place + 1] = [PickServer(slot)]

    def remove(self, ServerSlot slot not None) -> None:
        """See Balancer.remove()."""
        Balancer.remove(self, slot)
        self.stand_in.remove(slot)

    cdef list offered(self, ServerSlot avoid):
        """Servers of the group in use with a free slot; the one to avoid only when there is no other."""
        cdef uint32_t i
        cdef int only = -1
        cdef bint group = self.proxy.shared.usable == 0
        cdef ServerShared *s
        cdef list found = []
        if group and not self.allbackups:
            only = self.first_backup()
        for i in range(self.count):
            s = self.shared[i]
            if not server_usable(s) or s.backup != group or (only >= 0 and <int>i != only):
                continue
            if (avoid is None or s != avoid.shared) and not server_full(s, self.proxy.shared.scur, self.fullconn):
                found.append(self.views[i])
        if not found and avoid is not None:
            return self.offered(None)
        return found

    cdef ServerSlot pick_other(self, Txn t, ServerSlot avoid):
        cdef list servers = self.offered(avoid)
        self.stand_in.fullconn = self.fullconn
        if not servers:
            return None
        self.request.txn = t
        try:
            found = self.made.pick(servers, self.request)
            if found is not None and found not in servers:
                raise ValueError(f"pick() gave {found!r}, which is none of the servers it was offered")
        except BaseException as wrong:
            self.fault(wrong)
            found = None
        finally:
            self.request.txn = None
        return self.stand_in.pick_other(t, avoid) if found is None else (<PickServer>found).slot

    cdef void answered(self, ServerSlot server, uint64_t us, bint failed) noexcept:
        cdef int i = self.index_of(server)
        if i < 0:
            return
        try:
            self.made.answered(self.views[i], us / 1e6, bool(failed))
        except BaseException as wrong:
            self.fault(wrong)

    cdef void fault(self, object wrong) noexcept:
        """Tell of the first one; a fault in the telling itself is dropped."""
        if self.told:
            return
        self.told = True
        try:
            text = "".join(format_exception_only(wrong)).strip()
            if self.complain is not None:
                self.complain(f"Backend {self.proxy.name}: balance python.{self.name} failed, round robin stands in: {text}")
        except Exception:
            pass
