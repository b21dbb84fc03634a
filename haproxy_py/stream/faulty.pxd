"""The last invalid request of each frontend and response of each backend in this process (`show errors`)."""

from libc.stdint cimport uint32_t
from haproxy_py.engine.shm cimport ProxySlot
from haproxy_py.stream.session cimport Session

# other: the frontend of a response, None: a request was invalid; server: its ServerSlot or None; at: the byte that is wrong
cdef void keep_fault(ProxySlot proxy, ProxySlot other, object server, Session s, const char *buf, uint32_t n, uint32_t at) noexcept
