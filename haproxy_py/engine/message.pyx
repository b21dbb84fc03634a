# cython: language_level=3
"""One HTTP message head: see message.pxd.

A head owns its array of fields and its arena; names and values point into the received bytes (which the caller keeps in
place until clear()) or into the arena. Deleting marks a field F_DROP, so indexes stay valid until clear(); pointers to a
Field do not survive a push() or add(), which may move the array. Fields keep their order; what is added comes last.
Sources: RFC 9110 5, RFC 9112 2-5; HAProxy's set-header, add-header, del-header (manual 4.2, http-request).
"""

cimport cython
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t
from libc.stdlib cimport malloc, realloc, free
from libc.string cimport memcpy, memcmp, memchr
from cpython.bytes cimport PyBytes_FromStringAndSize
from haproxy_py.engine.reasons cimport reason_of

cdef enum:
    FIELDS_FIRST = 32          # room made at first; doubled when needed
    FIELDS_MOST = 65535
    ARENA_FIRST = 1024
    ARENA_MOST = 1 << 20       # edited text beyond this cannot fit any buffer: refused
    RECORD = 8                 # HAProxy's record of each field
    RECORDS_OF_LINE = 37       # of the start line (20 and 8) and of the end of the fields (1 and 8)
    BLOCK_HEAD = 8             # bytes at the front of a block: the address of the block before


# ---------------------------------------------------------------- words

cdef inline bint same(const char *p, const char *q, uint32_t n) noexcept nogil:
    return memcmp(p, q, n) == 0


cdef Method method_of(const char *p, uint32_t n) noexcept nogil:
    """The method's number; methods are case-sensitive (RFC 9110 9.1)."""
    if n == 3:
        if same(p, "GET", 3):
            return M_GET
        if same(p, "PUT", 3):
            return M_PUT
    elif n == 4:
        if same(p, "HEAD", 4):
            return M_HEAD
        if same(p, "POST", 4):
            return M_POST
    elif n == 5:
        if same(p, "TRACE", 5):
            return M_TRACE
        if same(p, "PATCH", 5):
            return M_PATCH
    elif n == 6:
        if same(p, "DELETE", 6):
            return M_DELETE
    elif n == 7:
        if same(p, "OPTIONS", 7):
            return M_OPTIONS
        if same(p, "CONNECT", 7):
            return M_CONNECT
    return M_OTHER


cdef FieldId field_id(const char *p, uint32_t n) noexcept nogil:
    """The number of a known name, given in lower case; H_OTHER for any other."""
    if n < 4:
        return H_TE if n == 2 and same(p, "te", 2) else H_OTHER
    if n == 4:
        return H_HOST if same(p, "host", 4) else H_OTHER
    if n == 6:
        if p[0] == c'c':
            return H_COOKIE if same(p, "cookie", 6) else H_OTHER
        return H_EXPECT if same(p, "expect", 6) else H_OTHER
    if n == 7:
        if p[0] == c'u':
            return H_UPGRADE if same(p, "upgrade", 7) else H_OTHER
        return H_TRAILER if same(p, "trailer", 7) else H_OTHER
    if n == 10:
        return field_id_10(p)
    if n < 12:
        return H_OTHER
    return field_id_long(p, n)


cdef FieldId field_id_10(const char *p) noexcept nogil:
    if p[0] == c'c':
        return H_CONNECTION if same(p, "connection", 10) else H_OTHER
    if p[0] == c's':
        return H_SET_COOKIE if same(p, "set-cookie", 10) else H_OTHER
    return H_KEEP_ALIVE if same(p, "keep-alive", 10) else H_OTHER


