"""Conditions: ACL expressions, named ACLs, and the or-of-ands behind if and unless (manual 7.1, 7.2)."""

from libc.string cimport memset
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.rule cimport Cond
from haproxy_py.rules.sample cimport Sample, Expr, sample_cast, S_MORE, S_MAY_CHANGE
from haproxy_py.rules.matchers cimport Matcher

cdef inline bint _final(Txn t) noexcept:
    """Whether no more bytes can change a sample: HTTP heads are complete, a waiting time is over."""
    return t.payload_final or t.req_seen


cdef class AclExpr:
    """One acl line: an expression and its patterns. Several occurrences are tried in turn."""

    def __init__(self, Expr expr, Matcher matcher) -> None:
        self.expr = expr
        self.matcher = matcher

    def resolve(self, world) -> None:
        """Bind the expression."""
        self.expr.resolve(world)

    cdef int test(self, Txn t) noexcept:
        cdef Sample s
        cdef int rc
        cdef bint wait = False
        memset(&s, 0, sizeof(Sample))
        s.iterate = 1
        while True:
            rc = self.expr.eval(t, &s)
            if rc < 0:
                return 0 if _final(t) else -1
            if s.flags & S_MAY_CHANGE:
                wait = True
            if rc > 0 and sample_cast(&s, self.matcher.want) and self.matcher.match(&s):
                return 1
            if not s.flags & S_MORE:
                return -1 if wait and not _final(t) else 0


cdef class Acl:
    """A named ACL: true when one of its lines is."""

    def __init__(self, str name) -> None:
        self.name = name
        self.lines = []
        self.rows = []

    cdef int test(self, Txn t) noexcept:
        cdef AclExpr line
        cdef int rc, result = 0
        for line in self.lines:
            rc = line.test(t)
            if rc > 0:
                return 1
            if rc < 0:
                result = -1
        return result


cdef class Term:
    """An ACL, perhaps negated."""

    def __init__(self, Acl acl, bint negated) -> None:
        self.acl = acl
        self.negated = negated


cdef class Tree(Cond):
    """`if` or `unless`: alternatives, each a list of terms that must all hold. No term at all: always true."""

    def __init__(self, list alternatives, bint unless) -> None:
        self.alternatives = alternatives
        self.unless = unless

    cdef int all_of(self, list terms, Txn t) noexcept:
        cdef Term term
        cdef int rc, result = 1
        for term in terms:
            rc = term.acl.test(t)
            if rc >= 0 and term.negated:
                rc = not rc
            if rc == 0:
                return 0
            if rc < 0:
                result = -1
        return result

    cdef int test(self, Txn t) noexcept:
        cdef int rc, result = 0
        cdef list terms
        for terms in self.alternatives:
            rc = self.all_of(terms, t)
            if rc > 0:
                result = 1
                break
            if rc < 0:
                result = -1
        if self.unless and result >= 0:
            return not result
        return result
