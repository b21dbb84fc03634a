"""What rules do when a buffer has no room for what they make of a head (manual 4.2, http-request strict-mode)."""

from libc.stdint cimport uint32_t
from haproxy_py.engine.message cimport Head
from haproxy_py.engine.txn cimport Txn, V_CONTINUE, V_ERROR

cdef enum:
    OF_A_FIELD = 8       # HAProxy's record of a field that is new


cdef inline int rewrite_failed(Txn t) noexcept:
    """Counted (wrew); the verdict is an error unless strict-mode is off."""
    t.rewrite_failed()
    return V_CONTINUE if t.soft_rewrites else V_ERROR


cdef inline bint may_become(Head head, uint32_t after, uint32_t before) noexcept:
    """Whether a text of `before` bytes may become one of `after` bytes."""
    return after <= before or head.fits(after - before)
