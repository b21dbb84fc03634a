# cython: language_level=3
"""HTTP/1 heads: the start line and the fields, resumable at any byte (RFC 9112 2-5). See http1.pxd.

h1_head() is a state machine over pieces (method, target, version, name, value ...); within a piece a table or SSE2 loop
runs, so each byte is looked at once however the input is split. A byte that no continuation could make good is refused
when it arrives, as HAProxy does. What a whole head means (framing, Host, Connection, Upgrade) is judged in h1_rules.
Leniencies, all of HAProxy: empty lines before a message, bare LF as a line end, several blanks or tabs between the words
of a start line, obs-fold (its line end becomes blanks). Everything else that RFC 9112 forbids is refused.
"""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy, memset
from haproxy_py.engine.h1_rules cimport finish_request, finish_response
from haproxy_py.engine.message cimport Head, Field, F_CANON, HF_CLEAN, method_of, target_form

cdef extern from "http1_scan.h" nogil:
    char *h1_value_stop(char *p, char *end)
    char *h1_target_stop(char *p, char *end)
    const uint8_t h1_token[256]
    const uint8_t h1_lower[256]

cdef enum State:
    S_SKIP            # empty lines before the message
    S_SKIP_LF
    S_METHOD
    S_TARGET_BLANK
    S_TARGET
    S_VERSION_BLANK
    S_VERSION
    S_START_LF        # CR of the start line seen
    S_STATUS_BLANK
    S_STATUS
    S_REASON_BLANK
    S_REASON
    S_LINE            # first byte of a field line
    S_NAME
    S_OWS             # blanks before a value
    S_VALUE
    S_VALUE_LF
    S_END_LF          # CR of the blank line seen
    S_DONE
    S_BAD

cdef const char *VERSION_FORM = "HTTP/0.0"


cdef inline bint blank(char c) noexcept nogil:
    return c == c' ' or c == c'\t'


cdef inline bint digit(char c) noexcept nogil:
    return c'0' <= c <= c'9'


cdef void h1_init(H1Parser *p, bint response) noexcept nogil:
    memset(p, 0, sizeof(H1Parser))
    p.response = response


cdef int refuse(H1Parser *p, uint32_t pos, int error) noexcept nogil:
    """Remember where; the parser gives the same answer from now on."""
    p.state = S_BAD
    p.error_pos = pos
    p.mark = <uint32_t>-error
    return error


cdef int h1_head(H1Parser *p, char *buf, uint32_t length, Head head, uint32_t max_fields) noexcept:
    cdef int r = 1
    if p.state == S_BAD:
        return -<int>p.mark
    if p.state == S_SKIP and p.pos == 0:
        head.flags |= HF_CLEAN
    if p.state < S_LINE:
        r = start_line(p, buf, length, head)
    if r > 0:
        r = fields(p, buf, length, head, max_fields)
    if r <= 0:
        return r
    head.start = buf
    head.length = p.pos
    if p.response:
        r = finish_response(head)
    else:
        r = finish_request(head, p.lenient)
        if r == 0:
            r = keep_line(head)
    if r < 0:
        return refuse(p, p.pos, r)
    return <int>p.pos


cdef int keep_line(Head h) noexcept:
    """The request line for logs, before rules change parts of it: as received when its words lie one blank apart."""
    cdef uint32_t m = h.method_len, t = h.target_len
    cdef char *line
    h.line_len = m + t + h.version_len + 2
    if h.target == h.method_text + m + 1 and h.version_text == h.target + t + 1 and h.method_text[m] == c' ' and h.target[t] == c' ':
        h.line = h.method_text
        return 0
    line = h.alloc(h.line_len)
    if line == NULL:
        return H1_BAD
    memcpy(line, h.method_text, m)
    line[m] = c' '
    memcpy(line + m + 1, h.target, t)
    line[m + 1 + t] = c' '
    memcpy(line + m + t + 2, h.version_text, h.version_len)
    h.line = line
    return 0


