"""What changes in a head between the two sides, and how large HAProxy says a message is."""

from libc.stdint cimport uint32_t, uint64_t
from haproxy_py.engine.addr cimport Addr
from haproxy_py.engine.h1_body cimport H1Body
from haproxy_py.engine.message cimport Head

cdef void strip_connection(Head h) noexcept                     # take close and keep-alive out of the connection fields
cdef void say_connection(Head h, bint keep, bint client10) noexcept     # tell the client what becomes of the connection
cdef void add_address(Head h, bytes name, Addr *a) noexcept     # "x-forwarded-for: 192.0.2.1" behind the other fields
cdef uint64_t body_size(H1Body *b) noexcept nogil
cdef uint64_t counted_size(Head h, bint response) noexcept nogil
