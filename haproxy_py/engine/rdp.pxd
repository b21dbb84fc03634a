"""The cookie in the first packet of a Remote Desktop client (MS-RDPBCGR 2.2.1.1, X.224 connection request)."""

from libc.stdint cimport uint32_t

# The value of cookie `name` (nlen 0: of whichever is there). 1 found, 0 there is none, -1 more bytes are needed.
cdef int rdp_cookie(const char *p, uint32_t n, const char *name, uint32_t nlen, const char **value, uint32_t *vlen) noexcept nogil
