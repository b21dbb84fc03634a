"""Actions that answer: deny, tarpit, return (manual 4.2)."""

from haproxy_py.engine.reply cimport Reply
from haproxy_py.engine.txn cimport Txn, V_DENY, V_REPLY, V_TARPIT
from haproxy_py.rules.logformat cimport Format
from haproxy_py.rules.rule cimport Action
from haproxy_py.rules.sample cimport page, SCRATCH_SIZE
from haproxy_py.rules.actionset import HTTP_REQUEST, HTTP_RESPONSE, action
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
    cdef bint raw                # an errorfile
    cdef Reply fixed

    def __init__(self, object spec, int verdict) -> None:
        self.verdict = verdict
        self.status = spec.status
        self.phrase = reason(spec.status)
        self.page = spec.kind == "default-errorfiles"
        self.raw = spec.kind == "errorfile"
        self.body = spec.body
        self.format = spec.format
        self.fields = [(name, made.fixed if made.fixed is not None else made) for name, made in spec.fields]
        self.content_type = None if spec.content_type is None else spec.content_type.encode("utf-8", "surrogateescape")
        if self.format is None and all(isinstance(value, bytes) for _, value in self.fields) and not self.page:
            self.fixed = self.make(None)

    cdef Reply make(self, Txn t):
        """The reply for one transaction: fields of hdr, then content-type (Reply adds content-length)."""
        cdef Reply reply = Reply.__new__(Reply)
        cdef bytes body = self.body if self.format is None else _rendered(self.format, t)
        reply.status = self.status
        reply.reason = self.phrase
        reply.raw = self.raw
        reply.body = body
        reply.fields = []
        for name, value in self.fields:
            reply.fields.append((name, value if isinstance(value, bytes) else _rendered(value, t)))
        if body and not self.raw and self.content_type is not None:
            reply.fields.append((b"content-type", self.content_type))
        return reply

    cdef int run(self, Txn t) noexcept:
        t.reply_status = self.status
        t.reply = None
        if not self.page:
            t.reply = self.fixed if self.fixed is not None else self.make(t)
        return self.verdict


def _deny(verdict: int, default: int):
    def parse(words: list, i: int, scope: object, rules: str) -> tuple:
        status = 502 if rules == HTTP_RESPONSE else default
        names = ("status", "deny_status")
        spec, i = parse_reply(words, i, scope, status=status, names=names, fallback="default-errorfiles")
        return Answer(spec, verdict), i
    return parse


def _return(words: list, i: int, scope: object, rules: str) -> tuple:
    """return [status <code>] [content-type <type>] [...]"""
    spec, i = parse_reply(words, i, scope, status=200, names=("status",), fallback="string")
    return Answer(spec, V_REPLY), i


action("deny", rules=(HTTP_REQUEST, HTTP_RESPONSE), source=_SOURCE)(_deny(V_DENY, 403))
action("tarpit", rules=(HTTP_REQUEST,), source=_SOURCE)(_deny(V_TARPIT, 500))
action("return", rules=(HTTP_REQUEST, HTTP_RESPONSE), source=_SOURCE)(_return)