# ---------------------------------------------------------------- the start line

cdef int start_line(H1Parser *p, char *buf, uint32_t length, Head head) noexcept:
    """1: the line is complete, p.state is S_LINE (or S_DONE: HTTP/0.9); 0: more; < 0: refused."""
    cdef uint32_t pos = p.pos
    cdef char c
    cdef int r
    while pos < length:
        c = buf[pos]
        if p.state == S_TARGET:
            pos = target_end(p, buf, pos, length)
            if pos == length:
                break
            r = end_target(p, buf, pos, head)
            if r < 0:
                return r
        elif p.state == S_METHOD:
            if h1_token[<uint8_t>c]:
                pos += 1
                continue
            if not blank(c) or pos == p.mark:
                return refuse(p, pos, H1_BAD)
            head.method_text = buf + p.mark
            head.method_len = pos - p.mark
            head.method = method_of(head.method_text, head.method_len)
            p.mark = pos
            p.state = S_TARGET_BLANK
        elif p.state == S_VERSION or p.state == S_STATUS:
            if p.state == S_VERSION:
                r = version_byte(p, buf, pos, head)
            else:
                r = status_byte(p, buf, pos, head)
            if r < 0:
                return r
            pos += <uint32_t>r
        elif p.state == S_REASON:
            pos = <uint32_t>(h1_value_stop(buf + pos, buf + length) - buf)
            if pos == length:
                break
            if buf[pos] == 0:
                return refuse(p, pos, H1_BAD)
            head.reason = buf + p.mark
            head.reason_len = pos - p.mark
            p.state = S_START_LF
        elif p.state == S_START_LF:
            # at the CR, or at the LF; p.mark2: the CR has been seen
            if c == c'\n':
                if not p.mark2:
                    head.flags &= ~<uint32_t>HF_CLEAN
                p.mark2 = 0
                p.pos = pos + 1
                p.state = S_LINE
                return 1
            if c != c'\r' or p.mark2:
                return refuse(p, pos, H1_BAD)
            p.mark2 = 1
            pos += 1
        elif p.state == S_SKIP or p.state == S_SKIP_LF:
            r = skip_byte(p, c, pos, head)
            if r < 0:
                return r
            pos += <uint32_t>r
        elif blank(c):                                # one of the states between two words
            if pos > p.mark or c == c'\t':
                head.flags &= ~<uint32_t>HF_CLEAN
            pos += 1
        else:
            r = begin_word(p, c, pos)
            if r < 0:
                return r
    p.pos = pos
    return 0


cdef int skip_byte(H1Parser *p, char c, uint32_t pos, Head head) noexcept:
    """Empty lines in front of the message (RFC 9112 2.2). Returns: bytes taken, or an error."""
    if c == c'\n' or (c == c'\r' and p.state == S_SKIP):
        p.state = S_SKIP if c == c'\n' else S_SKIP_LF
        head.flags &= ~<uint32_t>HF_CLEAN
        return 1
    if p.state == S_SKIP_LF:
        return refuse(p, pos, H1_BAD)
    p.line = p.mark = pos
    p.state = S_VERSION if p.response else S_METHOD
    return 0


cdef int begin_word(H1Parser *p, char c, uint32_t pos) noexcept nogil:
    """The first byte behind the blanks of a start line."""
    if p.state == S_TARGET_BLANK:
        if c == c'\r' or c == c'\n':
            return refuse(p, pos, H1_BAD)
        p.state = S_TARGET
    elif p.state == S_VERSION_BLANK:
        p.state = S_VERSION
    elif p.state == S_STATUS_BLANK:
        p.state = S_STATUS
    else:
        p.state = S_REASON
    p.mark = pos
    return 0


