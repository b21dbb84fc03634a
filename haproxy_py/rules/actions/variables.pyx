"""set-var, set-var-fmt, unset-var (manual 4.2)."""

from libc.stdint cimport uint32_t
from libc.string cimport memset
from haproxy_py.engine.txn cimport Txn, V_CONTINUE, V_WAIT
from haproxy_py.rules.logformat cimport Format
from haproxy_py.rules.rule cimport Action
from haproxy_py.rules.sample cimport Expr, Sample, page, set_text, SCRATCH_SIZE
from haproxy_py.rules.vars cimport var_find, var_forget, var_store
from haproxy_py.rules.actionset import HTTP_SETS, TCP_SETS, ActionError, action, format_of, is_condition
from haproxy_py.rules.acl import misplaced
from haproxy_py.rules.expr import ExprError, parse_expr
from haproxy_py.rules.registry import NEEDS
from haproxy_py.rules.vars import variable

_SOURCE = "manual 4.2 http-request set-var"
_CONDITIONS = ("ifexists", "ifnotexists", "ifempty", "ifnotempty", "ifset", "ifnotset", "ifgt", "iflt")


cdef class SetVar(Action):
    """Stores an expression's value with its type; one without value unsets the variable."""

    cdef int scope
    cdef uint32_t index
    cdef Expr expr
    cdef Format format
    cdef frozenset conditions

    def __init__(self, str name, Expr expr, Format format, conditions=frozenset()) -> None:
        self.scope, self.index = variable(name)
        self.expr = expr
        self.format = format
        self.conditions = conditions

    cdef int run(self, Txn t) noexcept:
        cdef Sample s
        cdef char *out
        cdef int rc = 1
        memset(&s, 0, sizeof(Sample))
        if self.format is not None:
            out = page()
            set_text(&s, out, <uint32_t>self.format.render(t, out, SCRATCH_SIZE))
        else:
            rc = self.expr.eval(t, &s)
        if rc < 0 and not t.payload_final and not t.req_seen:
            return V_WAIT
        if rc <= 0:
            var_forget(t, self.scope, self.index)
        elif not self.conditions or self.allowed(t, &s):
            var_store(t, self.scope, self.index, &s)
        return V_CONTINUE

    cdef bint allowed(self, Txn t, Sample *s) noexcept:
        """The conditions behind the name (3.x: set-var(name,ifexists...))."""
        cdef bint known = var_find(t, self.scope, self.index) != NULL
        cdef bint empty = s.len == 0 and s.type >= 6
        if "ifexists" in self.conditions and not known:
            return False
        if "ifnotexists" in self.conditions and known:
            return False
        if "ifempty" in self.conditions and not empty:
            return False
        return not ("ifnotempty" in self.conditions and empty)


cdef class UnsetVar(Action):
    """Forgets a variable."""

    cdef int scope
    cdef uint32_t index

    def __init__(self, str name) -> None:
        self.scope, self.index = variable(name)

    cdef int run(self, Txn t) noexcept:
        var_forget(t, self.scope, self.index)
        return V_CONTINUE


def _name(word: str) -> tuple:
    """Name and conditions between the parentheses of an action's word."""
    inside = word[word.find("(") + 1 :]
    if not inside.endswith(")"):
        raise ActionError(f"missing ')' after variable name in '{word}'")
    name, *conditions = inside.removesuffix(")").split(",")
    for one in conditions:
        if one not in _CONDITIONS:
            raise ActionError(f"unsupported condition '{one}'")
        if one not in ("ifexists", "ifnotexists", "ifempty", "ifnotempty"):
            raise ActionError(f"condition '{one}' is known to HAProxy, not supported yet")
    return name, frozenset(conditions)


def _checked(make, *args):
    try:
        return make(*args)
    except ValueError as error:
        raise ActionError(str(error)) from None


def _set_var(words: list, i: int, scope: object, rules: str) -> tuple:
    """set-var(name[,cond...]) <expr>"""
    name, conditions = _name(words[i - 1])
    _checked(variable, name)
    used = len(scope.used)
    try:
        expr, _, i = parse_expr(words, i, scope)
    except ExprError as error:
        raise ActionError(str(error)) from None
    row = misplaced(scope.used[used:], scope.place) if scope.place else None
    if row is not None:
        raise ActionError(f"fetch method '{expr.text}' extracts information from '{NEEDS[row.needs][1]}', none of which "
                          f"is available here")
    return SetVar(name, expr, None, conditions), i


def _set_var_fmt(words: list, i: int, scope: object, rules: str) -> tuple:
    """set-var-fmt(name[,cond...]) <format>"""
    name, conditions = _name(words[i - 1])
    _checked(variable, name)
    if i >= len(words) or is_condition(words[i]):
        raise ActionError("expects a log-format string")
    return SetVar(name, None, format_of(words[i], scope), conditions), i + 1


def _unset_var(words: list, i: int, scope: object, rules: str) -> tuple:
    """unset-var(name)"""
    return _checked(UnsetVar, _name(words[i - 1])[0]), i


action("set-var", rules=(*HTTP_SETS, *TCP_SETS), starred=True, source=_SOURCE)(_set_var)
action("set-var-fmt", rules=(*HTTP_SETS, *TCP_SETS), starred=True, source=_SOURCE)(_set_var_fmt)
action("unset-var", rules=(*HTTP_SETS, *TCP_SETS), starred=True, source=_SOURCE)(_unset_var)
