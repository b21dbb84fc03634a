"""Variables of the scope proc from outside of any request: for the runtime socket (management manual 9.3, get var, set var)."""

from libc.string cimport memcpy, memset
from cpython.bytes cimport PyBytes_AS_STRING
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.rule cimport LogFormat
from haproxy_py.rules.sample cimport (
    Expr, Sample, SCRATCH_SIZE, T_BIN, T_BOOL, T_IPV4, T_IPV6, T_METH, T_SINT, T_STR)
from haproxy_py.rules.vars cimport V_PROC, Var, var_find, var_forget, var_store
from haproxy_py.rules.vars import variable

NAMES = {T_BOOL: "bool", T_SINT: "sint", T_IPV4: "ipv4", T_IPV6: "ipv6", T_STR: "str", T_BIN: "bin", T_METH: "meth"}
NUMBERS = {name: number for number, name in NAMES.items()}


cdef int index_of(str name) except -1:
    """Raises: ValueError: no such name, or not of this scope (its text is HAProxy's)."""
    scope, index = variable(name)
    if scope != V_PROC:
        raise ValueError(f"cannot set variable '{name}', only scope 'proc' is permitted here.")
    return <int>index


cdef tuple taken(Sample *s):
    """(type name, number, bytes) of a sample."""
    if s.type == T_IPV4 or s.type == T_IPV6:
        return NAMES[s.type], 0, (<char *>s.ip)[:4 if s.type == T_IPV4 else 16]
    text = s.ptr[:s.len] if s.type in (T_STR, T_BIN, T_METH) and s.len else b""
    return NAMES.get(s.type, "any"), s.num, text


def evaluate(Expr expr not None) -> tuple | None:
    """(type name, number, bytes) of an expression without a request; None: it has no value."""
    cdef Sample s
    cdef Txn t = Txn()
    memset(&s, 0, sizeof(Sample))
    return taken(&s) if expr.eval(t, &s) > 0 else None


def rendered(LogFormat format not None) -> bytes:
    """A format without a request."""
    cdef bytearray out = bytearray(SCRATCH_SIZE)
    cdef int n = format.render(Txn(), out, SCRATCH_SIZE)
    return bytes(out[:n])


def put(str name not None, str kind not None, number: int, bytes text not None) -> None:
    """Set `proc.NAME` to what evaluate() gave. Raises: ValueError, MemoryError."""
    cdef Sample s
    cdef int index = index_of(name)
    memset(&s, 0, sizeof(Sample))
    s.type = NUMBERS[kind]
    s.num = number
    if s.type == T_IPV4 or s.type == T_IPV6:
        memcpy(s.ip, PyBytes_AS_STRING(text), len(text))
    else:
        s.ptr = PyBytes_AS_STRING(text)
        s.len = len(text)
    if not var_store(Txn(), V_PROC, index, &s):
        raise MemoryError(name)


def look(str name not None) -> tuple | None:
    """What put(), or a rule, has stored; None: nothing."""
    cdef Var *v
    try:
        v = var_find(Txn(), V_PROC, index_of(name))
    except ValueError:
        return None
    return taken(&v.value) if v != NULL else None


def check_name(str name not None) -> None:
    """Raises: ValueError: put() would."""
    index_of(name)
