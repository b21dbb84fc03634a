"""Where a request stands in a queue, and whether it may be sent twice (manual 4.2: set-priority-class, set-priority-offset,
disable-l7-retry)."""

from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset
from haproxy_py.engine.txn cimport Txn, V_CONTINUE
from haproxy_py.rules.rule cimport Action
from haproxy_py.rules.sample cimport Expr, Sample, T_SINT, sample_cast
from haproxy_py.rules.acl import misplaced
from haproxy_py.rules.actionset import HTTP_REQUEST, TCP_CONTENT, ActionError, action
from haproxy_py.rules.expr import ExprError, parse_expr
from haproxy_py.rules.registry import NEEDS

_SOURCE = "manual 4.2"
CLASSES = 2047           # -2047..2047
OFFSETS = 524287         # ms, -524287..524287


cdef class SetPriority(Action):
    """The value of an expression, kept within -most..most; one without value changes nothing."""

    cdef Expr expr
    cdef bint offset
    cdef int64_t most

    def __init__(self, Expr expr, bint offset) -> None:
        self.expr = expr
        self.offset = offset
        self.most = OFFSETS if offset else CLASSES

    cdef int run(self, Txn t) noexcept:
        cdef Sample s
        cdef int64_t value
        memset(&s, 0, sizeof(Sample))
        if self.expr.eval(t, &s) <= 0 or sample_cast(&s, T_SINT) <= 0:
            return V_CONTINUE
        value = min(max(s.num, -self.most), self.most)
        if self.offset:
            t.prio_offset = <int32_t>value
        else:
            t.prio_class = <int32_t>value
        return V_CONTINUE


cdef class DisableRetry(Action):
    """retry-on does not send this request again; a connection that fails may still be tried again."""

    cdef int run(self, Txn t) noexcept:
        t.sent_once = True
        return V_CONTINUE


def _set_priority(words: list, i: int, scope: object, rules: str) -> tuple:
    """set-priority-class|set-priority-offset <expr>"""
    name = words[i - 1]
    used = len(scope.used)
    try:
        expr, _, i = parse_expr(words, i, scope)
    except ExprError as error:
        raise ActionError(str(error)) from None
    row = misplaced(scope.used[used:], scope.place) if scope.place else None
    if row is not None:
        raise ActionError(f"fetch method '{name}' extracts information from '{NEEDS[row.needs][1]}', none of which "
                          f"is available here")
    return SetPriority(expr, name == "set-priority-offset"), i


def _disable_retry(words: list, i: int, scope: object, rules: str) -> tuple:
    """disable-l7-retry"""
    return DisableRetry(), i


action("set-priority-class", rules=(HTTP_REQUEST, TCP_CONTENT), source=_SOURCE)(_set_priority)
action("set-priority-offset", rules=(HTTP_REQUEST, TCP_CONTENT), source=_SOURCE)(_set_priority)
action("disable-l7-retry", rules=(HTTP_REQUEST,), source=_SOURCE)(_disable_retry)
