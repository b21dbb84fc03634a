"""Keys of the hashing algorithms: source, uri, url_param, hdr (manual 4.2, balance). No key: the balancer takes turns.

Keys that rules compute (balance hash, rdp-cookie) come from outside as one more KeySource.
"""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memchr, memcmp, strchr
from haproxy_py.engine.hashes cimport avalanche
from haproxy_py.engine.message cimport Head, M_POST
from haproxy_py.engine.request_body cimport request_body
from haproxy_py.engine.sys cimport AF_INET, AF_INET6
from haproxy_py.engine.txn cimport Txn
from balancers.hashing cimport hash_bytes


cdef class KeySource:
    """Subclasses give find()."""

    cdef bint find(self, Txn t, const char **p, uint32_t *n) noexcept:
        return False

    cdef bint digest(self, Txn t, uint32_t *hash) noexcept:
        cdef const char *p = NULL
        cdef uint32_t n = 0
        return self.find(t, &p, &n) and self.hashed(p, n, hash)

    cdef bint hashed(self, const char *p, uint32_t n, uint32_t *hash) noexcept:
        hash[0] = hash_bytes(self.function, <const uint8_t *>p, n)
        if self.scattered:
            hash[0] = avalanche(hash[0])
        return True

    def key_of(self, Txn txn not None) -> bytes | None:
        """What would be hashed; None: there is no key."""
        cdef const char *p = NULL
        cdef uint32_t n = 0
        return p[:n] if self.find(txn, &p, &n) else None


cdef class SourceKey(KeySource):
    """balance source: the client's address, folded to 32 bits; no hash function is applied, avalanche is."""

    cdef bint find(self, Txn t, const char **p, uint32_t *n) noexcept:
        p[0] = <const char *>t.src.ip
        n[0] = 4 if t.src.family == AF_INET else 16 if t.src.family == AF_INET6 else 0
        return n[0] > 0

    cdef bint digest(self, Txn t, uint32_t *hash) noexcept:
        cdef const char *p = NULL
        cdef uint32_t n = 0, i, h = 0
        if not self.find(t, &p, &n):
            return False
        for i in range(0, n, 4):
            h ^= (<uint32_t><uint8_t>p[i] << 24 | <uint32_t><uint8_t>p[i + 1] << 16
                  | <uint32_t><uint8_t>p[i + 2] << 8 | <uint8_t>p[i + 3])
        hash[0] = avalanche(h) if self.scattered else h
        return True


cdef class UriKey(KeySource):
    """balance uri [whole] [len N] [depth N] [path-only]: the target up to the question mark, or less."""

    cdef bint whole
    cdef bint path_only
    cdef uint32_t length          # bytes that count, 0: all
    cdef uint32_t slashes         # ends before this one, 0: no limit

    def __init__(self, *, bint whole=False, bint path_only=False, uint32_t length=0, uint32_t depth=0) -> None:
        self.whole = whole
        self.path_only = path_only
        self.length = length
        self.slashes = depth + 1 if depth else 0

    cdef bint find(self, Txn t, const char **p, uint32_t *n) noexcept:
        cdef Head head = t.req
        cdef uint32_t room, slashes = 0
        if not t.req_seen:
            return False
        p[0] = head.target
        room = head.target_len
        if self.path_only:
            head.path(p, n)
            room = <uint32_t>(head.target + head.target_len - p[0]) if n[0] else 0
        if self.length and room > self.length:
            room = self.length
        n[0] = 0
        while n[0] < room:
            if p[0][n[0]] == c'/':
                slashes += 1
                if slashes == self.slashes:
                    break
            elif p[0][n[0]] == c'?' and not self.whole:
                break
            n[0] += 1
        return True


