"""Keys that rules compute: `balance hash EXPRESSION` and `balance rdp-cookie`, which is a hash of req.rdp_cookie."""

from libc.stdint cimport uint32_t
from balancers.keys cimport KeySource
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.sample cimport Expr, Sample, T_BIN


cdef class ExprKey(KeySource):
    """The value of a sample expression as bytes. filled: an empty one is no key."""

    cdef Expr expr
    cdef bint filled

    def __init__(self, Expr expr not None, *, bint filled=False) -> None:
        self.expr = expr
        self.filled = filled

    cdef bint find(self, Txn t, const char **p, uint32_t *n) noexcept:
        cdef Sample s
        if self.expr.eval_as(t, &s, T_BIN) <= 0:
            return False
        p[0] = s.ptr
        n[0] = s.len
        return n[0] > 0 or not self.filled
