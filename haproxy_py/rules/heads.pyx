"""The message heads that samples look at: the stream's own in HTTP mode; in TCP mode one parsed from the bytes seen."""

from libc.stdint cimport uint32_t
from libc.string cimport memcpy
from haproxy_py.engine.txn cimport Txn
from haproxy_py.engine.message cimport Head
from haproxy_py.engine.http1 cimport H1Parser, h1_init, h1_head
from haproxy_py.rules.sample cimport scratch, SCRATCH_SIZE

cdef Head _tcp_head = Head()
cdef char _tcp_copy[SCRATCH_SIZE]


cdef Head _from_payload(Txn t, int *rc):
    """Parse the request that a TCP connection may carry; the parser edits in place, so a copy is parsed."""
    cdef H1Parser parser
    cdef uint32_t n = t.payload_len
    cdef int got
    rc[0] = 0
    if n > SCRATCH_SIZE:
        n = SCRATCH_SIZE
    if n:
        memcpy(_tcp_copy, t.payload, n)
        _tcp_head.clear()
        h1_init(&parser, False)
        got = h1_head(&parser, _tcp_copy, n, _tcp_head, 101)
        if got > 0:
            rc[0] = 1
            return _tcp_head
        if got < 0:
            return None
    if not t.payload_final:
        rc[0] = -1
    return None


cdef Head request_head(Txn t, int *rc):
    """The request's head; *rc 1, or None with 0 (none) or -1 (not complete yet)."""
    if t.req_seen:
        rc[0] = 1
        return t.req
    if t.http:
        rc[0] = 0 if t.payload_final else -1
        return None
    return _from_payload(t, rc)


cdef Head response_head(Txn t, int *rc):
    """The response's head; *rc 1, or None with 0 (no response yet)."""
    rc[0] = 1 if t.res_seen else 0
    return t.res if t.res_seen else None


cdef int next_value(const char *p, uint32_t n, uint32_t *at, uint32_t *start, uint32_t *end) noexcept nogil:
    """Step through a comma list. *at is 0 at first; it passes n behind the last value."""
    cdef uint32_t i = at[0]
    cdef bint quoted = False
    if i > n:
        return 0
    while i < n and (p[i] == c' ' or p[i] == c'\t'):
        i += 1
    start[0] = i
    while i < n:
        if quoted and p[i] == c'\\' and i + 1 < n:
            i += 1
        elif p[i] == c'"':
            quoted = not quoted
        elif p[i] == c',' and not quoted:
            break
        i += 1
    at[0] = i + 1
    while i > start[0] and (p[i - 1] == c' ' or p[i - 1] == c'\t'):
        i -= 1
    end[0] = i
    return 1
