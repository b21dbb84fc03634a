"""Balancers that choose by a number made from the request."""

from libc.stdint cimport uint32_t
from haproxy_py.engine.txn cimport Txn
from balancers.base cimport Balancer
from balancers.keys cimport KeySource
from balancers.layout cimport Layout

cdef class Hashed(Balancer):
    cdef readonly KeySource source
    cdef readonly Layout layout
    cdef readonly bint dynamic         # weights may change at run time: the ring's may, a map's not
    cdef bint one_is_keyed             # a server alone is found without a key, and no turn is taken
    cdef uint32_t hash                 # of the pick under way
    cdef bint keyed                    # ... if it has a key
    cdef bint digest(self, Txn t) noexcept