cdef uint32_t target_end(H1Parser *p, char *buf, uint32_t pos, uint32_t length) noexcept nogil:
    """The byte that ends the target or is not allowed in it; lenient: "#" and bytes above 127 are."""
    while True:
        pos = <uint32_t>(h1_target_stop(buf + pos, buf + length) - buf)
        if pos == length or not p.lenient or not (buf[pos] == c'#' or <uint8_t>buf[pos] > 127):
            return pos
        pos += 1


cdef int end_target(H1Parser *p, char *buf, uint32_t pos, Head head) noexcept:
    cdef char c = buf[pos]
    if not blank(c) and not (p.lenient and (c == c'\r' or c == c'\n')):
        return refuse(p, pos, H1_BAD)
    head.target = buf + p.mark
    head.target_len = pos - p.mark
    head.flags |= target_form(head.method, head.target, head.target_len)
    p.mark = pos
    p.state = S_VERSION_BLANK
    if not blank(c):                                  # HTTP/0.9: the line without a version is the whole head
        head.version = 9
        head.version_text = "HTTP/1.0"
        head.version_len = 8
        p.state = S_START_LF
    return 0


cdef int version_byte(H1Parser *p, char *buf, uint32_t pos, Head head) noexcept:
    """One byte of HTTP/d.d, or of what ends it. Lenient: any name, any number of digits."""
    cdef char c = buf[pos]
    cdef uint32_t at = pos - p.mark
    cdef bint ends = blank(c) if p.response else (c == c'\r' or c == c'\n')
    if ends and (at == 8 or (p.lenient and at)):
        return end_version(p, buf, pos, head)
    if p.lenient and not p.response:
        if not (digit(c) or c'A' <= c <= c'Z' or c == c'/' or c == c'.'):
            return refuse(p, pos, H1_BAD)
    elif at >= 8 or (not digit(c) if at == 5 or at == 7 else c != VERSION_FORM[at]):
        return refuse(p, pos, H1_BAD)
    return 1


cdef int end_version(H1Parser *p, char *buf, uint32_t pos, Head head) noexcept:
    """Anything from 1.1 on is spoken to as 1.1, anything below as 1.0 (RFC 9110 2.5)."""
    cdef const char *v = buf + p.mark
    cdef uint32_t n = pos - p.mark
    head.version_text = v
    head.version_len = n
    head.version = 11 if n == 8 and (v[5] > c'1' or (v[5] == c'1' and v[7] >= c'1')) else 10
    if head.version == 11 and not (n == 8 and v[0] == c'H' and v[5] == c'1' and v[7] == c'1'):
        head.flags &= ~<uint32_t>HF_CLEAN
    if head.method_len == 3 and head.method_text[0] == c'P' and head.method_text[1] == c'R' and n == 8 and v[5] == c'2':
        return refuse(p, pos, H1_BAD_VERSION)         # the preface of HTTP/2 (RFC 9113 3.4)
    p.mark = pos
    p.state = S_STATUS_BLANK if p.response else S_START_LF
    return 0


cdef int status_byte(H1Parser *p, char *buf, uint32_t pos, Head head) noexcept:
    """One byte of the three digits of a status, or of what ends them."""
    cdef char c = buf[pos]
    cdef uint32_t at = pos - p.mark
    if at < 3:
        if not digit(c) or (at == 0 and c == c'0'):
            return refuse(p, pos, H1_BAD)
        head.status = head.status * 10 + (c - c'0')
        return 1
    if c == c'\r' or c == c'\n':                       # it leaves with the blank (RFC 9112 4)
        p.state = S_START_LF
        head.flags &= ~<uint32_t>HF_CLEAN
    elif blank(c):
        p.state = S_REASON_BLANK
    else:
        return refuse(p, pos, H1_BAD)
    head.reason = buf + pos
    head.reason_len = 0
    p.mark = pos
    return 0


# ---------------------------------------------------------------- fields

