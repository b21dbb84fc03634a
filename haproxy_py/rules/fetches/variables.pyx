"""var(name[,default]) (manual 7.3.2)."""

from libc.stdint cimport uint32_t
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.registry import fetch
from haproxy_py.rules.sample cimport Fetch, Sample, set_text
from haproxy_py.rules.vars cimport Var, var_find
from haproxy_py.rules.vars import variable


cdef class Variable(Fetch):
    """A variable's value with the type it was stored with; the default is text."""

    cdef int scope
    cdef uint32_t index
    cdef bytes default

    def setup(self, list args) -> None:
        self.scope, self.index = variable(args[0])
        self.default = None if args[1] is None else args[1].encode("utf-8", "surrogateescape")

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef Var *v = var_find(t, self.scope, self.index)
        if v != NULL:
            s.type = v.value.type
            s.num = v.value.num
            s.ip = v.value.ip
            s.ptr = v.value.ptr
            s.len = v.value.len
            return 1
        if self.default is None:
            return 0
        set_text(s, self.default, <uint32_t>len(self.default))
        return 1


fetch("var", args="var str?", type="any", needs="intrn", source="manual 7.3.2")(Variable)
