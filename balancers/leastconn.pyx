"""balance leastconn: the server with the least streams on it and in its queue, for its weight (manual 4.2, balance).

The rank is HAProxy's: 0 for a server without a stream, else (streams + 1) * 4096 / effective weight, a whole number. Equals
are served in the order in which they came to that rank, which is round robin. A server whose streams and queued requests
reach its maxconn is passed over.
"""

from libc.stdint cimport uint32_t, uint64_t
from haproxy_py.engine.shm cimport ServerShared
from balancers.base cimport server_limit
from balancers.ranked cimport Ranked
from balancers.registry import balancer

cdef enum:
    HEAVIEST = 4096      # the effective weight of `weight 256`


cdef class LeastConn(Ranked):
    def __cinit__(self):
        self.by_load = True

    cdef uint64_t key(self, uint32_t i) noexcept:
        cdef ServerShared *s = self.shared[i]
        cdef uint64_t streams = <uint64_t>s.scur + s.qcur
        return (streams + 1) * HEAVIEST / s.eweight if streams and s.eweight else 0

    cdef bint full(self, uint32_t i) noexcept:
        cdef ServerShared *s = self.shared[i]
        return s.maxconn and s.scur + s.qcur >= server_limit(s, self.proxy.shared.scur, self.fullconn)

    cdef bint room_ever(self, uint32_t i) noexcept:
        cdef ServerShared *s = self.shared[i]
        return not s.maxconn or s.scur + s.qcur < s.maxconn


balancer("leastconn", dynamic=True, source="manual 4.2")(LeastConn)
