# distutils: libraries = ssl crypto
"""Server names to certificates: an open hash of exact names and of wildcards that replace the first label.

An exact name wins over a wildcard; of two certificates with the same name and key type the first one wins (decided by the
caller, which groups them). Names compare without case (RFC 6066 3). Source: manual 5.1 `crt`, `crt-list`, `strict-sni`.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport malloc, calloc, free
from libc.string cimport memcpy, memcmp, memchr
from haproxy_py.engine.openssl cimport SSL
from haproxy_py.engine.openssl cimport SSL_client_hello_get0_ext, TLSEXT_TYPE_server_name, TLSEXT_NAMETYPE_host_name


cdef uint32_t hash_name(const char *name, uint32_t n, uint32_t wildcard) noexcept nogil:
    cdef uint32_t h = <uint32_t>2166136261 ^ wildcard
    cdef uint32_t i
    for i in range(n):
        h = (h ^ <uint8_t>name[i]) * <uint32_t>16777619
    return h ^ (h >> 15)


cdef NameEntry *slot_of(NameTable *t, const char *name, uint32_t n, uint32_t wildcard) noexcept nogil:
    """The entry of this name, or the free one where it belongs."""
    cdef uint32_t i = hash_name(name, n, wildcard) & t.mask
    cdef NameEntry *e
    while True:
        e = &t.entries[i]
        if e.name == NULL or (e.length == n and e.wildcard == wildcard and memcmp(e.name, name, n) == 0):
            return e
        i = (i + 1) & t.mask


cdef int grow(NameTable *t) noexcept nogil:
    """Keep the table at most half full. 0, or -1: out of memory."""
    cdef NameTable bigger
    cdef uint32_t i, size = (t.mask + 1) * 2 if t.entries != NULL else 16
    bigger.entries = <NameEntry *>calloc(size, sizeof(NameEntry))
    bigger.mask = size - 1
    bigger.count = t.count
    if bigger.entries == NULL:
        return -1
    if t.entries != NULL:
        for i in range(t.mask + 1):
            if t.entries[i].name != NULL:
                slot_of(&bigger, t.entries[i].name, t.entries[i].length, t.entries[i].wildcard)[0] = t.entries[i]
        free(t.entries)
    t[0] = bigger
    return 0


cdef void lower(char *out, const char *name, uint32_t n) noexcept nogil:
    cdef uint32_t i
    cdef char c
    for i in range(n):
        c = name[i]
        out[i] = c + 32 if c'A' <= c <= c'Z' else c


cdef int names_add(NameTable *t, const char *name, uint32_t n, int group) noexcept nogil:
    cdef uint32_t wildcard = 1 if n and name[0] == c'*' else 0
    cdef NameEntry *e
    cdef char *copy
    if (t.entries == NULL or t.count * 2 >= t.mask) and grow(t) < 0:
        return -1
    copy = <char *>malloc(n + 1)
    if copy == NULL:
        return -1
    n -= wildcard
    lower(copy, name + wildcard, n)
    copy[n] = 0
    e = slot_of(t, copy, n, wildcard)
    if e.name != NULL:
        free(copy)
        return 1
    e.name = copy
    e.length = n
    e.wildcard = wildcard
    e.group = group
    t.count += 1
    return 0


cdef int names_find(NameTable *t, const char *name, uint32_t n) noexcept nogil:
    cdef char low[NAME_MOST]
    cdef char *dot
    cdef NameEntry *e
    if t.entries == NULL or n == 0 or n > NAME_MOST:
        return NAME_NONE
    lower(low, name, n)
    e = slot_of(t, low, n, 0)
    if e.name != NULL:
        return e.group
    dot = <char *>memchr(low, c'.', n)
    if dot == NULL:
        return NAME_NONE
    e = slot_of(t, dot, n - <uint32_t>(dot - low), 1)
    return e.group if e.name != NULL else NAME_NONE


cdef void names_free(NameTable *t) noexcept nogil:
    cdef uint32_t i
    if t.entries == NULL:
        return
    for i in range(t.mask + 1):
        free(t.entries[i].name)
    free(t.entries)
    t.entries = NULL
    t.count = 0


cdef bint hello_name(SSL *ssl, const char **name, uint32_t *n) noexcept nogil:
    """The host_name of the server_name extension: list length (2), kind (1), name length (2), name (RFC 6066 3)."""
    cdef const uint8_t *p
    cdef size_t total
    cdef uint32_t length
    if not SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &p, &total) or total < 5:
        return False
    if ((<uint32_t>p[0] << 8) | p[1]) + 2 != total or p[2] != TLSEXT_NAMETYPE_host_name:
        return False
    length = (<uint32_t>p[3] << 8) | p[4]
    if length + 5 > total:
        return False
    name[0] = <const char *>(p + 5)
    n[0] = length
    return True
