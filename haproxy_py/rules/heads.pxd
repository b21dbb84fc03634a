"""The message heads that samples look at."""

from libc.stdint cimport uint32_t
from haproxy_py.engine.txn cimport Txn
from haproxy_py.engine.message cimport Head

cdef Head request_head(Txn t, int *rc)       # *rc as a fetch's result: 1 head, 0 none, -1 more bytes needed
cdef Head response_head(Txn t, int *rc)
# Next value of a comma list at p[*at..n): 1 and its span without blanks, 0 at the end. Quoted commas do not count.
cdef int next_value(const char *p, uint32_t n, uint32_t *at, uint32_t *start, uint32_t *end) noexcept nogil