cdef FieldId field_id_long(const char *p, uint32_t n) noexcept nogil:
    """Names of 12 bytes and more."""
    if n == 12:
        return H_CONTENT_TYPE if same(p, "content-type", 12) else H_OTHER
    if n == 13:
        return H_AUTHORIZATION if same(p, "authorization", 13) else H_OTHER
    if n == 14:
        if p[0] == c'c':
            return H_CONTENT_LENGTH if same(p, "content-length", 14) else H_OTHER
        return H_HTTP2_SETTINGS if same(p, "http2-settings", 14) else H_OTHER
    if n == 15:
        return H_X_FORWARDED_FOR if same(p, "x-forwarded-for", 15) else H_OTHER
    if n == 16:
        return H_PROXY_CONNECTION if same(p, "proxy-connection", 16) else H_OTHER
    if n == 17:
        if p[0] == c't':
            return H_TRANSFER_ENCODING if same(p, "transfer-encoding", 17) else H_OTHER
        return H_SEC_WEBSOCKET_KEY if same(p, "sec-websocket-key", 17) else H_OTHER
    if n == 20:
        return H_SEC_WEBSOCKET_ACCEPT if same(p, "sec-websocket-accept", 20) else H_OTHER
    return H_OTHER


# ---------------------------------------------------------------- request targets

cdef uint32_t scheme_end(const char *p, uint32_t n) noexcept nogil:
    """Where "//" of a leading "scheme://" begins, 0: no scheme (RFC 3986 3.1)."""
    cdef uint32_t i = 0
    cdef char c
    while i < n:
        c = p[i]
        if not (c'a' <= (c | 0x20) <= c'z' or (i and (c'0' <= c <= c'9' or c == c'+' or c == c'-' or c == c'.'))):
            break
        i += 1
    if i and i + 3 <= n and p[i] == c':' and p[i + 1] == c'/' and p[i + 2] == c'/':
        return i + 1
    return 0


cdef uint32_t target_form(Method method, const char *p, uint32_t n) noexcept nogil:
    """Which of the four forms of RFC 9112 3.2 a target has; 0 is the origin form (or, with option
    accept-unsafe-violations, something that is none of them)."""
    if method == M_CONNECT:
        return HF_AUTHORITY_FORM
    if n and p[0] == c'/':
        return 0
    if n == 1 and p[0] == c'*':
        return HF_ASTERISK_FORM
    return HF_ABSOLUTE_FORM if scheme_end(p, n) else 0


cdef void authority_of(const char *p, uint32_t n, const char **a, uint32_t *an) noexcept nogil:
    """The authority of an absolute target: from behind "//" up to the next "/", "?" or "#"."""
    cdef uint32_t i = scheme_end(p, n)
    cdef uint32_t start
    an[0] = 0
    if i == 0:
        return
    start = i + 2
    i = start
    while i < n and p[i] != c'/' and p[i] != c'?' and p[i] != c'#':
        i += 1
    a[0] = p + start
    an[0] = i - start


# ---------------------------------------------------------------- the head

