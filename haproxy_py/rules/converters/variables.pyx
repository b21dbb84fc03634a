"""set-var(name), unset-var(name) as converters (manual 7.3.1): the input passes through."""

from libc.stdint cimport uint32_t
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.registry import converter
from haproxy_py.rules.sample cimport Converter, Sample
from haproxy_py.rules.vars cimport var_forget, var_store
from haproxy_py.rules.vars import variable


cdef class Store(Converter):
    """set-var, unset-var."""

    cdef int scope
    cdef uint32_t index
    cdef bint unset

    def setup(self, list args, unset=False) -> None:
        self.scope, self.index = variable(args[0])
        self.unset = unset

    cdef int apply(self, Txn t, Sample *s) noexcept:
        if self.unset:
            var_forget(t, self.scope, self.index)
            return 1
        return var_store(t, self.scope, self.index, s)


converter("set-var", args="var", takes="any", gives="same", source="manual 7.3.1")(Store)
converter("unset-var", args="var", takes="any", gives="same", source="manual 7.3.1", unset=True)(Store)
