"""Variables of rules (manual 2.8).

Txn.vars holds a VarStore from the first set-var on, None before. The scopes sess, txn, req, res and check (of a health check) live in it; the stream
calls vars_end_request() when a transaction ends. proc is one store for the process.
"""

from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memset
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.sample cimport Sample, T_BIN, T_METH, T_STR

SCOPES = {"proc": V_PROC, "sess": V_SESS, "txn": V_TXN, "req": V_REQ, "res": V_RES, "check": V_CHECK}
_names: dict = {}
_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.")


def variable(str name) -> tuple:
    """(scope number, index) of "txn.name"; the same name always gives the same. Raises ValueError in HAProxy's words."""
    scope, dot, rest = name.partition(".")
    if not dot or scope not in SCOPES:
        raise ValueError(f"invalid variable name '{name}'. A variable name must be start by its scope. "
                         "The scope can be 'proc', 'sess', 'txn', 'req', 'res' or 'check'")
    if not rest or any(c not in _ALLOWED for c in rest):
        raise ValueError(f"invalid variable name '{name}'. The name must contain only letters, digits, '_' and '.'")
    known = _names.setdefault(scope, {})
    return SCOPES[scope], known.setdefault(rest, len(known))


cdef class VarStore:
    """Values by scope and index; memory of texts is kept for the next value."""

    def __dealloc__(self) -> None:
        cdef int scope
        cdef uint32_t i
        for scope in range(V_SCOPES):
            for i in range(self.counts[scope]):
                free(self.vars[scope][i].text)
            free(self.vars[scope])

    cdef Var *slot(self, int scope, uint32_t index, bint make) noexcept:
        """The variable, or NULL when it was never made."""
        cdef Var *bigger
        cdef uint32_t n = self.counts[scope]
        if index < n:
            return &self.vars[scope][index]
        if not make:
            return NULL
        bigger = <Var *>realloc(self.vars[scope], (index + 4) * sizeof(Var))
        if bigger == NULL:
            return NULL
        memset(bigger + n, 0, (index + 4 - n) * sizeof(Var))
        self.vars[scope] = bigger
        self.counts[scope] = index + 4
        return &bigger[index]

    cdef void drop(self, int scope) noexcept:
        """Forget every value of a scope."""
        cdef uint32_t i
        for i in range(self.counts[scope]):
            self.vars[scope][i].set = False


cdef VarStore _process = VarStore()


cdef Var *var_find(Txn t, int scope, uint32_t index) noexcept:
    cdef VarStore store = _process if scope == V_PROC else <VarStore>t.vars
    cdef Var *v
    if store is None:
        return NULL
    v = store.slot(scope, index, False)
    return v if v != NULL and v.set else NULL


cdef int var_store(Txn t, int scope, uint32_t index, Sample *s) noexcept:
    cdef VarStore store = _process
    cdef Var *v
    cdef char *bigger
    if scope != V_PROC:
        if t.vars is None:
            t.vars = VarStore()
        store = <VarStore>t.vars
    v = store.slot(scope, index, True)
    if v == NULL:
        return 0
    if s.type == T_STR or s.type == T_BIN or s.type == T_METH:
        if s.len + 1 > v.room:
            bigger = <char *>realloc(v.text, s.len + 1)
            if bigger == NULL:
                return 0
            v.text = bigger
            v.room = s.len + 1
        if s.len:
            memcpy(v.text, s.ptr, s.len)
    v.value = s[0]
    v.value.ptr = v.text
    v.set = True
    return 1


cdef void var_forget(Txn t, int scope, uint32_t index) noexcept:
    cdef Var *v = var_find(t, scope, index)
    if v != NULL:
        v.set = False


cdef void vars_end_request(Txn t) noexcept:
    """Forget the variables of scopes txn, req and res."""
    cdef VarStore store = <VarStore>t.vars
    if store is not None:
        store.drop(V_TXN)
        store.drop(V_REQ)
        store.drop(V_RES)
