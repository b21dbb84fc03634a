"""See rdp.pxd. The packet: TPKT header (4 bytes), X.224 header (7), then "Cookie: NAME=VALUE" and the end of the line."""

from libc.stdint cimport uint32_t

cdef enum:
    HEADERS = 11


cdef bint same(const char *p, const char *word, uint32_t n) noexcept nogil:
    """Equal but for the case of ASCII letters."""
    cdef uint32_t i
    cdef char a, b
    for i in range(n):
        a = p[i] | 32 if c'A' <= p[i] <= c'Z' else p[i]
        b = word[i] | 32 if c'A' <= word[i] <= c'Z' else word[i]
        if a != b:
            return False
    return True


cdef int rdp_cookie(const char *p, uint32_t n, const char *name, uint32_t nlen, const char **value, uint32_t *vlen) noexcept nogil:
    cdef uint32_t i = HEADERS + 7, start
    if n <= i:
        return -1
    if not same(p + HEADERS, b"cookie:", 7):
        return 0
    while i < n and p[i] == c' ':
        i += 1
    if nlen:
        if n - i <= nlen:
            return -1
        if p[i + nlen] != c'=' or not same(p + i, name, nlen):
            return 0
        i += nlen
    while i < n and p[i] != c'=':
        if p[i] == c'\r' or p[i] == c'\n':
            return 0
        i += 1
    if i >= n:
        return -1
    start = i + 1
    i = start
    while i < n and p[i] != c'\r':
        i += 1
    if n - i < 2:
        return -1
    if p[i + 1] != c'\n':
        return 0
    value[0] = p + start
    vlen[0] = i - start
    return 1
