"""The door to rules for the streams: conditions, actions, rule sets, log formats, compiled trees without bytecode."""

from libc.stdint cimport uint32_t
from haproxy_py.engine.txn cimport Txn

cdef class Cond:
    """`if ...` / `unless ...`: a tree over ACLs."""
    cdef int test(self, Txn t) noexcept                     # 1 yes, 0 no, -1 more bytes needed

cdef class Action:
    cdef public str keyword
    cdef int run(self, Txn t) noexcept                      # a Verdict

cdef class Rule:
    cdef Cond cond                                          # None: always
    cdef readonly Action action
    cdef readonly object where                              # file:line

cdef class RuleSet:
    cdef readonly list rules
    cdef int run(self, Txn t, int *cursor) noexcept         # a Verdict; *cursor: 0 first, then as left by V_WAIT or V_YIELD

cdef class UseBackend:
    """use_backend rules: `name` static or a log format."""
    cdef readonly list rules
    cdef object pick(self, Txn t)                           # backend name (str) or None; raises nothing

cdef class LogFormat:
    cdef readonly list nodes
    cdef readonly str text
    cdef int render(self, Txn t, char *out, uint32_t room) noexcept     # bytes written (cut at room)

cdef class Switch:
    """One use_backend rule. Made by rules.keywords, tried in order by UseBackend."""
    cdef Cond cond
    cdef readonly str name                                  # None: dynamic
    cdef LogFormat format
    cdef readonly object where
