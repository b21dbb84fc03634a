"""Rules in order: conditions, actions, rule sets, use_backend (manual 4.2, 7.2)."""

from libc.stdint cimport uint32_t
from haproxy_py.engine.txn cimport Txn, Verdict, V_CONTINUE, V_STOP, V_WAIT, V_YIELD
from haproxy_py.rules.sample cimport page, SCRATCH_SIZE


cdef class Cond:
    """Base of conditions."""

    cdef int test(self, Txn t) noexcept:
        return 1


cdef class Action:
    """Base of actions. run() gives a Verdict; V_CONTINUE goes on with the next rule."""

    def resolve(self, world) -> None:
        """Bind names of proxies and servers to their slots."""

    cdef int run(self, Txn t) noexcept:
        return V_CONTINUE


cdef class Rule:
    """An action and when it runs."""

    def __init__(self, Action action, Cond cond, object where) -> None:
        self.action = action
        self.cond = cond
        self.where = where

    @property
    def keyword(self) -> str:
        """The action's name."""
        return self.action.keyword

    @property
    def unconditional(self) -> bool:
        """Whether it always runs."""
        return self.cond is None


cdef class RuleSet:
    """The rules of one place of one proxy. Not changed once it runs."""

    def __init__(self, list rules) -> None:
        self.rules = list(rules)

    def __len__(self) -> int:
        return len(self.rules)

    cdef int run(self, Txn t, int *cursor) noexcept:
        """Run from rule *cursor on. An action that waits or suspends leaves *cursor at itself or behind, to go on there."""
        cdef int i = cursor[0], n = len(self.rules), verdict
        cdef Rule rule
        if i == 0:
            t.soft_rewrites = False          # strict-mode is of one rule set
        while i < n:
            rule = <Rule>self.rules[i]
            if rule.cond is not None:
                verdict = rule.cond.test(t)
                if verdict < 0:
                    cursor[0] = 0            # as in HAProxy: all of them again when more is there
                    return V_WAIT
                if verdict == 0:
                    i += 1
                    continue
            verdict = rule.action.run(t)
            if verdict == V_WAIT:
                cursor[0] = i
                return V_WAIT
            i += 1
            if verdict != V_CONTINUE:
                cursor[0] = i
                return verdict
        cursor[0] = i
        return V_CONTINUE


cdef class LogFormat:
    """Base of log formats (rules.logformat.Format)."""

    cdef int render(self, Txn t, char *out, uint32_t room) noexcept:
        return 0


cdef class Switch:
    """One use_backend rule: a fixed name, or a format that gives one."""

    def __init__(self, str name, LogFormat format, Cond cond, object where) -> None:
        self.name = name
        self.format = format
        self.cond = cond
        self.where = where


cdef class UseBackend:
    """The use_backend rules of a frontend."""

    def __init__(self, list rules) -> None:
        self.rules = list(rules)

    cdef object pick(self, Txn t):
        """Name of the first rule that holds, else None. A dynamic name may be one that no backend has.

        As in HAProxy a dynamic rule whose condition holds ends the search even if no backend has that name.
        """
        cdef Switch rule
        cdef char *out
        cdef int n
        for rule in self.rules:
            if rule.cond is not None and rule.cond.test(t) <= 0:
                continue
            if rule.format is None:
                return rule.name
            out = page()
            n = rule.format.render(t, out, SCRATCH_SIZE)
            return out[:n].decode("utf-8", "surrogateescape")
        return None
