"""How many TLS connections the process has."""

from haproxy_py.engine.shm cimport ProxySlot

cdef bint take_tls(ProxySlot all_tls) noexcept       # one more; False: there are as many as there may be
cdef void give_tls(ProxySlot all_tls) noexcept       # one less
cdef bint tls_full(ProxySlot all_tls) noexcept       # whether take_tls() would refuse
