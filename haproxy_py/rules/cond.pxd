"""Conditions (see cond.pyx). Results are 1 yes, 0 no, -1 more bytes needed."""

from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.rule cimport Cond
from haproxy_py.rules.sample cimport Expr
from haproxy_py.rules.matchers cimport Matcher

cdef class AclExpr:
    cdef readonly Expr expr
    cdef readonly Matcher matcher
    cdef int test(self, Txn t) noexcept

cdef class Acl:
    cdef readonly str name
    cdef public list lines               # AclExpr
    cdef public object owner             # the Proxy whose section it was written in; None: predefined, anonymous
    cdef public list rows                # FetchRow: every fetch that its lines use, for the checks of places
    cdef int test(self, Txn t) noexcept

cdef class Term:
    cdef readonly Acl acl
    cdef readonly bint negated

cdef class Tree(Cond):
    cdef readonly list alternatives      # of lists of Term
    cdef readonly bint unless
    cdef int all_of(self, list terms, Txn t) noexcept
