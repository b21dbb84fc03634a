"""Actions that only decide: allow, accept, reject, close, silent-drop (manual 4.2)."""

from haproxy_py.engine.txn cimport Txn, Verdict, V_STOP, V_REJECT, V_SILENT_DROP, V_CONTINUE
from haproxy_py.rules.rule cimport Action
from haproxy_py.rules.actionset import (
    HTTP_AFTER, HTTP_REQUEST, HTTP_RESPONSE, TCP_CONNECTION, TCP_CONTENT, TCP_RESPONSE, TCP_SESSION, TCP_SETS, ActionError, action, arguments)

_SOURCE = "manual 4.2"


cdef class Final(Action):
    """Says one verdict."""

    cdef int verdict

    def __init__(self, int verdict) -> None:
        self.verdict = verdict

    cdef int run(self, Txn t) noexcept:
        return self.verdict


def stop() -> Final:
    """An action that ends its rule set and nothing else."""
    return Final(V_STOP)


def _final(int verdict):
    """Parser of a word without arguments."""
    def parse(words: list, i: int, scope: object, rules: str) -> tuple:
        return Final(verdict), i
    return parse


def _silent_drop(words: list, i: int, scope: object, rules: str) -> tuple:
    """silent-drop [rst-ttl <ttl>]: the TTL of a reset is not used, the connection is only forgotten."""
    if i < len(words) and words[i] == "rst-ttl":
        i += 2
    return Final(V_SILENT_DROP), i


cdef class StrictMode(Action):
    """What a rewrite without room leads to, up to the end of the rule set."""

    cdef bint off

    def __init__(self, bint off) -> None:
        self.off = off

    cdef int run(self, Txn t) noexcept:
        t.soft_rewrites = self.off
        return V_CONTINUE


def _strict_mode(words: list, i: int, scope: object, rules: str) -> tuple:
    """strict-mode { on | off }"""
    (mode,), i = arguments(words, i, 1, "expects exactly 1 arguments")
    if mode not in ("on", "off"):
        raise ActionError(f"Unexpected value '{mode}'. Only 'on' and 'off' are supported")
    return StrictMode(mode == "off"), i


def _no_effect(count: int):
    """Parser of an action that has nothing to do here (HAProxy's own scheduling): its arguments are passed over."""
    def parse(words: list, i: int, scope: object, rules: str) -> tuple:
        return Final(V_CONTINUE), i + count
    return parse


action("allow", rules=(HTTP_REQUEST, HTTP_RESPONSE, HTTP_AFTER), source=_SOURCE)(_final(V_STOP))
action("accept", rules=TCP_SETS, source=_SOURCE)(_final(V_STOP))
action("reject", rules=(HTTP_REQUEST, *TCP_SETS), source=_SOURCE)(_final(V_REJECT))
action("close", rules=(TCP_RESPONSE,), source=_SOURCE)(_final(V_REJECT))
action("silent-drop", rules=(HTTP_REQUEST, HTTP_RESPONSE, *TCP_SETS), source=_SOURCE)(_silent_drop)
action("set-nice", rules=(HTTP_REQUEST, HTTP_RESPONSE, TCP_CONTENT), source=_SOURCE)(_no_effect(1))
action("strict-mode", rules=(HTTP_REQUEST, HTTP_RESPONSE, HTTP_AFTER), source="manual 4.2 http-request strict-mode")(_strict_mode)
