"""HTTP/1 on memory, never on a descriptor: heads here, bodies in h1_body (RFC 9112), as strict as HAProxy 3.x."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t
from haproxy_py.engine.message cimport Head
from haproxy_py.engine.h1_body cimport (
    BodyMode, B_NONE, B_LENGTH, B_CHUNKED, B_UNTIL_CLOSE, B_TUNNEL, H1Body, h1_body_init, h1_body_step)

# Results of the head parsers: > 0 length of the head, 0 more bytes wanted, < 0 one of these.
cdef enum H1Error:
    H1_BAD = -1              # 400 / 502
    H1_TOO_LARGE = -2        # head does not fit in the buffer (request: 400 as HAProxy; response 502)
    H1_TOO_MANY = -3         # more than maxhdr fields
    H1_BAD_VERSION = -4      # not HTTP/1.x  (400; HAProxy: 505 is never sent)
    H1_UNSUPPORTED_TE = -5   # a coding before chunked, which it cannot undo (request: 422; response 502)

cdef struct H1Parser:        # resumable: dribbled bytes cost linear time, a bad byte is refused when it arrives
    uint8_t state
    uint8_t response         # 0: request, 1: response
    uint8_t lenient          # option accept-invalid-http-*
    uint32_t pos             # next byte to look at, from the start of the message
    uint32_t line            # where the current line starts
    uint32_t mark            # state's own
    uint32_t mark2
    uint32_t error_pos       # set when a parser returns < 0

cdef void h1_init(H1Parser *p, bint response) noexcept nogil
# `buf` is where the message starts and must not move until head.clear(); names are put in lower case in place.
cdef int h1_head(H1Parser *p, char *buf, uint32_t length, Head head, uint32_t max_fields) noexcept
