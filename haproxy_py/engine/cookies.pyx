"""Cookie fields: stepping through them, and writing one anew with cookies changed or left out.

The grammar is HAProxy's, which takes more than RFC 6265 4.2.1: `,` or `;` between cookies, values in quotes, blanks around
`=`, `$Version` and its kin in between. A field that is not changed is not written. Whoever drives it steps with next_pair()
and hands every pair to exactly one of put_pair(), put_raw(), put_without(), put_value(), keep_pair(), leave_out().
"""

from libc.stdint cimport uint8_t, uint32_t, int64_t
from libc.string cimport memcmp, memcpy, memset

cdef const char *_DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


cdef inline bint blank(char c) noexcept nogil:
    return c == c' ' or c == c'\t'


cdef uint32_t value_end(const char *p, uint32_t i, uint32_t n) noexcept nogil:
    """Where a value ends that begins at i: at `,` or `;` outside of quotes (within them a backslash hides what follows)."""
    cdef bint quoted = False
    while i < n:
        if quoted and p[i] == c'\\':
            i += 1
        elif p[i] == c'"':
            quoted = not quoted
        elif not quoted and (p[i] == c',' or p[i] == c';'):
            return i
        i += 1
    return n


cdef void take_attributes(const char *p, uint32_t n, Pair *c, bint folded) noexcept nogil:
    """A cookie that is set goes on with its attributes: to the end of the field, or (Set-Cookie2) to the next comma."""
    cdef bint quoted = False
    if not folded:
        c.next = n
    while c.next < n and (quoted or p[c.next] != c','):
        if p[c.next] == c'"':
            quoted = not quoted
        elif quoted and p[c.next] == c'\\':
            c.next += 1
        c.next += 1
    if c.next > n:
        c.next = n


cdef bint next_pair(const char *p, uint32_t n, Pair *c, bint comma) noexcept nogil:
    """Step to the next cookie. comma: it ends a name too. False: there is none."""
    cdef uint32_t i = c.next
    if i >= n:
        return False
    c.start = i
    if not c.first:
        i += 1
    c.first = False
    while i < n and blank(p[i]):
        i += 1
    c.name = c.name_end = i
    while i < n and p[i] != c'=' and p[i] != c';' and not (comma and p[i] == c','):
        i += 1
        if not blank(p[i - 1]):
            c.name_end = i
    c.equal = c.value = c.value_end = c.next = i
    if i < n and p[i] == c'=':
        i += 1
        while i < n and blank(p[i]):
            i += 1
        c.value = i
        c.next = c.value_end = value_end(p, i, n)
        while c.value_end > c.value and blank(p[c.value_end - 1]):
            c.value_end -= 1
    return True


cdef bint is_named(const char *p, Pair *c, const char *name, uint32_t n) noexcept nogil:
    return c.name_end - c.name == n and memcmp(p + c.name, name, n) == 0


cdef void put(Edit *e, uint32_t start, uint32_t end) noexcept nogil:
    memcpy(e.out + e.used, e.field + start, end - start)
    e.used += end - start


cdef void put_from(Edit *e, Pair *c, uint32_t start) noexcept nogil:
    """The pair from `start` (its delimiter or its name) on."""
    if c.equal == c.value_end:
        put(e, start, c.next)
        return
    put(e, start, c.name_end)
    put(e, c.equal, c.equal + 1)
    put(e, c.value, c.next)
    if c.name_end != c.equal or c.value != c.equal + 1:
        e.changed = True


cdef void put_pair(Edit *e, Pair *c) noexcept nogil:
    put_from(e, c, c.start)


cdef void put_raw(Edit *e, Pair *c) noexcept nogil:
    put(e, c.start, c.next)


cdef void put_without(Edit *e, Pair *c, uint32_t cut_end) noexcept nogil:
    put(e, c.start, c.name_end)
    put(e, c.equal, c.equal + 1)
    put(e, cut_end, c.next)
    e.changed = e.kept = True


