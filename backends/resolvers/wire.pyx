"""The records of a DNS answer read from its bytes (RFC 1035 4.1, RFC 2782): every name is bounded, so no answer keeps a worker busy.

What a nameserver may get wrong without its answer being refused was observed at HAProxy: docs/oracle-facts.md, names of servers.
A name is read as text: labels in lower case with dots between them. Only what answers need is here; questions are made elsewhere.
"""

from libc.string cimport memcmp

cdef extern from "<arpa/inet.h>" nogil:
    const char *inet_ntop(int family, const void *address, char *text, unsigned int size)

cdef enum:
    AF_INET = 2
    AF_INET6 = 10
    HEADER = 12
    QUESTION = 4       # behind its name: type, class
    RECORD = 10        # behind its name: type, class, lifetime, length of the data
    SERVICE = 6        # before the target of an SRV record
    JUMPS = 101        # pointers of one name
    LONGEST = 253      # characters of a name
    LABEL = 64         # first length byte that is none
    TYPE_A = 1
    TYPE_CNAME = 5
    TYPE_AAAA = 28
    TYPE_SRV = 33

READ, BROKEN, OTHER_NAME = range(3)  # what read() has found; OTHER_NAME: a chain of aliases that leads elsewhere or nowhere


cdef struct Name:
    char text[256]
    Py_ssize_t size


cdef struct Row:
    int kind
    Py_ssize_t at      # of its data
    Py_ssize_t size    # as the record says
    Name owner


cdef struct Wire:
    const unsigned char *data
    Py_ssize_t size
    Py_ssize_t at      # next byte to read


cdef inline int number(const unsigned char *at) noexcept nogil:
    return at[0] << 8 | at[1]


cdef inline char low(unsigned char byte) noexcept nogil:
    return byte + 32 if 65 <= byte <= 90 else byte


cdef Py_ssize_t read_name(const Wire *wire, Py_ssize_t at, Name *into) noexcept nogil:
    """A name that begins at `at`: where the next thing begins; -1: it is empty, cut, too long, or a pointer does not lead back."""
    cdef Py_ssize_t behind = -1, to, i
    cdef int jumps = 0, label
    into.size = 0
    while True:
        if at >= wire.size:
            return -1
        label = wire.data[at]
        if label == 0:
            break
        if label & 0xC0 == 0xC0:
            jumps += 1
            if at + 2 > wire.size or jumps > JUMPS:
                return -1
            if behind < 0:
                behind = at + 2
            to = number(wire.data + at) & 0x3FFF
            if to >= at:
                return -1
            at = to
            continue
        if label >= LABEL or at + 1 + label > wire.size or into.size + label + (into.size > 0) > LONGEST:
            return -1
        if into.size:
            into.text[into.size] = c'.'
            into.size += 1
        for i in range(label):
            into.text[into.size + i] = low(wire.data[at + 1 + i])
        into.size += label
        at += 1 + label
    return -1 if into.size == 0 else behind if behind >= 0 else at + 1


cdef inline bint same(const Name *one, const Name *other) noexcept nogil:
    return one.size == other.size and memcmp(one.text, other.text, one.size) == 0


cdef int read_row(Wire *wire, Row *row) noexcept nogil:
    """The next record. 0: read, 1: its name is none, 2: it is cut."""
    cdef Py_ssize_t at = read_name(wire, wire.at, &row.owner)
    if at < 0:
        return 1
    if at + RECORD > wire.size:
        return 2
    row.kind = number(wire.data + at)
    row.size = number(wire.data + at + 8)
    row.at = at + RECORD
    wire.at = row.at + row.size
    return 2 if wire.at > wire.size else 0


cdef object address(const Wire *wire, const Row *row):
    """The text of an A or AAAA record; None when it has not the size of one."""
    cdef char text[64]
    if row.size != (4 if row.kind == TYPE_A else 16):
        return None
    inet_ntop(AF_INET if row.kind == TYPE_A else AF_INET6, wire.data + row.at, text, sizeof(text))
    return (<bytes>text).decode("ascii")


cdef str text_of(const Name *name):
    return name.text[:name.size].decode("latin-1")


cdef object value(const Wire *wire, const Row *row):
    """(kind, value, port, weight) of a record that counts, () of another, None of a bad one."""
    cdef Name target
    cdef const unsigned char *data = wire.data + row.at
    if row.kind == TYPE_A or row.kind == TYPE_AAAA:
        where = address(wire, row)
        return None if where is None else (row.kind, where, 0, 0)
    if row.kind != TYPE_SRV:
        return ()
    if row.size <= SERVICE or read_name(wire, row.at + SERVICE, &target) < 0:
        return None
    return (TYPE_SRV, text_of(&target), number(data + 4), number(data + 2))


cdef int read_answers(Wire *wire, int count, Name *expected, bint services, list found) except -1:
    """The answer section: READ, BROKEN or OTHER_NAME. expected: the name that was asked for; an SRV question takes any owner."""
    cdef Row row
    cdef int last = 0
    cdef bint aliased = False
    for _ in range(count):
        if read_row(wire, &row):
            return BROKEN
        if not services and not same(&row.owner, expected):
            return OTHER_NAME if aliased else BROKEN
        last = row.kind
        if last == TYPE_CNAME:
            aliased = True
            if read_name(wire, row.at, expected) < 0:
                return BROKEN
            continue
        record = value(wire, &row)
        if record is None:
            return BROKEN
        if record:
            found.append(record)
    return OTHER_NAME if last == TYPE_CNAME else READ


cdef int read_more(Wire *wire, int authorities, int count, list found) except -1:
    """The authority section, passed over, and addresses of the additional one: READ or BROKEN. A bad name is the end of it."""
    cdef Row row
    cdef int status, i
    for i in range(authorities + count):
        if i >= authorities and wire.at >= wire.size:
            return BROKEN
        status = read_row(wire, &row)
        if status:
            return READ if status == 1 else BROKEN
        if i >= authorities and (row.kind == TYPE_A or row.kind == TYPE_AAAA):
            record = value(wire, &row)
            if record is None:
                return BROKEN
            found.append((text_of(&row.owner), record))
    return READ


def read(bytes data not None, bytes name not None, bint services) -> tuple:
    """(READ, records, addresses of the additional section by name), or (BROKEN or OTHER_NAME, [], []). Never raises.

    Args: data: with one question and at least 12 bytes. name: what was asked for. services: SRV records were asked for; only then
    the additional section is read. Records: (kind, value, port, weight).
    """
    cdef Wire wire
    cdef Name asked, expected
    wire.data, wire.size, wire.at = data, len(data), HEADER
    cdef list records = [], addresses = []
    cdef int found = BROKEN, i
    cdef Py_ssize_t at = read_name(&wire, HEADER, &asked)
    expected.size = min(len(name), LONGEST)
    for i in range(expected.size):
        expected.text[i] = low(name[i])
    if at >= 0 and at + QUESTION <= wire.size and same(&asked, &expected):
        wire.at = at + QUESTION
        found = read_answers(&wire, number(wire.data + 6), &expected, services, records)
        if found == READ and services:
            found = read_more(&wire, number(wire.data + 8), number(wire.data + 10), addresses)
    return (found, records, addresses) if found == READ else (found, [], [])
