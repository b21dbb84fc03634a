# cython: language_level=3
"""HTTP/1 bodies: see h1_body.pxd. Every byte is looked at once, at any split.

Chunked coding is passed on as it came, sizes and all, less what is no business of the next hop: blanks behind a size,
chunk extensions (RFC 9112 7.1.1) and trailer fields that speak of framing, routing, authentication or this connection
(RFC 9110 6.5.1). Trailer names go out in lower case. Stricter than HAProxy 2.x on purpose: a chunk line ends with CRLF,
never with a bare LF, and a trailer is not folded: those are the forms that one side reads differently from the other.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t, int64_t
from libc.string cimport memcmp, memmove, memset

cdef extern from "http1_scan.h" nogil:
    const uint8_t h1_lower[256]

cdef enum:
    BAD = -1
    DIGITS_MOST = 16            # of a chunk size, leading zeros included
    SIZE_BITS = 52              # HAProxy's bound on one chunk: 2**52 - 1
    LINE_MOST = 16384           # a size line with its extension; all trailers together
    TRAILERS_MOST = 100
    LEADING = 65535             # H1Body.blanks in front of a value
    NAME_HELD = 20              # a trailer's name may wait for its end this long; no forbidden one is longer

cdef enum State:
    C_SIZE_FIRST
    C_SIZE
    C_BLANKS                    # behind a size
    C_EXTENSION
    C_SIZE_LF
    C_DATA
    C_DATA_CR
    C_DATA_LF
    C_LINE                      # first byte of a trailer line
    C_NAME
    C_VALUE
    C_VALUE_LF
    C_END_LF


cdef void h1_body_init(H1Body *b, int mode, uint64_t length) noexcept nogil:
    memset(b, 0, sizeof(H1Body))
    b.mode = <uint8_t>mode
    b.left = length
    b.done = mode == B_NONE or (mode == B_LENGTH and length == 0)


cdef int64_t h1_body_step(H1Body *b, char *buf, uint32_t n, uint32_t *consumed) noexcept nogil:
    consumed[0] = 0
    if b.done:
        return 0
    if b.mode == B_CHUNKED:
        return chunked(b, buf, n, consumed)
    if b.mode == B_LENGTH:
        if n >= b.left:
            n = <uint32_t>b.left
            b.done = 1
        b.left -= n
    b.payload += n
    consumed[0] = n
    return n


cdef int64_t chunked(H1Body *b, char *buf, uint32_t n, uint32_t *consumed) noexcept nogil:
    """r: next byte to read, w: where the next kept byte goes; w <= r always."""
    cdef uint32_t r = 0, w = 0, part
    cdef int keep
    while r < n and not b.done:
        if b.state == C_DATA:
            part = n - r if n - r < b.left else <uint32_t>b.left
            if w != r:
                memmove(buf + w, buf + r, part)
            r += part
            w += part
            b.payload += part
            b.left -= part
            if b.left == 0:
                b.state = C_DATA_CR
            continue
        if b.state == C_LINE and buf[r] != c'\r':
            part = begin_trailer(b, buf + r, n - r)
            if part == 0:
                break
            keep = BAD if b.line_len == 0 else not b.drop_line
        else:
            part = 1
            keep = size_byte(b, buf[r]) if b.state < C_LINE else trailer_byte(b, buf + r)
        if keep < 0:
            b.error_pos = r
            return BAD
        if keep and not b.strip:
            if w != r:
                memmove(buf + w, buf + r, part)
            w += part
        r += part
    consumed[0] = r
    return w


cdef inline int hex_digit(char c) noexcept nogil:
    if c'0' <= c <= c'9':
        return c - c'0'
    c |= 0x20
    return c - c'a' + 10 if c'a' <= c <= c'f' else -1


cdef int size_byte(H1Body *b, char c) noexcept nogil:
    """One byte of a size line or of the line end behind a chunk. 1: it goes out, 0: it does not, BAD."""
    cdef int v
    b.line_len += 1
    if b.line_len > LINE_MOST:
        return BAD
    if b.state <= C_SIZE:
        v = hex_digit(c)
        if v >= 0:
            b.left = b.left << 4 | <uint64_t>v
            b.state = C_SIZE
            return BAD if b.line_len > DIGITS_MOST or b.left >> SIZE_BITS else 1
        if b.state == C_SIZE_FIRST:
            return BAD
        b.state = C_BLANKS
    if b.state == C_BLANKS or b.state == C_EXTENSION:
        if c == c'\r':
            b.state = C_SIZE_LF
            return 1
        if b.state == C_BLANKS and c == c';':
            b.state = C_EXTENSION
        return BAD if c == c'\n' or (b.state == C_BLANKS and c != c' ' and c != c'\t') else 0
    if b.state == C_DATA_CR:
        b.state = C_DATA_LF
        return 1 if c == c'\r' else BAD
    if c != c'\n':                                    # C_SIZE_LF, C_DATA_LF
        return BAD
    if b.state == C_DATA_LF:
        b.state = C_SIZE_FIRST
    elif b.left:
        b.state = C_DATA
    else:
        b.state = C_LINE
        b.in_trailer = 1
    b.line_len = 0
    return 1


cdef uint32_t begin_trailer(H1Body *b, char *p, uint32_t n) noexcept nogil:
    """The name of a trailer field, as far as it decides whether the line goes out.

    Returns: its bytes; 0: wait for more. b.line_len is 0 afterwards if the name is not allowed.
    """
    cdef uint32_t i = 0
    b.line_len = 0
    while i < n and i <= NAME_HELD and h1_lower[<uint8_t>p[i]]:
        p[i] = <char>h1_lower[<uint8_t>p[i]]
        i += 1
    if i == n and i <= NAME_HELD:
        return 0
    b.trailers += 1
    b.trailer_bytes += i
    b.counted += i
    if i == 0 or (i <= NAME_HELD and p[i] != c':') or b.trailers > TRAILERS_MOST or b.trailer_bytes > LINE_MOST:
        return 1
    b.drop_line = i <= NAME_HELD and forbidden(p, i)
    b.line_len = i
    b.state = C_NAME
    return i


cdef int trailer_byte(H1Body *b, char *p) noexcept nogil:
    """One byte of the trailer section. As size_byte."""
    cdef char c = p[0]
    b.trailer_bytes += 1
    if b.trailer_bytes > LINE_MOST:
        return BAD
    if b.state == C_LINE:                             # the CR of the last line
        b.state = C_END_LF
        return 1
    if b.state == C_END_LF:
        b.done = 1
        return 1 if c == c'\n' else BAD
    if b.state == C_NAME:
        if c == c':':
            b.state = C_VALUE
            b.blanks = LEADING
        elif h1_lower[<uint8_t>c]:
            p[0] = <char>h1_lower[<uint8_t>c]
            b.counted += 1
        else:
            return BAD
    elif b.state == C_VALUE:
        if c == c'\r':
            b.state = C_VALUE_LF
        elif c == c'\n' or c == 0:
            return BAD
        else:
            count_value(b, c)
    elif c == c'\n':                                  # C_VALUE_LF
        b.state = C_LINE
    else:
        return BAD
    return not b.drop_line


cdef inline void count_value(H1Body *b, char c) noexcept nogil:
    """One byte of a trailer's value; the blanks around it do not count."""
    if c != c' ' and c != c'\t':
        b.counted += 1 + (0 if b.blanks == LEADING else b.blanks)
        b.blanks = 0
    elif b.blanks != LEADING:
        b.blanks += 1


