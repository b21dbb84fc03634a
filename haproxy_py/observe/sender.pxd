"""The door to log targets for streams; see sender.pyx."""

from libc.stdint cimport uint32_t
from haproxy_py.engine.reactor cimport TurnHook

cdef class LogSender(TurnHook):
    cdef void send(self, int level, const char *line, uint32_t n) noexcept
