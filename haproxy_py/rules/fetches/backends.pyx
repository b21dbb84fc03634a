"""State of proxies and servers (manual 7.3.2). Names become slots in resolve(); until then nothing is found."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from haproxy_py.engine.clock cimport clock_s
from haproxy_py.engine.counters cimport Counters
from haproxy_py.engine.shm cimport ADM_MAINT, SRV_STOPPED, ProxySlot, ServerSlot, server_limit, server_usable
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.registry import fetch
from haproxy_py.rules.sample cimport Fetch, Sample, set_bool, set_int

_SOURCE = "manual 7.3.2"

cdef enum What:
    NBSRV
    CONN
    CONN_FREE
    QUEUE
    AVG_QUEUE
    CONNSLOTS
    SESS_RATE
    REQ_RATE
    IS_UP
    SRV_WEIGHT
    SRV_IWEIGHT
    SRV_UWEIGHT

_WHAT = {"nbsrv": NBSRV, "conn": CONN, "conn_free": CONN_FREE, "queue": QUEUE, "avg_queue": AVG_QUEUE,
         "connslots": CONNSLOTS, "sess_rate": SESS_RATE, "req_rate": REQ_RATE, "is_up": IS_UP, "weight": SRV_WEIGHT,
         "iweight": SRV_IWEIGHT, "uweight": SRV_UWEIGHT}


cdef int64_t _usable(ProxySlot proxy) noexcept:
    """Servers that may get traffic; backup ones count only when no other does."""
    cdef ServerSlot server
    cdef int64_t n = 0, backups = 0
    for server in proxy.servers:
        if server_usable(server.shared):
            if server.shared.backup:
                backups += 1
            else:
                n += 1
    return n if n else backups


cdef int64_t _free(ServerSlot server) noexcept:
    """Connections that a server can still take, by its dynamic limit; -1: it has none."""
    cdef uint32_t limit
    if not server.shared.maxconn:
        return -1
    limit = server_limit(server.shared, server.proxy.shared.scur, server.proxy.shared.fullconn)
    return <int64_t>limit - server.shared.scur if limit > server.shared.scur else 0


cdef int64_t _room(ProxySlot proxy) noexcept:
    """Connections that the servers which take traffic can still take; -1: one has no limit."""
    cdef ServerSlot server
    cdef int64_t n = 0
    for server in proxy.servers:
        if not server_usable(server.shared):
            continue
        if server.shared.backup and (proxy.shared.usable or server.place + 1 != proxy.shared.first_backup):
            continue
        if not server.shared.maxconn:
            return -1
        n += _free(server)
    return n


cdef int64_t _slots(ProxySlot proxy) noexcept:
    """Connections and places in queues that are left with all servers that are up; -1: one has no limit (connslots)."""
    cdef ServerSlot server
    cdef int64_t n = 0
    for server in proxy.servers:
        if server.shared.state == SRV_STOPPED or server.shared.admin & ADM_MAINT:
            continue
        if not server.shared.maxconn or not server.shared.maxqueue:
            return -1
        n += <int64_t>server.shared.maxconn - server.shared.scur + server.shared.maxqueue - server.shared.qcur
    return n if n > 0 else 0


cdef int64_t _average_queue(ProxySlot proxy) noexcept:
    """Waiting streams for each server that takes traffic, rounded up; twice their number when there is none."""
    cdef int64_t servers = _usable(proxy)
    return (proxy.shared.pending + servers - 1) // servers if servers else <int64_t>proxy.shared.pending * 2


cdef int64_t _rate(Counters *counters, int workers, bint requests) noexcept:
    """Events of the last second over all workers, as a sliding window: whole now, the rest of the last second.

    A worker's counters are stale when it has seen nothing this second.
    """
    cdef int i
    cdef uint64_t now = clock_s(), total = 0
    for i in range(workers + 1):
        if counters[i].rate_sec == now:
            total += counters[i].req_rate_now if requests else counters[i].rate_now
            total += counters[i].req_rate_last if requests else counters[i].rate_last
        elif counters[i].rate_sec + 1 == now:
            total += counters[i].req_rate_now if requests else counters[i].rate_now
    return <int64_t>total


cdef int64_t _proxy_number(ProxySlot proxy, int what) noexcept:
    if what == NBSRV:
        return _usable(proxy)
    if what == CONN:
        return proxy.shared.scur
    if what == CONN_FREE:
        return _room(proxy)
    if what == CONNSLOTS:
        return _slots(proxy)
    if what == QUEUE:
        return proxy.shared.pending
    if what == AVG_QUEUE:
        return _average_queue(proxy)
    return _rate(proxy.counters, proxy.segment.workers, what == REQ_RATE)


cdef class ProxyNumber(Fetch):
    """nbsrv be_conn fe_conn queue ...: of the named proxy, or of the one in charge."""

    cdef int what
    cdef bint frontend
    cdef str name
    cdef ProxySlot proxy

    def setup(self, list args, what="conn", frontend=False) -> None:
        self.what = _WHAT[what]
        self.frontend = frontend
        self.name = args[0]

    def resolve(self, world) -> None:
        if self.name:
            self.proxy = world.frontend(self.name) if self.frontend else world.backend(self.name)

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef ProxySlot proxy = self.proxy
        if proxy is None and not self.name:
            proxy = t.fe if self.frontend else (t.be if t.be is not None else t.fe)
        if proxy is None:
            return 0
        set_int(s, _proxy_number(proxy, self.what))
        return 1


cdef class ServerNumber(Fetch):
    """srv_is_up srv_conn srv_queue srv_weight ...([backend/]server)."""

    cdef int what
    cdef str name
    cdef ServerSlot server

    def setup(self, list args, what="conn") -> None:
        self.what = _WHAT[what]
        self.name = args[0]

    def resolve(self, world) -> None:
        backend, slash, name = self.name.rpartition("/")
        self.server = world.server(backend, name)

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef ServerSlot server = self.server
        if server is None:
            return 0
        if self.what == IS_UP:
            set_bool(s, not server.shared.admin & ADM_MAINT and (server.shared.state != SRV_STOPPED or not server.shared.check_state & 2))
        elif self.what == CONN:
            set_int(s, server.shared.scur)
        elif self.what == CONN_FREE:
            set_int(s, _free(server))
        elif self.what == SESS_RATE:
            set_int(s, _rate(server.counters, server.segment.workers, False))
        elif self.what == QUEUE:
            set_int(s, server.shared.qcur)
        elif self.what == SRV_IWEIGHT:
            set_int(s, server.shared.iweight)
        elif self.what == SRV_UWEIGHT:
            set_int(s, server.shared.uweight)
        else:
            set_int(s, (server.shared.eweight + 15) // 16)
        return 1


for _name, _what in (("nbsrv", "nbsrv"), ("be_conn", "conn"), ("be_conn_free", "conn_free"), ("queue", "queue"),
                     ("avg_queue", "avg_queue"), ("connslots", "connslots"), ("be_sess_rate", "sess_rate")):
    fetch(_name, args="be?" if _name == "nbsrv" else "be", type="sint", needs="intrn", source=_SOURCE, what=_what)(ProxyNumber)
for _name, _what in (("fe_conn", "conn"), ("fe_sess_rate", "sess_rate"), ("fe_req_rate", "req_rate")):
    fetch(_name, args="fe", type="sint", needs="intrn", source=_SOURCE, what=_what, frontend=True)(ProxyNumber)
fetch("srv_is_up", args="srv", type="bool", needs="intrn", source=_SOURCE, what="is_up")(ServerNumber)
for _name in ("conn", "conn_free", "queue", "weight", "iweight", "uweight", "sess_rate"):
    fetch(f"srv_{_name}", args="srv", type="sint", needs="intrn", source=_SOURCE, what=_name)(ServerNumber)
