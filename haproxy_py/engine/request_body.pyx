"""See request_body.pxd. Chunks are parted as RFC 9112 7.1 says; the stream has refused wrong framing before."""

from libc.stdint cimport uint32_t
from libc.string cimport memcpy
from haproxy_py.engine.message cimport HF_CHUNKED, HF_LENGTH, Head
from haproxy_py.engine.txn cimport Txn


cdef int digit(char c) noexcept nogil:
    """Value of a hexadecimal digit, -1: none."""
    if c'0' <= c <= c'9':
        return c - c'0'
    c |= 32
    return c - c'a' + 10 if c'a' <= c <= c'f' else -1


cdef uint32_t chunk(const char *raw, uint32_t n, uint32_t *at, uint32_t *start) noexcept nogil:
    """The next chunk behind raw[*at]: how many of its bytes are there, and where; 0: the end, or no more."""
    cdef uint32_t i = at[0], size = 0
    while i < n and digit(raw[i]) >= 0:
        size = size << 4 | <uint32_t>digit(raw[i])
        i += 1
    while i < n and raw[i] != c'\n':
        i += 1
    if i + 1 >= n or size == 0:
        return 0
    start[0] = i + 1
    size = min(size, n - start[0])
    at[0] = min(start[0] + size + 2, n)
    return size


cdef bint request_body(Txn t, const char **p, uint32_t *n) noexcept:
    cdef Head head = t.req
    cdef const char *raw
    cdef char *joined = NULL
    cdef uint32_t room, at = 0, start = 0, size, total = 0
    n[0] = 0
    if not t.req_seen or t.payload == NULL or t.payload_len < head.length:
        return False
    raw = t.payload + head.length
    room = t.payload_len - head.length
    p[0] = raw
    if head.flags & HF_CHUNKED:
        size = chunk(raw, room, &at, &start)
        p[0] = raw + start
        while size:
            if total and joined == NULL:
                joined = head.alloc(room)
                if joined == NULL:
                    return False
                memcpy(joined, p[0], total)
                p[0] = joined
            if joined != NULL:
                memcpy(joined + total, raw + start, size)
            total += size
            size = chunk(raw, room, &at, &start)
        n[0] = total
    elif head.flags & HF_LENGTH:
        n[0] = <uint32_t>min(<unsigned long long>room, head.content_length)
    return True