cdef int fields(H1Parser *p, char *buf, uint32_t length, Head head, uint32_t most) noexcept:
    """1: the blank line is read; 0: more; < 0: refused. p.line: where the name starts, p.mark: the value."""
    cdef char *at = buf + p.pos
    cdef char *end = buf + length
    cdef Field *f
    cdef uint8_t state = p.state
    if head.version == 9:
        head.version = 10
        head.flags &= ~<uint32_t>HF_CLEAN
        return 1
    while at < end:
        if state == S_LINE:
            if at[0] == c'\r':
                at += 1
                state = S_END_LF
                continue
            if at[0] == c'\n':
                head.flags &= ~<uint32_t>HF_CLEAN
                p.pos = <uint32_t>(at + 1 - buf)
                p.state = S_DONE
                return 1
            if blank(at[0]) and head.count:
                state = unfold(p, buf, at, head)
                continue
            p.line = <uint32_t>(at - buf)
            state = S_NAME
        if state == S_NAME:
            while at < end and h1_lower[<uint8_t>at[0]]:
                at[0] = <char>h1_lower[<uint8_t>at[0]]
                at += 1
            if at == end:
                break
            if at[0] != c':':
                if not p.lenient or at[0] == c'\r' or at[0] == c'\n':
                    return refuse(p, <uint32_t>(at - buf), H1_BAD)
                at += 1
                continue
            if at == buf + p.line:
                return refuse(p, p.line, H1_BAD)
            if <uint32_t>head.count + 1 >= most or head.push(buf + p.line, <uint32_t>(at - buf) - p.line, NULL, 0) == NULL:
                return refuse(p, p.line, H1_TOO_MANY)
            at += 1
            state = S_OWS
        if state == S_OWS:
            while at < end and blank(at[0]):
                at += 1
            if at == end:
                break
            p.mark = <uint32_t>(at - buf)
            state = S_VALUE
        if state == S_VALUE:
            at = h1_value_stop(at, end)
            if at == end:
                break
            if at[0] == 0:
                if not p.lenient:
                    return refuse(p, <uint32_t>(at - buf), H1_BAD)
            elif at[0] == c'\r':
                state = S_VALUE_LF
            else:
                end_value(p, buf, at, head)
                state = S_LINE
            at += 1
        elif at[0] != c'\n':                          # S_VALUE_LF, S_END_LF
            return refuse(p, <uint32_t>(at - buf), H1_BAD)
        elif state == S_VALUE_LF:
            end_value(p, buf, at, head)
            state = S_LINE
            at += 1
        else:
            p.pos = <uint32_t>(at + 1 - buf)
            p.state = S_DONE
            return 1
    p.state = state
    p.pos = <uint32_t>(at - buf)
    return 0


cdef inline void end_value(H1Parser *p, char *buf, char *lf, Head head) noexcept:
    """Store the value that ends before the line end at `lf`, without the blanks around it."""
    cdef Field *f = head.fields + head.count - 1
    cdef char *v = buf + p.mark
    cdef char *e = lf
    cdef bint canonical = f.value == NULL and v == f.name + f.name_len + 2 and (v - 1)[0] == c' '
    if e > v and (e - 1)[0] == c'\r':
        e -= 1
    else:
        canonical = False
    if e > v and blank((e - 1)[0]):
        canonical = False
        while e > v and blank((e - 1)[0]):
            e -= 1
    f.value = v
    f.value_len = <uint32_t>(e - v)
    if canonical:
        f.flags = F_CANON
    else:
        f.flags = 0
        head.flags &= ~<uint32_t>HF_CLEAN


cdef uint8_t unfold(H1Parser *p, char *buf, char *at, Head head) noexcept:
    """A line that starts with a blank goes on with the value of the one before (obs-fold): its line end becomes blanks."""
    cdef Field *f = head.fields + head.count - 1
    (at - 1)[0] = c' '
    if (at - 2)[0] == c'\r':
        (at - 2)[0] = c' '
    if f.value_len == 0:
        return S_OWS
    p.mark = <uint32_t>(f.value - buf)
    return S_VALUE
