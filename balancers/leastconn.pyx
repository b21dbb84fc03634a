"""balance leastconn: the server with the least streams on it and in its queue, for its weight (manual 4.2, balance).

The rank is HAProxy's: 0 for a server without a stream, else (streams + 1) * 4096 / effective weight, a whole number. Equals
are served in the order in which they came to that rank, which is round robin. The rank is looked at when a stream comes or
leaves, and counts then who waits in the server's queue; joining that queue alone does not change it. A server whose streams
and queued requests reach its maxconn is passed over; one with a maxqueue only when they reach both together: who comes to it
meanwhile waits there.
"""

from libc.stdint cimport uint32_t, uint64_t
from haproxy_py.engine.shm cimport ServerShared
from balancers.base cimport server_limit
from balancers.ranked cimport Ranked, Standing
from balancers.registry import balancer

cdef enum:
    HEAVIEST = 4096      # the effective weight of `weight 256`
    UNKNOWN = 0xffffffff


cdef class LeastConn(Ranked):
    def __cinit__(self):
        self.by_load = True
        self.overtakes = True
        self.fills_queues = True

    cdef uint64_t key(self, uint32_t i) noexcept:
        cdef ServerShared *s = self.shared[i]
        cdef Standing *p = &self.standing[i]
        cdef uint64_t streams
        if s.scur == p.load:
            return p.key
        p.load = s.scur
        streams = <uint64_t>s.scur + s.qcur
        return (streams + 1) * HEAVIEST / s.eweight if streams and s.eweight else 0

    cdef void enter(self, uint32_t i) noexcept:
        self.standing[i].load = UNKNOWN
        Ranked.enter(self, i)

    cdef bint full(self, uint32_t i) noexcept:
        cdef ServerShared *s = self.shared[i]
        return s.maxconn and s.scur + s.qcur >= server_limit(s, self.proxy.shared.scur, self.fullconn) + s.maxqueue

    cdef bint room_ever(self, uint32_t i) noexcept:
        cdef ServerShared *s = self.shared[i]
        return not s.maxconn or s.scur + s.qcur < s.maxconn + s.maxqueue


balancer("leastconn", dynamic=True, source="manual 4.2")(LeastConn)
