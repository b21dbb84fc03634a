"""Actions on the request line and the status line (manual 4.2): set-path, replace-path, set-method, set-status, ..."""

from libc.stdint cimport uint32_t
from libc.string cimport memcpy, memchr
from haproxy_py.engine.message cimport Head
from haproxy_py.engine.txn cimport Txn, V_CONTINUE, V_ERROR
from haproxy_py.rules.logformat cimport Format
from haproxy_py.rules.regex cimport Regex, MAX_GROUPS, expand
from haproxy_py.rules.rewrite cimport may_become, rewrite_failed
from haproxy_py.rules.rule cimport Action
from haproxy_py.rules.sample cimport page, SCRATCH_SIZE
from haproxy_py.rules.actionset import HTTP_AFTER, HTTP_REQUEST, HTTP_RESPONSE, ActionError, action, arguments, format_of
from haproxy_py.rules.reasons import reason

_SOURCE = "manual 4.2 http-request set-path"

cdef enum Part:
    PATH
    PATHQ
    QUERY
    URI
    METHOD


cdef void _span(Head head, int part, uint32_t *start, uint32_t *end) noexcept:
    """Where a part stands in the target. Without a path it is empty, in front of the query."""
    cdef const char *p = NULL
    cdef const char *mark
    cdef uint32_t n = 0
    start[0] = 0
    end[0] = head.target_len
    if part == URI:
        return
    if part == QUERY:
        mark = <const char *>memchr(head.target, c'?', head.target_len)
        start[0] = <uint32_t>(mark - head.target) if mark != NULL else head.target_len
        return
    head.path(&p, &n)
    if n == 0:
        mark = <const char *>memchr(head.target, c'?', head.target_len)
        start[0] = <uint32_t>(mark - head.target) if mark != NULL and part == PATH else 0
        end[0] = start[0] if part == PATH and mark != NULL else head.target_len
        return
    start[0] = <uint32_t>(p - head.target)
    if part == PATH:
        end[0] = start[0] + n


cdef bint _put(Head head, int part, const char *p, uint32_t n) noexcept:
    """Replace a part of the target. False: there is no room."""
    cdef uint32_t start, end, rest
    cdef char *out
    _span(head, part, &start, &end)
    rest = head.target_len - end
    if start + n + rest > SCRATCH_SIZE or not may_become(head, n, end - start):
        return False
    out = page()
    memcpy(out, head.target, start)
    memcpy(out + start, p, n)
    memcpy(out + start + n, head.target + end, rest)
    return head.set_target(out, start + n + rest) == 0


cdef class SetPart(Action):
    """set-path, set-pathq, set-query, set-uri, set-method."""

    cdef Format format
    cdef int part

    def __init__(self, Format format, int part) -> None:
        self.format = format
        self.part = part

    cdef int run(self, Txn t) noexcept:
        cdef char *out = page()
        cdef uint32_t n
        cdef bint done = True
        if self.part == QUERY:
            out[0] = c'?'
            n = 1 + <uint32_t>self.format.render(t, out + 1, SCRATCH_SIZE - 1)
            if n == 1:
                n = 0
        else:
            n = <uint32_t>self.format.render(t, out, SCRATCH_SIZE)
        if self.part == METHOD:
            if n:
                done = may_become(t.req, n, t.req.method_len) and t.req.set_method(out, n) == 0
        elif n or self.part == QUERY:
            done = _put(t.req, self.part, out, n)
        return V_CONTINUE if done else rewrite_failed(t)


cdef class ReplacePart(Action):
    """replace-path, replace-pathq, replace-uri: first match, back-references in the format."""

    cdef Regex regex
    cdef Format format
    cdef int part

    def __init__(self, Regex regex, Format format, int part) -> None:
        self.regex = regex
        self.format = format
        self.part = part

    cdef int run(self, Txn t) noexcept:
        cdef int groups[2 * MAX_GROUPS]
        cdef uint32_t start, end, tn
        cdef char *template
        cdef char *out
        cdef int n
        _span(t.req, self.part, &start, &end)
        if not self.regex.search(t.req.target + start, end - start, groups):
            return V_CONTINUE
        template = page()
        tn = <uint32_t>self.format.render(t, template, SCRATCH_SIZE)
        out = page()
        n = expand(template, tn, t.req.target + start, groups, out, SCRATCH_SIZE)
        if n < 0 or (n and not _put(t.req, self.part, out, n)):
            return rewrite_failed(t)
        return V_CONTINUE


cdef class SetStatus(Action):
    """set-status <status> [reason <text>]."""

    cdef int status
    cdef bytes reason

    def __init__(self, int status, bytes reason) -> None:
        self.status = status
        self.reason = reason

    cdef int run(self, Txn t) noexcept:
        """Without room it is an error in every mode, as in HAProxy."""
        if not may_become(t.res, <uint32_t>len(self.reason), t.res.reason_len):
            rewrite_failed(t)
            return V_ERROR
        t.res.set_status(self.status, self.reason, <uint32_t>len(self.reason))
        return V_CONTINUE


def _setter(part: int):
    def parse(words: list, i: int, scope: object, rules: str) -> tuple:
        (text,), i = arguments(words, i, 1, "expects exactly 1 argument <format>")
        return SetPart(format_of(text, scope), part), i
    return parse


def _replacer(part: int):
    def parse(words: list, i: int, scope: object, rules: str) -> tuple:
        (pattern, text), i = arguments(words, i, 2, "expects exactly 2 arguments <match-regex> and <replace-format>")
        try:
            regex = Regex(pattern)
        except ValueError as error:
            raise ActionError(str(error)) from None
        return ReplacePart(regex, format_of(text, scope), part), i
    return parse


def _set_status(words: list, i: int, scope: object, rules: str) -> tuple:
    """set-status <status> [reason <str>]"""
    complaint = "expects 1 argument: <status>; or 3 arguments: <status> reason <fmt>"
    (text,), i = arguments(words, i, 1, complaint)
    if not (len(text) == 3 and text.isascii() and text.isdecimal() and 100 <= int(text) <= 999):
        raise ActionError("expects an integer status code between 100 and 999")
    said = reason(int(text))
    if i < len(words) and words[i] == "reason":
        (given,), i = arguments(words, i + 1, 1, complaint)
        said = given.encode("utf-8", "surrogateescape")
    return SetStatus(int(text), said), i


for _word, _part in (("path", PATH), ("pathq", PATHQ), ("query", QUERY), ("uri", URI), ("method", METHOD)):
    action(f"set-{_word}", rules=(HTTP_REQUEST,), source=_SOURCE)(_setter(_part))
for _word, _part in (("path", PATH), ("pathq", PATHQ), ("uri", URI)):
    action(f"replace-{_word}", rules=(HTTP_REQUEST,), source=_SOURCE)(_replacer(_part))
action("set-status", rules=(HTTP_RESPONSE, HTTP_AFTER), source=_SOURCE)(_set_status)
