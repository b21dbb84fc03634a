"""Actions that answer: deny, tarpit, return (manual 4.2)."""

from haproxy_py.engine.reply cimport Reply, rule_reply
from haproxy_py.engine.txn cimport Txn, V_DENY, V_REPLY, V_TARPIT
from haproxy_py.rules.logformat cimport Format
from haproxy_py.rules.rule cimport Action
from haproxy_py.rules.sample cimport page, SCRATCH_SIZE
from haproxy_py.engine.reply import ErrorFileFault, from_errorfile
from haproxy_py.rules.actionset import HTTP_REQUEST, HTTP_RESPONSE, ActionError, action, is_condition
from haproxy_py.rules.reasons import reason
from haproxy_py.rules.replies import parse_reply

_SOURCE = "manual 4.2 http-request return"


cdef bytes _rendered(Format format, Txn t):
    cdef char *out = page()
    cdef int n = format.render(t, out, SCRATCH_SIZE)
    return out[:n]


cdef class Answer(Action):
    """deny, tarpit, return. What does not depend on the request is made once.

    Without content of its own the reply stays None and the proxy's page for reply_status is sent.
    """

    cdef int verdict
    cdef int status
    cdef bytes phrase
    cdef list fields             # [(name, bytes or Format)]
    cdef bytes body
    cdef Format format
    cdef bytes content_type
    cdef bint page               # the proxy's own page
    cdef Reply fixed

    def __init__(self, object spec, int verdict) -> None:
        self.verdict = verdict
        self.status = spec.status
        self.phrase = reason(spec.status)
        self.page = spec.kind == "default-errorfiles"
        self.body = spec.body
        self.format = spec.format
        self.fields = [(name, made.fixed if made.fixed is not None else made) for name, made in spec.fields]
        self.content_type = None if spec.content_type is None else spec.content_type.encode("utf-8", "surrogateescape")
        if spec.kind == "errorfile":
            self.fixed = from_errorfile(spec.body, logged=spec.status)
        elif self.format is None and all(isinstance(value, bytes) for _, value in self.fields) and not self.page:
            self.fixed = self.make(None)

    cdef Reply make(self, Txn t):
        """The reply for one transaction."""
        cdef list fields = []
        for name, value in self.fields:
            fields.append((name, value if isinstance(value, bytes) else _rendered(value, t)))
        return rule_reply(self.status, self.phrase, fields, self.body if self.format is None else _rendered(self.format, t),
                          self.content_type)

    cdef int run(self, Txn t) noexcept:
        t.reply_status = self.status
        t.reply = None
        if not self.page:
            t.reply = self.fixed if self.fixed is not None else self.make(t)
        return self.verdict


def _legacy(words: list, i: int) -> bool:
    """Nothing, or only deny_status and a code: the proxy's page. Any other word makes it a reply like that of `return`."""
    if i < len(words) and words[i] == "deny_status":
        i += 2
    return i >= len(words) or is_condition(words[i])


def _answer(words: list, i: int, scope: object, verdict: int, status: int, names: tuple, fallback: str) -> tuple:
    spec, i = parse_reply(words, i, scope, status=status, names=names, fallback=fallback)
    try:
        return Answer(spec, verdict), i
    except ErrorFileFault as fault:
        raise ActionError(f"'{spec.path}': {fault}") from None


def _deny(verdict: int, default: int):
    def parse(words: list, i: int, scope: object, rules: str) -> tuple:
        status = 502 if rules == HTTP_RESPONSE else default
        fallback = "default-errorfiles" if _legacy(words, i) else "string"
        return _answer(words, i, scope, verdict, status, ("status", "deny_status"), fallback)
    return parse


def _return(words: list, i: int, scope: object, rules: str) -> tuple:
    """return [status <code>] [content-type <type>] [...]"""
    return _answer(words, i, scope, V_REPLY, 200, ("status",), "string")


action("deny", rules=(HTTP_REQUEST, HTTP_RESPONSE), source=_SOURCE)(_deny(V_DENY, 403))
action("tarpit", rules=(HTTP_REQUEST,), source=_SOURCE)(_deny(V_TARPIT, 500))
action("return", rules=(HTTP_REQUEST, HTTP_RESPONSE), source=_SOURCE)(_return)
