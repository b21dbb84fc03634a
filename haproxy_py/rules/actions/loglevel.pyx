"""set-log-level (manual 4.2): the level of the transaction's log line, or none at all."""

from haproxy_py.engine.txn cimport LEVEL_SILENT, Txn, V_CONTINUE
from haproxy_py.rules.rule cimport Action
from haproxy_py.rules.actionset import HTTP_REQUEST, HTTP_RESPONSE, TCP_CONTENT, TCP_RESPONSE, ActionError, action

_LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")


cdef class SetLogLevel(Action):

    cdef int level               # as Txn.log_level has it

    def __init__(self, int level) -> None:
        self.level = level

    cdef int run(self, Txn t) noexcept:
        t.log_level = <unsigned char>self.level
        return V_CONTINUE


def _set_log_level(words: list, i: int, scope: object, rules: str) -> tuple:
    """set-log-level <level>|silent"""
    word = words[i] if i < len(words) else ""
    if word != "silent" and word not in _LEVELS:
        raise ActionError("expects exactly 1 argument (log level name or 'silent')")
    return SetLogLevel(LEVEL_SILENT if word == "silent" else _LEVELS.index(word) + 1), i + 1


action("set-log-level", rules=(HTTP_REQUEST, HTTP_RESPONSE, TCP_CONTENT, TCP_RESPONSE), source="manual 4.2")(_set_log_level)
