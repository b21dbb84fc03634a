"""Whether a cache between here and the client might keep a response (RFC 9111 3, as HAProxy judges it for `nocache`)."""

from libc.stdint cimport uint32_t
from haproxy_py.engine.message cimport Field, Head, M_GET, M_HEAD, M_OPTIONS, M_TRACE
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.heads cimport next_value


cdef bint begins(const char *p, uint32_t n, const char *word, uint32_t m, bint whole) noexcept nogil:
    """Whether a text begins with (whole: is) a word in lower case."""
    cdef uint32_t i
    cdef char c
    if n < m or (whole and n != m):
        return False
    for i in range(m):
        c = p[i]
        if c'A' <= c <= c'Z':
            c += 32
        if c != word[i]:
            return False
    return True


cdef bint by_default(int status) noexcept nogil:
    """Statuses that are cacheable without a word about it (RFC 9110 15.1)."""
    return (status == 200 or status == 203 or status == 204 or status == 206 or status == 300 or status == 301
            or status == 404 or status == 405 or status == 410 or status == 414 or status == 501)


cdef bint forbids(const char *p, uint32_t n) noexcept nogil:
    """Directives of cache-control that forbid it."""
    return (begins(p, n, "private", 7, True) or begins(p, n, "no-cache", 8, True) or begins(p, n, "no-store", 8, True)
            or begins(p, n, "max-age=0", 9, True) or begins(p, n, "s-maxage=0", 10, True))


cdef bint safe(int method) noexcept nogil:
    return method == M_GET or method == M_HEAD or method == M_OPTIONS or method == M_TRACE


cdef bint lives(const char *p, uint32_t n) noexcept nogil:
    """Directives that say for how long."""
    return begins(p, n, "max-age", 7, False) or begins(p, n, "s-maxage", 8, False)


cdef bint datable(Head h) noexcept:
    """Whether fields tell how long it is good for, or by what it is asked for again."""
    return h.find("expires", 7, 0) >= 0 or h.find("etag", 4, 0) >= 0 or h.find("last-modified", 13, 0) >= 0


cdef bint cacheable(Txn t) noexcept:
    cdef Head h = t.res
    cdef bint may = by_default(t.status) and safe(t.req.method)
    cdef bint dated = datable(h)
    cdef Field *f
    cdef uint32_t at, start, end
    cdef int i = h.find("pragma", 6, 0)
    while i >= 0:
        f = &h.fields[i]
        if begins(f.value, f.value_len, "no-cache", 8, True):
            return False
        i = h.find("pragma", 6, i + 1)
    i = h.find("cache-control", 13, 0)
    while i >= 0:
        f = &h.fields[i]
        at = 0
        while next_value(f.value, f.value_len, &at, &start, &end):
            if begins(f.value + start, end - start, "public", 6, True):
                may = True
            elif forbids(f.value + start, end - start):
                may = False
            elif lives(f.value + start, end - start):
                dated = True
        i = h.find("cache-control", 13, i + 1)
    return may and dated
