"""do-resolve: a name out of the request becomes an address in a variable; the stream waits meanwhile (manual 4.2)."""

from libc.stdint cimport uint32_t
from libc.string cimport memset
from haproxy_py.engine.txn cimport Txn, V_CONTINUE, V_YIELD
from haproxy_py.rules.rule cimport Action
from haproxy_py.rules.sample cimport Expr, Sample, T_STR, sample_cast, text_to_ip
from haproxy_py.rules.vars cimport var_forget, var_store
from haproxy_py.config.model import Setting
from haproxy_py.config.registry import whole_file_check
from haproxy_py.config.keywords.resolvers import find
from haproxy_py.rules.actionset import HTTP_REQUEST, TCP_CONTENT, ActionError, action
from haproxy_py.rules.expr import ExprError, parse_expr
from haproxy_py.rules.vars import variable

EXPECTS = "Expects 'do-resolve(<varname>,<resolvers>[,<options>]) <expr>'. Available options are 'ipv4' and 'ipv6'"
_SOURCE = "manual 4.2 http-request do-resolve"
SECTIONS = Setting("sections that do-resolve names", list, inherit=False)    # (proxy, section)


cdef class DoResolve(Action):
    """Asks the section `section`; family: "ipv4", "ipv6" or "" (IPv6 first)."""

    cdef int scope
    cdef uint32_t index
    cdef Expr expr
    cdef readonly str section
    cdef readonly str family
    cdef object lookups                 # backends.resolvers.lookups.Lookups

    def __init__(self, str name, str section, str family, Expr expr) -> None:
        self.scope, self.index = variable(name)
        self.section = section
        self.family = family
        self.expr = expr

    def resolve(self, world) -> None:
        """Get the process's look-ups."""
        self.lookups = world.proxies.lookups

    cdef int run(self, Txn t) noexcept:
        cdef Sample s
        memset(&s, 0, sizeof(Sample))
        var_forget(t, self.scope, self.index)
        if self.lookups is None or self.expr.eval(t, &s) <= 0 or not sample_cast(&s, T_STR):
            return V_CONTINUE
        if not self.ask(t, s.ptr[:s.len]):
            return V_CONTINUE
        return V_YIELD

    cdef bint ask(self, Txn t, bytes name) noexcept:
        """Whether the question is on its way."""
        cdef Waiting waiting = Waiting.__new__(Waiting)
        waiting.rule = self
        waiting.txn = t
        try:
            return self.lookups.ask(self.section, name, self.family, waiting)
        except Exception:
            return False


cdef class Waiting:
    """A stream that waits for an address."""

    cdef DoResolve rule
    cdef Txn txn

    def __call__(self, str host not None) -> None:
        """The answer: IP text, "" for none. The stream goes on, unless it has ended meanwhile."""
        cdef Txn t = self.txn
        cdef Sample s
        cdef bytes text = host.encode("ascii")
        self.txn = None
        if t is None or t.client is None or t.client.fd < 0:
            return
        memset(&s, 0, sizeof(Sample))
        s.type = <unsigned char>text_to_ip(text, <uint32_t>len(text), s.ip)
        if s.type:
            var_store(t, self.rule.scope, self.rule.index, &s)
        t.resume()


def _do_resolve(words: list, i: int, scope: object, rules: str) -> tuple:
    """do-resolve(var,section[,ipv4|ipv6]) <expr>"""
    word = words[i - 1]
    given = word[len("do-resolve("):].removesuffix(")").split(",") if word.startswith("do-resolve(") and word.endswith(")") else []
    if len(given) not in (2, 3) or given[2:] not in ([], ["ipv4"], ["ipv6"]):
        raise ActionError(f"Can't parse '{word}'. {EXPECTS}")
    try:
        variable(given[0])
        expr, _, i = parse_expr(words, i, scope)
    except ExprError as error:
        text = words[i] if i < len(words) else ""
        raise ActionError(f"Can't parse '{text}': {error}. {EXPECTS}") from None
    except ValueError as error:
        raise ActionError(f"Can't parse '{word}': {error}. {EXPECTS}") from None
    made = DoResolve(given[0], given[1], given[2] if len(given) > 2 else "", expr)
    scope.bind_later(made)
    if scope.config is not None:
        scope.config.globals[SECTIONS].append((scope.proxy.name if scope.proxy else "", given[1]))
    return made, i


def _check(config: object, faults: object) -> None:
    """Sections that are not there."""
    for proxy, section in config.globals[SECTIONS]:
        if section != "default" and find(config, section) is None:
            faults.alert(f"Proxy '{proxy}': Can't find resolvers section '{section}' for do-resolve action.")


whole_file_check(_check)
action("do-resolve", rules=(HTTP_REQUEST, TCP_CONTENT), starred=True, source=_SOURCE)(_do_resolve)
