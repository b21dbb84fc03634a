"""Actions on header fields (manual 4.2): set-header, add-header, del-header, replace-header, replace-value."""

from libc.stdint cimport uint32_t
from libc.string cimport memcmp
from haproxy_py.engine.message cimport Head, F_DROP
from haproxy_py.engine.txn cimport Txn, V_CONTINUE
from haproxy_py.rules.heads cimport next_value
from haproxy_py.rules.logformat cimport Format
from haproxy_py.rules.matchers cimport Matcher
from haproxy_py.rules.matchers import PatternError, matcher
from haproxy_py.rules.regex cimport Regex, MAX_GROUPS, expand
from haproxy_py.rules.rewrite cimport OF_A_FIELD, may_become, rewrite_failed
from haproxy_py.rules.rule cimport Action
from haproxy_py.rules.sample cimport Sample, page, set_text, SCRATCH_SIZE
from haproxy_py.rules.actionset import (
    HTTP_AFTER, HTTP_REQUEST, HTTP_RESPONSE, HTTP_SETS, ActionError, action, arguments, format_of)

_SOURCE = "manual 4.2 http-request set-header"


cdef inline Head _head(Txn t, bint response):
    return t.res if response else t.req


cdef bytes _name(str word):
    return word.lower().encode("utf-8", "surrogateescape")


cdef class SetHeader(Action):
    """set-header, add-header: the value is a format."""

    cdef bytes name
    cdef bytes fixed
    cdef Format format
    cdef bint response
    cdef bint add

    def __init__(self, str name, Format format, bint response, bint add) -> None:
        self.name = _name(name)
        self.format = format
        self.fixed = format.fixed
        self.response = response
        self.add = add

    cdef int run(self, Txn t) noexcept:
        cdef Head head = _head(t, self.response)
        cdef const char *p
        cdef char *out
        cdef uint32_t n
        if self.fixed is not None:
            p = self.fixed
            n = <uint32_t>len(self.fixed)
        else:
            out = page()
            n = <uint32_t>self.format.render(t, out, SCRATCH_SIZE)
            p = out
        while n and (p[0] == c' ' or p[0] == c'\t'):
            p += 1
            n -= 1
        while n and (p[n - 1] == c' ' or p[n - 1] == c'\t'):
            n -= 1
        if not head.fits(OF_A_FIELD + <uint32_t>len(self.name) + n):
            return self.without_room(t, head, p, n)
        if self.add:
            head.add(self.name, <uint32_t>len(self.name), p, n)
        else:
            head.set(self.name, <uint32_t>len(self.name), p, n)
        return V_CONTINUE

    cdef int without_room(self, Txn t, Head head, const char *p, uint32_t n) noexcept:
        """What set-header takes away may make room; it is gone in any case."""
        if not self.add and head.remove(self.name, <uint32_t>len(self.name)):
            if head.fits(OF_A_FIELD + <uint32_t>len(self.name) + n):
                head.add(self.name, <uint32_t>len(self.name), p, n)
                return V_CONTINUE
        return rewrite_failed(t)


cdef class DelHeader(Action):
    """del-header name [-m method]: str (default) beg end sub reg."""

    cdef bytes name
    cdef Matcher matcher
    cdef bint response

    def __init__(self, str name, Matcher matcher, bint response) -> None:
        self.name = _name(name)
        self.matcher = matcher
        self.response = response

    cdef int run(self, Txn t) noexcept:
        cdef Head head = _head(t, self.response)
        cdef Sample s
        cdef int i
        if self.matcher is None:
            head.remove(self.name, <uint32_t>len(self.name))
            return V_CONTINUE
        for i in range(head.count):
            if head.fields[i].flags & F_DROP:
                continue
            set_text(&s, head.fields[i].name, head.fields[i].name_len)
            if self.matcher.match(&s):
                head.touch()
                head.fields[i].flags |= F_DROP
        return V_CONTINUE