cdef class ParamKey(KeySource):
    """balance url_param NAME: its value in the query, else in the body of a POST."""

    cdef bytes name

    def __init__(self, bytes name not None) -> None:
        self.name = name

    cdef bint find(self, Txn t, const char **p, uint32_t *n) noexcept:
        cdef Head head = t.req
        cdef const char *mark
        if not t.req_seen:
            return False
        mark = <const char *>memchr(head.target, c'?', head.target_len)
        if mark != NULL and self.among(mark + 1, <uint32_t>(head.target + head.target_len - mark) - 1, p, n):
            return True
        return head.method == M_POST and self.in_body(t, p, n)

    cdef bint in_body(self, Txn t, const char **p, uint32_t *n) noexcept:
        """Of the body what has come: check_post only makes the stream wait for it. A value that begins with a blank is
        empty, one that begins with another character that no token has is none (as HAProxy looks at it)."""
        cdef const char *text = NULL
        cdef uint32_t size = 0
        if not request_body(t, &text, &size) or not self.among(text, size, p, n):
            return False
        if n[0] and not token(p[0][0]):
            n[0] = 0
            return p[0][0] == c' ' or p[0][0] == c'\t' or p[0][0] == c'\r' or p[0][0] == c'\n'
        return True

    cdef bint among(self, const char *text, uint32_t room, const char **p, uint32_t *n) noexcept:
        """Parameters parted by `&`."""
        cdef uint32_t size = <uint32_t>len(self.name), end
        cdef const char *name = <const char *>self.name
        cdef const char *mark
        while room > size:
            if text[size] == c'=' and memcmp(text, name, size) == 0:
                p[0] = text + size + 1
                room -= size + 1
                end = 0
                while end < room and p[0][end] != c'&':
                    end += 1
                n[0] = end
                return True
            mark = <const char *>memchr(text, c'&', room)
            if mark == NULL:
                return False
            room -= <uint32_t>(mark - text) + 1
            text = mark + 1
        return False


cdef bint token(char c) noexcept nogil:
    """A tchar of RFC 9110 5.6.2."""
    if c'0' <= c <= c'9' or c'a' <= c | 32 <= c'z':
        return True
    return c > 0 and strchr(b"!#$%&'*+-.^_`|~", c) != NULL


cdef class HeaderKey(KeySource):
    """balance hdr(NAME) [use_domain_only]: the first value of the first field of that name."""

    cdef bytes name
    cdef bint domain

    def __init__(self, bytes name not None, *, bint domain=False) -> None:
        self.name = name.lower()
        self.domain = domain

    cdef bint find(self, Txn t, const char **p, uint32_t *n) noexcept:
        cdef Head head = t.req
        cdef int i
        if not t.req_seen:
            return False
        i = head.find(<const char *>self.name, <uint32_t>len(self.name), 0)
        if i < 0:
            return False
        p[0] = head.fields[i].value
        n[0] = first_value(p[0], head.fields[i].value_len)
        if n[0] == 0:
            return False
        if self.domain:
            main_domain(p, n)
        return True


cdef uint32_t first_value(const char *p, uint32_t n) noexcept nogil:
    """Bytes of the first value of a comma list, blanks behind it cut off. Commas in quotes do not count."""
    cdef uint32_t i = 0
    cdef bint quoted = False
    while i < n and (quoted or p[i] != c','):
        if p[i] == c'"':
            quoted = not quoted
        elif p[i] == c'\\' and quoted and i + 1 < n:
            i += 1
        i += 1
    while i > 0 and (p[i - 1] == c' ' or p[i - 1] == c'\t'):
        i -= 1
    return i


cdef void main_domain(const char **p, uint32_t *n) noexcept nogil:
    """Narrow "www.name.org" to "name": from the last dot back to the one before it, one byte at least.

    A dot in front does not count as the last one; without a dot the whole value stays.
    """
    cdef uint32_t end = n[0] - 1, start
    while end > 0 and p[0][end] != c'.':
        end -= 1
    if end == 0:
        return
    start = end - 1
    while start > 0 and p[0][start - 1] != c'.':
        start -= 1
    p[0] += start
    n[0] = end - start
