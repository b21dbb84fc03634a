"""balance static-rr: round robin whose weights are fixed, by a table of turns (manual 4.2, balance; balancers.map)."""

from balancers.hashed cimport Hashed
from balancers.registry import balancer


cdef class StaticRoundRobin(Hashed):
    """The map of the hash algorithms, gone through place by place."""

    def __cinit__(self):
        self.holds = False
        self.one_is_keyed = False


balancer("static-rr", dynamic=False, source="manual 4.2")(StaticRoundRobin)