cdef void put_value(Edit *e, Pair *c, const char *value, uint32_t n, bint prefix) noexcept nogil:
    """A new value in the place of the old one, or (prefix) in front of it with `~` between. `out` needs n + 1 bytes more."""
    put(e, c.start, c.name_end)
    put(e, c.equal, c.equal + 1)
    memcpy(e.out + e.used, value, n)
    e.used += n
    if prefix:
        e.out[e.used] = c'~'
        e.used += 1
    put(e, c.value if prefix else c.value_end, c.next)
    e.changed = True


cdef void keep_pair(Edit *e, Pair *c) noexcept nogil:
    """Behind a gap the blanks in front of the gap go, and one blank stands behind the delimiter; at the beginning neither."""
    e.kept = True
    if not e.leaving:
        put_pair(e, c)
        return
    e.leaving = False
    if e.used:
        while e.used and blank(e.out[e.used - 1]):
            e.used -= 1
        put(e, c.start, c.start + 1)
        e.out[e.used] = c' '
        e.used += 1
    put_from(e, c, c.name)


cdef void leave_out(Edit *e) noexcept nogil:
    e.leaving = e.changed = True


cdef bint end_field(Edit *e) noexcept nogil:
    return e.used > 0 and (e.kept or not e.leaving)


# ---------------------------------------------------------------- dates

cdef int digit64(char c) noexcept nogil:
    if c'A' <= c <= c'Z':
        return c - c'A'
    if c'a' <= c <= c'z':
        return c - c'a' + 26
    if c'0' <= c <= c'9':
        return c - c'0' + 52
    return 62 if c == c'+' else 63 if c == c'/' else -1


cdef int64_t from_date64(const char *p) noexcept nogil:
    """Five digits to the base of 64 count steps of four seconds since 1970 (as HAProxy writes them)."""
    cdef int64_t n = 0
    cdef int i, d
    for i in range(5):
        d = digit64(p[i])
        if d < 0:
            return -1
        n = n << 6 | d
    return n << 2


cdef void to_date64(int64_t seconds, char *out) noexcept nogil:
    cdef int64_t n = (seconds + 3) >> 2
    cdef int i
    for i in range(5):
        out[i] = _DIGITS[n >> (24 - 6 * i) & 63]


# ---------------------------------------------------------------- for Python: tests drive the editor with these

def pairs(bytes field not None, bint comma=True) -> list:
    """(name, value) of each cookie as next_pair() steps; value None: without `=`."""
    cdef Pair c
    cdef const char *p = field
    found = []
    memset(&c, 0, sizeof(c))
    c.first = True
    while next_pair(p, <uint32_t>len(field), &c, comma):
        value = None if c.equal == c.next else field[c.value:c.value_end]
        found.append((field[c.name:c.name_end], value))
    return found


def without(bytes field not None, bytes name not None) -> bytes | None:
    """The field with cookies of that name left out; None: nothing is left of it."""
    cdef Pair c
    cdef Edit e
    cdef bytearray room = bytearray(len(field) + 2)
    memset(&c, 0, sizeof(c))
    memset(&e, 0, sizeof(e))
    c.first = True
    e.field = field
    e.length = <uint32_t>len(field)
    e.out = room
    while next_pair(e.field, e.length, &c, True):
        if c.name < e.length and e.field[c.name] == c'$':
            if not e.leaving:
                put_raw(&e, &c)
        elif c.equal != c.next and is_named(e.field, &c, name, <uint32_t>len(name)):
            leave_out(&e)
        else:
            keep_pair(&e, &c)
    if not e.changed:
        return field
    return bytes(room[:e.used]) if end_field(&e) else None


def date_text(int64_t seconds) -> bytes:
    """A date as it stands in a cookie, rounded up to four seconds."""
    cdef char out[5]
    to_date64(seconds, out)
    return out[:5]


def date_of(bytes text not None) -> int:
    """Seconds of a date of five characters; -1: it is none."""
    return from_date64(text) if len(text) >= 5 else -1
