"""Texts kept for logs and capture.req.hdr(): the actions `capture`, and what the keywords capture request|response header
and capture cookie do (manual 4.2, 8.8).

They fill the slots of Txn.captures_req and captures_res; how many there are and how much each holds is told by the frontend
(ProxySlot.slots_req, slots_res). The keywords of fields become rules in front of the frontend's own.
"""

from libc.stdint cimport uint32_t
from libc.string cimport memset
from haproxy_py.engine.cookies cimport Pair, next_pair, take_attributes
from haproxy_py.engine.message cimport Head, H_COOKIE, H_SET_COOKIE
from haproxy_py.engine.txn cimport Txn, V_CONTINUE
from haproxy_py.rules.rule cimport Action
from haproxy_py.rules.sample cimport Expr, Sample, T_STR
from haproxy_py.config.units import strict_int
from haproxy_py.rules.acl import misplaced
from haproxy_py.rules.actionset import HTTP_AFTER, HTTP_REQUEST, HTTP_RESPONSE, TCP_CONTENT, ActionError, action, is_condition
from haproxy_py.rules.expr import ExprError, parse_expr
from haproxy_py.rules.registry import HTTP, LAYER6, NEEDS
from haproxy_py.rules.slots import REQUEST_SLOTS, length_of

_RECEIVED = LAYER6 | HTTP  # needs of fetches that look at what was received


cdef bint keep(Txn t, bint response, Py_ssize_t index, const char *text, uint32_t n) noexcept:
    """Put at most as many bytes as it holds into a slot of the frontend; False: it has no such slot."""
    cdef tuple slots = t.fe.slots_res if response else t.fe.slots_req
    cdef list kept = t.captures_res if response else t.captures_req
    cdef uint32_t room
    if slots is None or index < 0 or index >= len(slots):
        return False
    room = slots[index]
    if kept is None:
        kept = [None] * len(slots)
        if response:
            t.captures_res = kept
        else:
            t.captures_req = kept
    kept[index] = text[:min(n, room)]
    return True


cdef class CaptureField(Action):
    """Keeps the last field of a name."""

    cdef bytes name
    cdef Py_ssize_t index
    cdef bint response

    def __init__(self, str name, Py_ssize_t index, bint response) -> None:
        self.name = name.lower().encode("utf-8", "surrogateescape")
        self.index = index
        self.response = response

    cdef int run(self, Txn t) noexcept:
        cdef Head head = t.res if self.response else t.req
        cdef int i = -1, found = head.find(self.name, <uint32_t>len(self.name), 0)
        while found >= 0:
            i = found
            found = head.find(self.name, <uint32_t>len(self.name), i + 1)
        if i >= 0:
            keep(t, self.response, self.index, head.fields[i].value, head.fields[i].value_len)
        return V_CONTINUE


cdef class CaptureExpr(Action):
    """Keeps the value of an expression; one without value changes nothing. named: the slot was chosen by `id`. content: the
    expression looks at what was received."""

    cdef Expr expr
    cdef readonly Py_ssize_t index
    cdef readonly bint response
    cdef readonly bint named
    cdef readonly bint content

    def __init__(self, Expr expr, Py_ssize_t index, bint response, bint named, bint content=False) -> None:
        self.expr = expr
        self.index = index
        self.response = response
        self.named = named
        self.content = content

    cdef int run(self, Txn t) noexcept:
        cdef Sample s
        if self.expr.eval_as(t, &s, T_STR) > 0:
            keep(t, self.response, self.index, s.ptr, s.len)
        return V_CONTINUE


cdef class CaptureCookie(Action):
    """Keeps at most `length` bytes of the first cookie whose text, NAME=VALUE, begins with `begin` (for %CC, %CS).

    It is no rule of a set: streams run it when HAProxy looks at cookies, behind the other rules.
    """

    cdef bytes begin
    cdef public uint32_t length
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


def _expression(words: list, i: int, scope: object) -> tuple:
    """The expression and the index behind it. One that has nothing to look at here is refused."""
    used = len(scope.used)
    try:
        expr, _, i = parse_expr(words, i, scope)
    except ExprError as error:
        raise ActionError(str(error)) from None
    row = misplaced(scope.used[used:], scope.place) if scope.place else None
    if row is not None:
        raise ActionError(f"fetch method '{expr.text}' extracts information from '{NEEDS[row.needs][1]}', none of which "
                          f"is available here")
    return expr, i


def _identity(words: list, i: int) -> int:
    """The number of a slot. As in HAProxy one that is not there is 0, one below 0 names none."""
    text = words[i] if i < len(words) else ""
    if not text:
        return 0
    if strict_int(text) is None:
        raise ActionError(f"cannot parse id '{text}'")
    return strict_int(text)


def _new_slot(words: list, i: int, scope: object) -> int:
    """The next request slot, of the length that stands at words[i]."""
    if scope.proxy.kind == "backend":
        raise ActionError(f"proxy '{scope.proxy.name}' has no frontend capability")
    length = length_of(words[i] if i < len(words) else "")
    if not length:
        raise ActionError("length must be > 0")
    slots = scope.proxy[REQUEST_SLOTS]
    slots.append(length)
    return len(slots) - 1


def _http_request(words: list, i: int, scope: object, rules: str) -> tuple:
    """capture <expr> len <length> | id <slot>"""
    if i + 3 > len(words) or is_condition(words[i + 1]):
        raise ActionError("expects <expression> [ 'len' <length> | id <idx> ]")
    expr, i = _expression(words, i, scope)
    word = words[i] if i < len(words) else ""
    if word == "id":
        return CaptureExpr(expr, _identity(words, i + 1), False, True), i + 2
    if word != "len":
        raise ActionError(f"expects 'len' or 'id', found '{word}'" if word else "expects 'len' or 'id'")
    return CaptureExpr(expr, _new_slot(words, i + 1, scope), False, False), i + 2


def _http_response(words: list, i: int, scope: object, rules: str) -> tuple:
    """capture <expr> id <slot>"""
    if i + 3 > len(words) or is_condition(words[i + 1]):
        raise ActionError("expects <expression> id <idx>")
    expr, i = _expression(words, i, scope)
    word = words[i] if i < len(words) else ""
    if word != "id":
        raise ActionError(f"expects 'id', found '{word}'")
    return CaptureExpr(expr, _identity(words, i + 1), True, True), i + 2


def _tcp_request(words: list, i: int, scope: object, rules: str) -> tuple:
    """capture <expr> len <length>"""
    used = len(scope.used)
    expr, i = _expression(words, i, scope)
    if i >= len(words) or words[i] != "len":
        raise ActionError("a positive 'len' argument is mandatory")
    content = any(row.needs in _RECEIVED for row in scope.used[used:])
    return CaptureExpr(expr, _new_slot(words, i + 1, scope), False, False, content), i + 2


action("capture", rules=(HTTP_REQUEST,), source="manual 4.2 http-request capture")(_http_request)
action("capture", rules=(HTTP_RESPONSE, HTTP_AFTER), source="manual 4.2 http-response capture")(_http_response)
action("capture", rules=(TCP_CONTENT,), source="manual 4.2 tcp-request content capture")(_tcp_request)
