"""Numbers that all workers share and Python counts: what happens too seldom for a struct of its own."""

from libc.stdint cimport uint64_t
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.shm cimport Segment


cdef class Tally:
    """`size` numbers of a segment, from 0 on; made before the fork. Raises: MemoryError, RuntimeError, see Segment.reserve()."""

    cdef Segment segment                  # keeps the mapping
    cdef uint64_t *numbers
    cdef readonly int size

    def __init__(self, Segment segment not None, int size) -> None:
        self.segment = segment
        self.size = size
        self.numbers = <uint64_t *>segment.reserve(<size_t>size * sizeof(uint64_t))

    def add(self, int at, int n=1) -> None:
        """Raises: IndexError."""
        if not 0 <= at < self.size:
            raise IndexError(at)
        sys.ha_add64(&self.numbers[at], n)

    def value(self, int at) -> int:
        """Raises: IndexError."""
        if not 0 <= at < self.size:
            raise IndexError(at)
        return sys.ha_load64(&self.numbers[at])
