"""capture request|response header, capture cookie, http-request capture (manual 4.2, 8.8): texts kept for logs and capture.req.hdr().

A frontend's captures fill the slots of Txn.captures_req and captures_res in the order they are written. The keywords of
fields become rules in front of the frontend's own, so that nothing else has to know of them.
"""

from libc.stdint cimport uint32_t
from libc.string cimport memset
from haproxy_py.engine.cookies cimport Pair, next_pair, take_attributes
from haproxy_py.engine.message cimport Head, H_COOKIE, H_SET_COOKIE
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


cdef class CaptureCookie(Action):
    """Keeps at most `length` bytes of the first cookie whose text, NAME=VALUE, begins with `begin` (for %CC, %CS).

    It is no rule of a set: streams run it when HAProxy looks at cookies, behind the other rules.
    """

    cdef bytes begin
    cdef uint32_t length
    cdef bint response

    def __init__(self, str begin, uint32_t length, bint response) -> None:
        self.begin = begin.encode("utf-8", "surrogateescape")
        self.length = length
        self.response = response

    cdef int run(self, Txn t) noexcept:
        cdef Head head = t.res if self.response else t.req
        cdef int field = H_SET_COOKIE if self.response else H_COOKIE
        cdef int i = head.find_id(field, 0)
        cdef bytes found = None
        while i >= 0 and found is None:
            found = self.within(head.fields[i].value, head.fields[i].value_len)
            i = head.find_id(field, i + 1)
        if found is not None:
            if self.response:
                t.srv_cookie = found
            else:
                t.req_cookie = found
        return V_CONTINUE

    cdef bytes within(self, const char *p, uint32_t n):
        """The first cookie of a field that fits, without blanks around `=`. A set-cookie has one, at its beginning."""
        cdef Pair c
        cdef bytes text
        memset(&c, 0, sizeof(c))
        c.first = True
        while next_pair(p, n, &c, not self.response):
            if self.response:
                take_attributes(p, n, &c, False)
            if c.value_end == c.equal or (p[c.name] == c'$' and not self.response):
                continue
            text = p[c.name:c.name_end] + b"=" + p[c.value:c.value_end]
            if text.startswith(self.begin):
                return text[:self.length]
        return None


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
