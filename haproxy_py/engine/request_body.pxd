"""What of a request's body has been received, as one piece of memory."""

from libc.stdint cimport uint32_t
from haproxy_py.engine.txn cimport Txn

# Body bytes in the buffer, chunk framing taken off. True: p and n are set (n 0: none yet); False: no HTTP request, no room.
cdef bint request_body(Txn t, const char **p, uint32_t *n) noexcept
