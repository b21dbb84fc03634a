"""Variables of rules (manual 2.8): set-var, var(). A name becomes an index while the configuration loads."""

from libc.stdint cimport uint32_t
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.sample cimport Sample

cdef enum VarScope:
    V_PROC = 0
    V_SESS = 1
    V_TXN = 2
    V_REQ = 3
    V_RES = 4
    V_CHECK = 5
    V_SCOPES = 6

cdef struct Var:
    bint set
    Sample value             # texts point to `text`
    char *text
    uint32_t room

cdef class VarStore:
    cdef Var *vars[6]
    cdef uint32_t counts[6]
    cdef Var *slot(self, int scope, uint32_t index, bint make) noexcept
    cdef void drop(self, int scope) noexcept

cdef Var *var_find(Txn t, int scope, uint32_t index) noexcept               # NULL: not set
cdef int var_store(Txn t, int scope, uint32_t index, Sample *s) noexcept    # copies; 1 done, 0 no memory
cdef void var_forget(Txn t, int scope, uint32_t index) noexcept
cdef void vars_end_request(Txn t) noexcept         # a transaction is over: only the session's variables stay
