"""HTTP/1 on memory, never on a descriptor: heads, bodies, chunked coding (RFC 9112), as strict as HAProxy 3.x."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t
from haproxy_py.engine.message cimport Head

# Results of the head parsers: > 0 length of the head, 0 more bytes wanted, < 0 one of these.
cdef enum H1Error:
    H1_BAD = -1              # 400 / 502
    H1_TOO_LARGE = -2        # head does not fit in the buffer (request: 400 as HAProxy; response 502)
    H1_TOO_MANY = -3         # more than maxhdr fields
    H1_BAD_VERSION = -4      # not HTTP/1.x  (400; HAProxy: 505 is never sent)
    H1_UNSUPPORTED_TE = -5   # transfer-encoding it cannot frame (422 in 3.x / 501)

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

# A body in one direction. `mode` decides what the bytes mean.
cdef enum BodyMode:
    B_NONE = 0           # no body
    B_LENGTH             # `left` bytes
    B_CHUNKED
    B_UNTIL_CLOSE        # reply that ends with the connection
    B_TUNNEL             # after 101 / CONNECT: both ways until both closed

cdef struct H1Body:
    uint8_t mode         # BodyMode
    uint8_t state        # chunk parser
    uint8_t done         # the last byte of the message has been seen
    uint8_t strip        # take the chunk framing off (an HTTP/1.0 peer)
    uint8_t in_trailer
    uint32_t line_len    # bytes of the current chunk-size or trailer line (bounded)
    uint64_t left        # of the body or of the current chunk
    uint64_t payload     # body bytes seen, without framing
    uint32_t error_pos

cdef void h1_body_init(H1Body *b, int mode, uint64_t length) noexcept nogil
# Walk `n` received bytes at `buf`: validates framing; drops chunk extensions (and, with strip, all framing) by moving
# bytes down in place. *consumed: bytes of input that belonged to the message; returns bytes now at `buf` that may be
# forwarded, or < 0 (H1_BAD). After `done`, what follows consumed belongs to the next message.
cdef int64_t h1_body_step(H1Body *b, char *buf, uint32_t n, uint32_t *consumed) noexcept nogil
