"""One HTTP message head, independent of the wire version: fields are pointers into the received bytes or into the
head's own arena of edited text. Field names are lower case (RFC 9110 5.1 makes them case-insensitive; HAProxy sends
them so). Nothing here knows a descriptor.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t

cdef enum:
    F_CANON = 1          # the bytes at `name` are exactly "name: value\r\n" (lower case, one blank): may go out as they are
    F_DROP = 2           # hop-by-hop or deleted: not sent
    F_COUNTED = 4        # with F_DROP: not sent, but HAProxy's byte counts have it (stream.forward.counted_size)

# Known field names get a number while parsing, so that no one compares strings twice.
cdef enum FieldId:
    H_OTHER = 0
    H_HOST
    H_CONNECTION
    H_CONTENT_LENGTH
    H_TRANSFER_ENCODING
    H_EXPECT
    H_UPGRADE
    H_KEEP_ALIVE
    H_PROXY_CONNECTION
    H_TE
    H_TRAILER
    H_COOKIE
    H_SET_COOKIE
    H_AUTHORIZATION
    H_X_FORWARDED_FOR
    H_CONTENT_TYPE
    H_SEC_WEBSOCKET_KEY
    H_SEC_WEBSOCKET_ACCEPT
    H_HTTP2_SETTINGS

cdef struct Field:
    const char *name
    const char *value
    uint32_t name_len
    uint32_t value_len
    uint8_t id           # FieldId
    uint8_t flags

cdef enum Method:
    M_OTHER = 0
    M_GET
    M_HEAD
    M_POST
    M_PUT
    M_DELETE
    M_OPTIONS
    M_TRACE
    M_CONNECT
    M_PATCH

# What the framing fields and the start line said (RFC 9112 6.3), set by the parser.
cdef enum:
    HF_CHUNKED = 1            # transfer-encoding ends in chunked
    HF_LENGTH = 2             # content-length present and valid
    HF_CONN_CLOSE = 4         # connection: close
    HF_CONN_KEEPALIVE = 8     # connection: keep-alive
    HF_CONN_UPGRADE = 16      # connection: upgrade
    HF_EXPECT_100 = 32
    HF_CLEAN = 64             # every byte of the head may be forwarded as received (all F_CANON, nothing dropped)
    HF_UPGRADE_WEBSOCKET = 128
    HF_AUTHORITY_FORM = 256   # request target forms
    HF_ABSOLUTE_FORM = 512
    HF_ASTERISK_FORM = 1024
    HF_MUST_CLOSE = 2048      # neither side's connection may be used after this message (RFC 9112 6.1): framing in doubt
    HF_TE_FIX = 4096          # a te field is there that must leave as "te: trailers" or not at all: write_* does it

cdef class Head:
    cdef Field *fields
    cdef uint16_t count
    cdef uint16_t capacity
    # request line
    cdef Method method
    cdef const char *method_text
    cdef uint32_t method_len
    cdef const char *target            # as received (or edited)
    cdef uint32_t target_len
    # status line
    cdef int status
    cdef const char *reason
    cdef uint32_t reason_len           # 0: none was received; write_response puts the usual one
    # both
    cdef uint8_t version               # 10, 11
    cdef const char *version_text      # as received: what a message below 1.1 leaves with; NULL: HTTP/1.0 or HTTP/1.1
    cdef uint32_t version_len
    cdef const char *line              # request: start line as parsed, one blank between the words (for logs); NULL: none
    cdef uint32_t line_len
    cdef uint32_t flags                # HF_*
    cdef uint64_t content_length
    cdef const char *start             # the received head, whole
    cdef uint32_t length               # its bytes, blank line included; 0: not from the wire
    cdef bint edited                   # anything below was called: serialise instead of forwarding
    # arena for edited text: a chain of blocks, the newest at `arena`, each beginning with the address of the one before
    cdef char *arena
    cdef uint32_t arena_used
    cdef uint32_t arena_size
    cdef uint32_t arena_total          # bytes of all blocks
    cdef uint32_t room                 # what rules may make of it, by HAProxy's measure (fits); 0: no limit. clear() leaves it
    cdef object owner                  # what keeps the received bytes alive when Python holds the head; else None

    cdef void clear(self) noexcept                                    # ready for the next message; keeps its memory
    cdef char *alloc(self, uint32_t n) noexcept                       # arena bytes, valid until clear(); NULL: no room
    cdef bint grow(self) noexcept                                     # room for more fields; False: out of memory or 65535
    cdef bint take_arena(self, uint32_t n) noexcept
    cdef bint fits(self, uint32_t more) noexcept                      # whether it may grow by `more` bytes
    cdef uint32_t measure(self) noexcept                              # its size in HAProxy's buffer
    cdef void touch(self) noexcept                                    # about to differ from what was received
    cdef Field *push(self, const char *name, uint32_t nlen, const char *value, uint32_t vlen) noexcept   # no copy; NULL: too many
    cdef int find(self, const char *name, uint32_t nlen, int start) noexcept      # index >= start of a live field, or -1
    cdef int find_id(self, int id, int start) noexcept
    cdef int add(self, const char *name, uint32_t nlen, const char *value, uint32_t vlen) noexcept   # copies; 0 ok, -1 full
    cdef int set(self, const char *name, uint32_t nlen, const char *value, uint32_t vlen) noexcept   # removes all, adds one
    cdef int remove(self, const char *name, uint32_t nlen) noexcept              # how many went
    cdef int set_value(self, int index, const char *value, uint32_t vlen) noexcept     # copies
    cdef int set_target(self, const char *target, uint32_t n) noexcept           # copies
    cdef int set_method(self, const char *method, uint32_t n) noexcept
    cdef int set_status(self, int status, const char *reason, uint32_t n) noexcept
    cdef void path(self, const char **p, uint32_t *n) noexcept         # path of the target, without query; n=0: none ("*", authority)
    cdef void query(self, const char **p, uint32_t *n) noexcept
    cdef int64_t write_request(self, char *out, uint32_t room) noexcept nogil      # bytes written, -1: does not fit
    cdef int64_t write_response(self, char *out, uint32_t room) noexcept nogil
    cdef object serialised(self, uint32_t room, bint response)

cdef Method method_of(const char *p, uint32_t n) noexcept nogil
cdef FieldId field_id(const char *name, uint32_t n) noexcept nogil     # name in lower case
cdef uint32_t target_form(Method method, const char *p, uint32_t n) noexcept nogil    # HF_*_FORM, 0: origin form
cdef void authority_of(const char *p, uint32_t n, const char **a, uint32_t *an) noexcept nogil   # of "scheme://authority..."; *an 0: none
