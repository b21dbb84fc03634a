"""HTTP/1 message bodies on memory: lengths, chunked coding, trailers (RFC 9112 6, 7)."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t

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
    uint8_t drop_line    # the current trailer line is not forwarded
    uint16_t trailers    # trailer fields seen (bounded)
    uint32_t trailer_bytes
    uint32_t counted     # names and values of trailers, as HAProxy counts bytes
    uint16_t blanks      # inside a trailer's value, not yet counted

cdef void h1_body_init(H1Body *b, int mode, uint64_t length) noexcept nogil
# Walk `n` received bytes at `buf`: validates framing; drops chunk extensions (and, with strip, all framing) by moving
# bytes down in place. *consumed: bytes of input that belonged to the message; returns bytes now at `buf` that may be
# forwarded, or < 0 (H1_BAD). After `done`, what follows consumed belongs to the next message. Before `done`, up to 20 bytes
# (the beginning of a trailer's name) may stay unconsumed: hand them in again in front of what comes next.
cdef int64_t h1_body_step(H1Body *b, char *buf, uint32_t n, uint32_t *consumed) noexcept nogil
