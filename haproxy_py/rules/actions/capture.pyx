"""capture request|response header, http-request capture (manual 4.2, 8.8): texts kept for logs and capture.req.hdr().

A frontend's captures fill the slots of Txn.captures_req and captures_res in the order they are written. The keywords
become rules in front of the frontend's own, so that nothing else has to know of them.
"""

from libc.stdint cimport uint32_t
from haproxy_py.engine.message cimport Head
from haproxy_py.engine.txn cimport Txn, V_CONTINUE
from haproxy_py.rules.rule cimport Action
from haproxy_py.rules.sample cimport Expr, Sample, T_STR
from haproxy_py.rules.actionset import HTTP_REQUEST, ActionError, action
from haproxy_py.rules.expr import ExprError, parse_expr
from haproxy_py.rules.slots import REQUEST_SLOTS, length_of


cdef class Capture(Action):
    """Keeps at most `length` bytes: of the last field of a name, or of an expression. `slots` has one item a slot."""

    cdef bytes name
    cdef Expr expr
    cdef uint32_t length
    cdef list slots
    cdef Py_ssize_t index
    cdef bint response

    def __init__(self, list slots, uint32_t length, bint response, str name=None, Expr expr=None) -> None:
        self.slots = slots
        self.index = len(slots)
        slots.append(name or expr.text)
        self.length = length
        self.response = response
        self.name = None if name is None else name.lower().encode("utf-8", "surrogateescape")
        self.expr = expr

    cdef int run(self, Txn t) noexcept:
        cdef bytes text = self.of_field(t.res if self.response else t.req) if self.expr is None else self.of_expr(t)
        cdef list kept = t.captures_res if self.response else t.captures_req
        if kept is None or len(kept) != len(self.slots):
            kept = [None] * len(self.slots)
            if self.response:
                t.captures_res = kept
            else:
                t.captures_req = kept
        kept[self.index] = text
        return V_CONTINUE

    cdef bytes of_field(self, Head head):
        cdef int i = -1, found = head.find(self.name, <uint32_t>len(self.name), 0)
        while found >= 0:
            i = found
            found = head.find(self.name, <uint32_t>len(self.name), i + 1)
        if i < 0:
            return None
        return head.fields[i].value[:min(self.length, head.fields[i].value_len)]

    cdef bytes of_expr(self, Txn t):
        cdef Sample s
        if self.expr.eval_as(t, &s, T_STR) <= 0:
            return None
        return s.ptr[:min(self.length, s.len)]


def _capture(words: list, i: int, scope: object, rules: str) -> tuple:
    """capture <expr> len <length>"""
    try:
        expr, _, i = parse_expr(words, i, scope)
    except ExprError as error:
        raise ActionError(str(error)) from None
    if i >= len(words) or words[i] != "len":
        raise ActionError("expects 'len' or 'id'")
    length = length_of(words[i + 1] if i + 1 < len(words) else "")
    if not length:
        raise ActionError("a positive 'len' argument is mandatory")
    if scope.proxy is None or not scope.proxy.is_frontend:
        raise ActionError("proxy is not a frontend: it has no capture slots")
    return Capture(scope.proxy[REQUEST_SLOTS], length, False, None, expr), i + 2


action("capture", rules=(HTTP_REQUEST,), source="manual 4.2 http-request capture")(_capture)
