"""capture-req, capture-res (manual 7.3.1): keep a text in a capture slot on the way."""

from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.actions.capture cimport keep
from haproxy_py.rules.registry import converter
from haproxy_py.rules.sample cimport Converter, Sample

_SOURCE = "manual 7.3.1"


cdef class Kept(Converter):
    """capture-req(slot), capture-res(slot): the text goes on unchanged; a slot that is not there gives no result."""

    cdef Py_ssize_t index
    cdef bint response

    def setup(self, list args, response=False) -> None:
        self.index = args[0]
        self.response = response

    cdef int apply(self, Txn t, Sample *s) noexcept:
        return keep(t, self.response, self.index, s.ptr, s.len)


converter("capture-req", args="sint", takes="str", gives="str", source=_SOURCE)(Kept)
converter("capture-res", args="sint", takes="str", gives="str", source=_SOURCE, response=True)(Kept)