cdef class Replace(Action):
    """replace-header: each field's whole value; replace-value: each value of a comma list. First match of the regex."""

    cdef bytes name
    cdef Regex regex
    cdef Format format
    cdef bint response
    cdef bint values

    def __init__(self, str name, Regex regex, Format format, bint response, bint values) -> None:
        self.name = _name(name)
        self.regex = regex
        self.format = format
        self.response = response
        self.values = values

    cdef int run(self, Txn t) noexcept:
        cdef Head head = _head(t, self.response)
        cdef char *template = page()
        cdef uint32_t tn = <uint32_t>self.format.render(t, template, SCRATCH_SIZE)
        cdef int i = 0
        while True:
            i = head.find(self.name, <uint32_t>len(self.name), i)
            if i < 0:
                return V_CONTINUE
            if not (self.each(head, i, template, tn) if self.values else self.whole(head, i, template, tn)):
                return rewrite_failed(t)
            i += 1

    cdef bint whole(self, Head head, int i, const char *template, uint32_t tn) noexcept:
        """False: there is no room."""
        cdef int groups[2 * MAX_GROUPS]
        cdef const char *p = head.fields[i].value
        cdef char *out
        cdef int n
        if not self.regex.search(p, head.fields[i].value_len, groups):
            return True
        out = page()
        n = expand(template, tn, p, groups, out, SCRATCH_SIZE)
        if n < 0 or not may_become(head, n, head.fields[i].value_len):
            return False
        return head.set_value(i, out, n) == 0

    cdef bint each(self, Head head, int i, const char *template, uint32_t tn) noexcept:
        """Rewrite the values that match, leave the text between them. False: there is no room."""
        cdef int groups[2 * MAX_GROUPS]
        cdef const char *p = head.fields[i].value
        cdef uint32_t n = head.fields[i].value_len, at = 0, start = 0, end = 0, copied = 0, k = 0
        cdef char *out = page()
        cdef int got
        cdef bint changed = False
        while next_value(p, n, &at, &start, &end):
            if end == start or not self.regex.search(p + start, end - start, groups):
                continue
            k = _append(out, k, p + copied, start - copied)
            got = expand(template, tn, p + start, groups, out + k, SCRATCH_SIZE - k)
            if got < 0:
                return False
            k += got
            copied = end
            changed = True
        if not changed:
            return True
        if k + n - copied > SCRATCH_SIZE or not may_become(head, k + n - copied, n):
            return False
        k = _append(out, k, p + copied, n - copied)
        return head.set_value(i, out, k) == 0


cdef uint32_t _append(char *out, uint32_t k, const char *p, uint32_t n) noexcept nogil:
    """Copy behind out[k], as much as fits."""
    cdef uint32_t i
    if n > SCRATCH_SIZE - k:
        n = SCRATCH_SIZE - k
    for i in range(n):
        out[k + i] = p[i]
    return k + n


def _setter(add: bool):
    def parse(words: list, i: int, scope: object, rules: str) -> tuple:
        (name, value), i = arguments(words, i, 2, "expects exactly 2 arguments")
        return SetHeader(name, format_of(value, scope), rules != HTTP_REQUEST, add), i
    return parse


def _del_header(words: list, i: int, scope: object, rules: str) -> tuple:
    """del-header <name> [-m <method>]"""
    (name,), i = arguments(words, i, 1, "expects at least 1 argument")
    made = None
    if i < len(words) and words[i] == "-m":
        (method,), i = arguments(words, i + 1, 1, "-m flag expects exactly 1 argument")
        if method not in ("str", "beg", "end", "sub", "reg"):
            raise ActionError(f"unknown match method '{method}'")
        if method != "str":
            made = _pattern(method, name)
    return DelHeader(name, made, rules != HTTP_REQUEST), i


def _pattern(method: str, name: str) -> Matcher:
    made = matcher(method, False)                    # names are in lower case; a regex says itself how it compares
    try:
        made.add(name if method == "reg" else name.lower())
    except PatternError as error:
        raise ActionError(str(error)) from None
    return made


def _replacer(values: bool):
    def parse(words: list, i: int, scope: object, rules: str) -> tuple:
        (name, pattern, text), i = arguments(words, i, 3, "expects exactly 3 arguments")
        try:
            regex = Regex(pattern)
        except ValueError as error:
            raise ActionError(str(error)) from None
        return Replace(name, regex, format_of(text, scope), rules != HTTP_REQUEST, values), i
    return parse


action("set-header", rules=HTTP_SETS, source=_SOURCE)(_setter(False))
action("add-header", rules=HTTP_SETS, source=_SOURCE)(_setter(True))
action("del-header", rules=HTTP_SETS, source=_SOURCE)(_del_header)
action("replace-header", rules=HTTP_SETS, source=_SOURCE)(_replacer(False))
action("replace-value", rules=HTTP_SETS, source=_SOURCE)(_replacer(True))