@cython.final
@cython.freelist(64)
cdef class Head:

    def __cinit__(self):
        self.method = M_OTHER
        self.version = 11

    def __dealloc__(self):
        free_blocks(self.arena)
        free(self.fields)

    cdef void clear(self) noexcept:
        """Ready for the next message. The first block of the arena and the array of fields are kept."""
        self.count = 0
        self.method = M_OTHER
        self.method_text = self.target = self.reason = self.start = self.version_text = self.line = NULL
        self.method_len = self.target_len = self.reason_len = self.length = self.version_len = self.line_len = 0
        self.status = 0
        self.version = 11
        self.flags = 0
        self.content_length = 0
        self.edited = False
        self.owner = None
        if self.arena != NULL:
            if self.arena_total > ARENA_FIRST:
                free_blocks(self.arena)
                self.arena = NULL
                self.arena_size = self.arena_total = self.arena_used = 0
            else:
                self.arena_used = BLOCK_HEAD

    cdef bint take_arena(self, uint32_t n) noexcept:
        """A new block with room for n bytes; the blocks before it stay where they are."""
        cdef uint64_t size = ARENA_FIRST if self.arena == NULL else <uint64_t>self.arena_size * 2
        cdef char *block
        if size < <uint64_t>n + BLOCK_HEAD:
            size = (<uint64_t>n + BLOCK_HEAD + 1023) & ~<uint64_t>1023
        if self.arena_total + size > ARENA_MOST:
            return False
        block = <char *>malloc(size)
        if block == NULL:
            return False
        memcpy(block, &self.arena, sizeof(char *))
        self.arena = block
        self.arena_size = <uint32_t>size
        self.arena_total += <uint32_t>size
        self.arena_used = BLOCK_HEAD
        return True

    cdef char *alloc(self, uint32_t n) noexcept:
        cdef char *p
        if (self.arena == NULL or self.arena_size - self.arena_used < n) and not self.take_arena(n):
            return NULL
        p = self.arena + self.arena_used
        self.arena_used += n
        return p

    cdef bint fits(self, uint32_t more) noexcept:
        """Whether HAProxy could still add `more` bytes (a new field's 8 of its record among them) to what it holds of the head.

        Nearly always an upper bound says so at once.
        """
        if self.room == 0 or <uint64_t>self.length + self.arena_total + RECORD * self.count + 64 + more <= self.room:
            return True
        return <uint64_t>self.measure() + more <= self.room

    cdef uint32_t measure(self) noexcept:
        """Bytes of the head in HAProxy's buffer: text without separators, and its records (docs/oracle-facts.md)."""
        cdef uint32_t n = RECORDS_OF_LINE + (self.version_len if self.version_text != NULL else 8)
        cdef Field *f
        cdef int i
        n += 3 + self.reason_len if self.status else self.method_len + self.target_len
        for i in range(self.count):
            f = &self.fields[i]
            if f.flags & F_DROP or (f.id == H_CONNECTION and (f.value_len == 5 or f.value_len == 10)):
                continue                             # "close" and "keep-alive" are of this hop alone
            n += RECORD + f.name_len + f.value_len
        return n

    cdef bint grow(self) noexcept:
        cdef uint32_t room = <uint32_t>self.capacity * 2 if self.capacity else FIELDS_FIRST
        cdef Field *moved
        if room > FIELDS_MOST:
            room = FIELDS_MOST
        if room == self.capacity:
            return False
        moved = <Field *>realloc(self.fields, room * sizeof(Field))
        if moved == NULL:
            return False
        self.fields = moved
        self.capacity = <uint16_t>room
        return True

    cdef Field *push(self, const char *name, uint32_t nlen, const char *value, uint32_t vlen) noexcept:
        """Append a field whose name (lower case) and value stay where they are."""
        cdef Field *f
        if self.count == self.capacity and not self.grow():
            return NULL
        f = self.fields + self.count
        self.count += 1
        f.name = name
        f.value = value
        f.name_len = nlen
        f.value_len = vlen
        f.id = field_id(name, nlen)
        f.flags = 0
        return f

    cdef void touch(self) noexcept:
        self.edited = True
        self.flags &= ~<uint32_t>HF_CLEAN

    cdef int find(self, const char *name, uint32_t nlen, int start) noexcept:
        cdef int i
        cdef Field *f
        for i in range(start, self.count):
            f = self.fields + i
            if f.name_len == nlen and not f.flags & F_DROP and memcmp(f.name, name, nlen) == 0:
                return i
        return -1

    cdef int find_id(self, int id, int start) noexcept:
        cdef int i
        for i in range(start, self.count):
            if self.fields[i].id == id and not self.fields[i].flags & F_DROP:
                return i
        return -1

    cdef int add(self, const char *name, uint32_t nlen, const char *value, uint32_t vlen) noexcept:
        """Append a copy, written as it will go out, so that it leaves with one copy."""
        cdef char *p = self.alloc(nlen + vlen + 4)
        cdef uint32_t i
        cdef Field *f
        if p == NULL:
            return -1
        for i in range(nlen):
            p[i] = name[i] | 0x20 if c'A' <= name[i] <= c'Z' else name[i]
        p[nlen] = c':'
        p[nlen + 1] = c' '
        memcpy(p + nlen + 2, value, vlen)
        p[nlen + 2 + vlen] = c'\r'
        p[nlen + 3 + vlen] = c'\n'
        f = self.push(p, nlen, p + nlen + 2, vlen)
        if f == NULL:
            return -1
        f.flags = F_CANON
        self.touch()
        return 0

    cdef int set(self, const char *name, uint32_t nlen, const char *value, uint32_t vlen) noexcept:
        """Remove every field of this name, then add one at the end. -1: no room, nothing changed."""
        cdef uint16_t before = self.count
        cdef uint16_t i
        if self.add(name, nlen, value, vlen) < 0:
            return -1
        name = self.fields[self.count - 1].name
        for i in range(before):
            if self.fields[i].name_len == nlen and memcmp(self.fields[i].name, name, nlen) == 0:
                self.fields[i].flags |= F_DROP
        return 0

    cdef int remove(self, const char *name, uint32_t nlen) noexcept:
        cdef int i = self.find(name, nlen, 0)
        cdef int gone = 0
        while i >= 0:
            self.fields[i].flags |= F_DROP
            gone += 1
            i = self.find(name, nlen, i + 1)
        if gone:
            self.touch()
        return gone

    cdef int set_value(self, int index, const char *value, uint32_t vlen) noexcept:
        cdef char *p = self.alloc(vlen)
        if p == NULL:
            return -1
        memcpy(p, value, vlen)
        self.fields[index].value = p
        self.fields[index].value_len = vlen
        self.fields[index].flags &= ~<uint8_t>F_CANON
        self.touch()
        return 0

    cdef int set_target(self, const char *target, uint32_t n) noexcept:
        cdef char *p = self.alloc(n)
        if p == NULL:
            return -1
        memcpy(p, target, n)
        self.target = p
        self.target_len = n
        self.flags &= ~<uint32_t>(HF_AUTHORITY_FORM | HF_ABSOLUTE_FORM | HF_ASTERISK_FORM)
        self.flags |= target_form(self.method, p, n)
        self.touch()
        return 0

    cdef int set_method(self, const char *method, uint32_t n) noexcept:
        cdef char *p = self.alloc(n)
        if p == NULL:
            return -1
        memcpy(p, method, n)
        self.method_text = p
        self.method_len = n
        self.method = method_of(p, n)
        self.touch()
        return 0

    cdef int set_status(self, int status, const char *reason, uint32_t n) noexcept:
        cdef char *p = self.alloc(n)
        if p == NULL:
            return -1
        memcpy(p, reason, n)
        self.status = status
        self.reason = p
        self.reason_len = n
        self.touch()
        return 0

    cdef void path(self, const char **p, uint32_t *n) noexcept:
        """From the first slash of the path to the "?": none for "*", an authority, or "http://host" alone."""
        cdef const char *t = self.target
        cdef uint32_t i = 0, start
        n[0] = 0
        p[0] = t
        if self.flags & (HF_AUTHORITY_FORM | HF_ASTERISK_FORM):
            return
        if self.flags & HF_ABSOLUTE_FORM:
            i = scheme_end(t, self.target_len) + 2
            while i < self.target_len and t[i] != c'/' and t[i] != c'?' and t[i] != c'#':
                i += 1
        if i >= self.target_len or t[i] != c'/':
            return
        start = i
        while i < self.target_len and t[i] != c'?' and t[i] != c'#':
            i += 1
        p[0] = t + start
        n[0] = i - start

    cdef void query(self, const char **p, uint32_t *n) noexcept:
        """Behind the first "?", up to a "#"; n = 0 without one."""
        cdef const char *q = NULL
        cdef const char *end = self.target + self.target_len
        cdef const char *hash
        n[0] = 0
        p[0] = end
        if self.target_len:
            q = <const char *>memchr(self.target, c'?', self.target_len)
        if q == NULL:
            return
        q += 1
        hash = <const char *>memchr(q, c'#', end - q) if q < end else NULL
        p[0] = q
        n[0] = <uint32_t>((hash if hash != NULL else end) - q)

    cdef int64_t write_request(self, char *out, uint32_t room) noexcept nogil:
        cdef uint64_t need = <uint64_t>self.method_len + self.target_len + self.version_len + 12
        cdef char *w = out
        if need > room:
            return -1
        memcpy(w, self.method_text, self.method_len)
        w += self.method_len
        w[0] = c' '
        memcpy(w + 1, self.target, self.target_len)
        w += 1 + self.target_len
        w[0] = c' '
        w = write_version(self.version, self.version_text, self.version_len, w + 1)
        w[0] = c'\r'
        w[1] = c'\n'
        w += 2
        return write_fields(self.fields, self.count, out, w, room)

    cdef int64_t write_response(self, char *out, uint32_t room) noexcept nogil:
        """The blank behind the status stays when there is no reason (RFC 9112 4)."""
        cdef char *w = out
        cdef int status = self.status
        cdef const char *reason = self.reason
        cdef uint32_t n = self.reason_len
        if n == 0:
            reason = reason_of(status, &n)
        if <uint64_t>n + self.version_len + 15 > room:
            return -1
        w = write_version(self.version, self.version_text, self.version_len, w)
        w[0] = w[4] = c' '
        w[1] = <char>(c'0' + status // 100 % 10)
        w[2] = <char>(c'0' + status // 10 % 10)
        w[3] = <char>(c'0' + status % 10)
        memcpy(w + 5, reason, n)
        w += 5 + n
        w[0] = c'\r'
        w[1] = c'\n'
        return write_fields(self.fields, self.count, out, w + 2, room)

    # ------------------------------------------------------------ for Python

    @property
    def method_name(self) -> bytes:
        return span(self.method_text, self.method_len)

    @property
    def target_text(self) -> bytes:
        return span(self.target, self.target_len)

    @property
    def path_text(self) -> bytes:
        cdef const char *p
        cdef uint32_t n
        self.path(&p, &n)
        return span(p, n)

    @property
    def query_text(self) -> bytes:
        cdef const char *p
        cdef uint32_t n
        self.query(&p, &n)
        return span(p, n)

    @property
    def status_code(self) -> int:
        return self.status

    @property
    def reason_text(self) -> bytes:
        return span(self.reason, self.reason_len)

    @property
    def http_version(self) -> int:
        return self.version

    @property
    def flag_bits(self) -> int:
        return self.flags

    @property
    def length_value(self) -> int:
        return self.content_length

    @property
    def is_edited(self) -> bool:
        return self.edited

    def items(self) -> list[tuple[bytes, bytes]]:
        """Live fields in order, names in lower case."""
        cdef uint16_t i
        return [(span(self.fields[i].name, self.fields[i].name_len), span(self.fields[i].value, self.fields[i].value_len))
                for i in range(self.count) if not self.fields[i].flags & F_DROP]

    def values(self, name: bytes) -> list[bytes]:
        """The values of every live field called `name` (lower case)."""
        return [value for found, value in self.items() if found == name]

    def add_field(self, name: bytes, value: bytes) -> None:
        if self.add(name, <uint32_t>len(name), value, <uint32_t>len(value)) < 0:
            raise MemoryError("no room for another header field")

    def set_field(self, name: bytes, value: bytes) -> None:
        if self.set(name, <uint32_t>len(name), value, <uint32_t>len(value)) < 0:
            raise MemoryError("no room for another header field")

    def remove_field(self, name: bytes) -> int:
        """How many went."""
        return self.remove(name, <uint32_t>len(name))

    def replace_value(self, index: int, value: bytes) -> None:
        """Args: index: among all fields ever pushed, removed ones included."""
        if not 0 <= index < self.count:
            raise IndexError(f"field {index} of {self.count}")
        if self.set_value(index, value, <uint32_t>len(value)) < 0:
            raise MemoryError("no room for a header value")

    def replace_target(self, target: bytes) -> None:
        if self.set_target(target, <uint32_t>len(target)) < 0:
            raise MemoryError("no room for the request target")

    def replace_method(self, method: bytes) -> None:
        if self.set_method(method, <uint32_t>len(method)) < 0:
            raise MemoryError("no room for the method")

    def replace_status(self, status: int, reason: bytes) -> None:
        """Args: status: 100..999."""
        if not 100 <= status <= 999:
            raise ValueError(f"status {status} is not in 100..999")
        if self.set_status(status, reason, <uint32_t>len(reason)) < 0:
            raise MemoryError("no room for the reason")

    def reset(self) -> None:
        """clear() for Python."""
        self.clear()

    def request_bytes(self, room: int = 65536) -> bytes | None:
        """The serialised request head, or None if it takes more than `room` bytes."""
        return self.serialised(room, False)

    def response_bytes(self, room: int = 65536) -> bytes | None:
        """The serialised response head, or None if it takes more than `room` bytes."""
        return self.serialised(room, True)

    cdef object serialised(self, uint32_t room, bint response):
        cdef bytearray out = bytearray(room)
        cdef int64_t n
        n = self.write_response(out, room) if response else self.write_request(out, room)
        return None if n < 0 else bytes(out[:n])


# ---------------------------------------------------------------- serialising

cdef inline bytes span(const char *p, uint32_t n):
    return PyBytes_FromStringAndSize(p, n) if n else b""


cdef char *write_version(uint8_t version, const char *text, uint32_t n, char *w) noexcept nogil:
    """Anything from 1.1 on is HTTP/1.1; what is below leaves as it came (HTTP/0.9 too, as HAProxy does)."""
    if version >= 11 or text == NULL:
        text = "HTTP/1.1" if version >= 11 else "HTTP/1.0"
        n = 8
    memcpy(w, text, n)
    return w + n


cdef void free_blocks(char *block) noexcept nogil:
    cdef char *before
    while block != NULL:
        memcpy(&before, block, sizeof(char *))
        free(block)
        block = before


cdef bint says_trailers(Field *f) noexcept nogil:
    """Whether a te field has the element "trailers", the only one that may go to the next hop."""
    cdef uint32_t i = 0
    while i + 8 <= f.value_len:
        if memcmp(f.value + i, <const char *>b"trailers", 8) == 0:
            return i + 8 == f.value_len or f.value[i + 8] == c','
        i += 1
    return False


cdef int64_t write_fields(Field *f, uint32_t count, char *out, char *w, uint32_t room) noexcept nogil:
    """Fields and the blank line from w on. Fields that lie side by side as they must leave go with one copy."""
    cdef Field *end = f + count
    cdef char *limit = out + room
    cdef const char *run
    cdef const char *value
    cdef uint64_t n
    cdef uint32_t vlen
    while f < end:
        if f.flags & F_DROP:
            f += 1
            continue
        if f.flags & F_CANON:
            run = f.name
            n = 0
            while f < end and f.flags & (F_CANON | F_DROP) == F_CANON and f.name == run + n:
                n += <uint64_t>f.name_len + f.value_len + 4
                f += 1
            if n > <uint64_t>(limit - w):
                return -1
            memcpy(w, run, n)
            w += n
            continue
        value = f.value
        vlen = f.value_len
        if f.id == H_TE:
            if not says_trailers(f):
                f += 1
                continue
            value = "trailers"
            vlen = 8
        if <uint64_t>f.name_len + vlen + 4 > <uint64_t>(limit - w):
            return -1
        memcpy(w, f.name, f.name_len)
        w += f.name_len
        w[0] = c':'
        w[1] = c' '
        memcpy(w + 2, value, vlen)
        w += 2 + vlen
        w[0] = c'\r'
        w[1] = c'\n'
        w += 2
        f += 1
    if limit - w < 2:
        return -1
    w[0] = c'\r'
    w[1] = c'\n'
    return w + 2 - out


# The flags by name, for Python.
globals().update({
    "HF_CHUNKED": HF_CHUNKED,
    "HF_LENGTH": HF_LENGTH,
    "HF_CONN_CLOSE": HF_CONN_CLOSE,
    "HF_CONN_KEEPALIVE": HF_CONN_KEEPALIVE,
    "HF_CONN_UPGRADE": HF_CONN_UPGRADE,
    "HF_EXPECT_100": HF_EXPECT_100,
    "HF_CLEAN": HF_CLEAN,
    "HF_UPGRADE_WEBSOCKET": HF_UPGRADE_WEBSOCKET,
    "HF_AUTHORITY_FORM": HF_AUTHORITY_FORM,
    "HF_ABSOLUTE_FORM": HF_ABSOLUTE_FORM,
    "HF_ASTERISK_FORM": HF_ASTERISK_FORM,
    "HF_MUST_CLOSE": HF_MUST_CLOSE,
    "HF_TE_FIX": HF_TE_FIX,
})