cdef inline bint is_name(const char *p, uint32_t n, const char *name, uint32_t m) noexcept nogil:
    return n == m and memcmp(p, name, m) == 0


cdef bint forbidden(const char *p, uint32_t n) noexcept nogil:
    """Names that a trailer must not carry to the next hop."""
    if p[0] == c'c':
        return (is_name(p, n, "content-length", 14) or is_name(p, n, "connection", 10) or is_name(p, n, "cookie", 6)
                or is_name(p, n, "content-type", 12) or is_name(p, n, "content-range", 13)
                or is_name(p, n, "content-encoding", 16))
    if p[0] == c't':
        return is_name(p, n, "transfer-encoding", 17) or is_name(p, n, "te", 2) or is_name(p, n, "trailer", 7)
    if p[0] == c'p':
        return (is_name(p, n, "proxy-connection", 16) or is_name(p, n, "proxy-authorization", 19)
                or is_name(p, n, "proxy-authenticate", 18))
    return (is_name(p, n, "host", 4) or is_name(p, n, "keep-alive", 10) or is_name(p, n, "upgrade", 7)
            or is_name(p, n, "expect", 6) or is_name(p, n, "authorization", 13) or is_name(p, n, "set-cookie", 10)
            or is_name(p, n, "www-authenticate", 16))
