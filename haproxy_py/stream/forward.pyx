"""What changes in a head between the two sides (RFC 9110 7.6.1), as HAProxy does it.

The tokens close and keep-alive of a connection field speak to this hop and are taken out; other tokens and the fields
they name go through. What this hop wants from the next one is added as a field of its own behind all others.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy
from haproxy_py.engine.addr cimport Addr, addr_text, ADDR_TEXT
from haproxy_py.engine.http1 cimport B_CHUNKED
from haproxy_py.engine.message cimport Head, Field, F_CANON, F_COUNTED, F_DROP, H_CONNECTION, HF_CLEAN


cdef inline bint is_token(const char *p, uint32_t n, const char *lower, uint32_t m) noexcept nogil:
    cdef uint32_t i
    if n != m:
        return False
    for i in range(n):
        if (p[i] | 0x20) != lower[i]:
            return False
    return True


cdef void strip_connection(Head h) noexcept:
    cdef int i = h.find_id(H_CONNECTION, 0)
    while i >= 0:
        strip_hop_tokens(h, i)
        i = h.find_id(H_CONNECTION, i + 1)


cdef void say_connection(Head h, bint keep, bint client10) noexcept:
    if not keep:
        if h.version == 11:
            h.add("connection", 10, "close", 5)
    elif client10 or h.version == 10:
        h.add("connection", 10, "keep-alive", 10)


cdef void strip_hop_tokens(Head h, int index) noexcept:
    """Take close and keep-alive out of one connection field; a field without tokens left is not sent."""
    cdef Field *f = &h.fields[index]
    cdef char *kept = h.alloc(2 * f.value_len + 2)      # a blank may come behind each comma
    cdef uint32_t used = 0, start = 0, end, stop
    cdef bint changed = False
    if kept == NULL:
        return
    while start <= f.value_len:
        end = start
        while end < f.value_len and f.value[end] != c',':
            end += 1
        stop = end
        while start < stop and (f.value[start] == c' ' or f.value[start] == c'\t'):
            start += 1
        while stop > start and (f.value[stop - 1] == c' ' or f.value[stop - 1] == c'\t'):
            stop -= 1
        if (is_token(f.value + start, stop - start, "close", 5)
                or is_token(f.value + start, stop - start, "keep-alive", 10)):
            changed = True
        elif stop > start:
            if used:
                memcpy(kept + used, <const char *>b", ", 2)
                used += 2
            memcpy(kept + used, f.value + start, stop - start)
            used += stop - start
        start = end + 1
    if not changed:
        return
    h.edited = True
    h.flags &= ~<uint32_t>HF_CLEAN
    if used == 0:
        f.flags |= F_DROP
    else:
        h.set_value(index, kept, used)


cdef void add_address(Head h, bytes name, Addr *a) noexcept:
    cdef char text[ADDR_TEXT]
    cdef int n = addr_text(a, text)
    h.add(<const char *>name, <uint32_t>len(name), text, <uint32_t>n)


cdef uint64_t body_size(H1Body *b) noexcept nogil:
    """The size by which HAProxy counts what has come of a body: payload and trailers without framing, 1 for the end of chunks."""
    return b.payload + b.counted + (1 if b.mode == B_CHUNKED and b.done else 0)


cdef uint64_t counted_size(Head h, bint response) noexcept nogil:
    """The size by which HAProxy counts a head in logs and statistics: its parts without separators, plus 20 for the
    start line's own record and 1 for the end of the fields (measured on 2.6 and 2.8, see docs/oracle-facts.md)."""
    cdef uint64_t n = 21 + (h.version_len if h.version_text != NULL else 8)
    cdef int i
    if response:
        n += 3 + h.reason_len
    else:
        n += h.method_len + h.target_len
    for i in range(h.count):
        if h.fields[i].flags & (F_DROP | F_COUNTED) != F_DROP:
            n += h.fields[i].name_len + h.fields[i].value_len
    return n
