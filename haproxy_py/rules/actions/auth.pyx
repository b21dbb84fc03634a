"""http-request auth (manual 4.2): ask the client for a name and a password (RFC 7617)."""

from haproxy_py.engine.txn cimport Txn, V_REPLY
from haproxy_py.rules.rule cimport Action
from haproxy_py.rules.actionset import HTTP_REQUEST, ActionError, action


cdef class Challenge(Action):
    """Answers with the page of 401 and a www-authenticate field."""

    cdef list fields

    def __init__(self, str realm) -> None:
        self.fields = [(b"www-authenticate", b'Basic realm="%b"' % realm.encode("utf-8", "surrogateescape"))]

    cdef int run(self, Txn t) noexcept:
        t.reply = None
        t.reply_status = 401
        t.reply_fields = self.fields
        return V_REPLY


def _auth(words: list, i: int, scope: object, rules: str) -> tuple:
    """auth [realm <realm>]: the proxy's name by default."""
    realm = scope.proxy.name if scope.proxy is not None else ""
    if i < len(words) and words[i] == "realm":
        if i + 1 >= len(words) or not words[i + 1]:
            raise ActionError("missing realm value.\n")
        realm = words[i + 1]
        i += 2
    return Challenge(realm), i


action("auth", rules=(HTTP_REQUEST,), source="manual 4.2 http-request auth")(_auth)
