"""Capture slots of a transaction."""

from libc.stdint cimport uint32_t
from haproxy_py.engine.txn cimport Txn

cdef bint keep(Txn t, bint response, Py_ssize_t index, const char *text, uint32_t n) noexcept
