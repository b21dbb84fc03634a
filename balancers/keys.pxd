"""Where a hashing balancer finds its key in a request."""

from libc.stdint cimport uint8_t, uint32_t
from haproxy_py.engine.txn cimport Txn

cdef class KeySource:
    cdef public int function          # hashing.HashFunction
    cdef public bint scattered        # hash-type ... avalanche
    cdef bint find(self, Txn t, const char **p, uint32_t *n) noexcept      # the bytes of the key; False: there is none
    cdef bint digest(self, Txn t, uint32_t *hash) noexcept                 # False: there is no key
    cdef bint hashed(self, const char *p, uint32_t n, uint32_t *hash) noexcept
