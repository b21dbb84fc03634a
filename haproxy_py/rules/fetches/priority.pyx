"""The place in a queue that rules gave to the request (manual 7.3.4: prio_class, prio_offset)."""

from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.registry import fetch
from haproxy_py.rules.sample cimport Fetch, Sample, set_int


cdef class Priority(Fetch):

    cdef bint offset

    def setup(self, list args, offset=False) -> None:
        self.offset = offset

    cdef int eval(self, Txn t, Sample *s) noexcept:
        set_int(s, t.prio_offset if self.offset else t.prio_class)
        return 1


fetch("prio_class", type="sint", needs="intrn", source="manual 7.3.4")(Priority)
fetch("prio_offset", type="sint", needs="intrn", source="manual 7.3.4", offset=True)(Priority)
