# cython: language_level=3
"""The judgement over a complete head. All fields are parsed; nothing has been sent.

Values may be cut or moved down inside the received bytes (they only shrink); what changes loses F_CANON and the head
HF_CLEAN. Behaviour is HAProxy 2.8's, stricter where its leniency only helps smuggling; tests/oracle lists each difference.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memmove
from haproxy_py.engine.message cimport (
    Head, Field, F_CANON, F_COUNTED, F_DROP, M_CONNECT, M_OPTIONS, H_OTHER, H_HOST, H_CONNECTION, H_CONTENT_LENGTH,
    H_TRANSFER_ENCODING, H_EXPECT, H_UPGRADE, H_TE, H_SEC_WEBSOCKET_KEY, H_SEC_WEBSOCKET_ACCEPT,
    HF_CHUNKED, HF_LENGTH, HF_CONN_CLOSE, HF_CONN_KEEPALIVE, HF_CONN_UPGRADE, HF_EXPECT_100, HF_CLEAN,
    HF_UPGRADE_WEBSOCKET, HF_AUTHORITY_FORM, HF_ABSOLUTE_FORM, HF_ASTERISK_FORM, HF_MUST_CLOSE, HF_TE_FIX, authority_of)

cdef enum:
    BAD = -1                 # http1.H1_BAD
    UNSUPPORTED_TE = -5      # http1.H1_UNSUPPORTED_TE
    LENGTH_MOST = 0x7fffffffffffffff
    KEY_BYTES = 24           # a sec-websocket-key: 16 bytes in base64 (RFC 6455 4.1)

cdef struct Found:           # what the fields of one head say
    bint length
    bint coding
    bint chunked             # the last coding is chunked
    bint other_coding
    bint upgrade             # a protocol other than HTTP/2
    bint websocket
    bint key                 # sec-websocket-key (of its only length) or -accept (not empty)
    int host                 # index of the first, -1: none


cdef inline bint blank(char c) noexcept nogil:
    return c == c' ' or c == c'\t'


cdef inline bint is_word(const char *p, uint32_t n, const char *word, uint32_t m) noexcept nogil:
    """Equal without regard to case; `word` in lower case, letters, digits and "-" only."""
    cdef uint32_t i
    if n != m:
        return False
    for i in range(n):
        if (p[i] | 0x20) != word[i]:
            return False
    return True


cdef bint same_name(const char *p, const char *q, uint32_t n) noexcept nogil:
    """Equal host names: without regard to the case of letters."""
    cdef uint32_t i
    cdef char a, b
    for i in range(n):
        a = p[i]
        b = q[i]
        if a != b and ((a | 0x20) != (b | 0x20) or not c'a' <= (a | 0x20) <= c'z'):
            return False
    return True


cdef bint next_token(Field *f, uint32_t *at, uint32_t *start, uint32_t *end) noexcept nogil:
    """Step through a comma list; an empty element gives start == end. *at is 0 at first. False: no more."""
    cdef uint32_t i = at[0], stop
    if i > f.value_len:
        return False
    while i < f.value_len and blank(f.value[i]):
        i += 1
    start[0] = i
    while i < f.value_len and f.value[i] != c',':
        i += 1
    at[0] = i + 1
    stop = i
    while stop > start[0] and blank(f.value[stop - 1]):
        stop -= 1
    end[0] = stop
    return True


cdef inline void changed(Head h, Field *f) noexcept nogil:
    f.flags &= ~<uint8_t>F_CANON
    h.flags &= ~<uint32_t>HF_CLEAN


cdef inline void drop(Head h, Field *f) noexcept nogil:
    f.flags |= F_DROP
    h.flags &= ~<uint32_t>HF_CLEAN


cdef void drop_all(Head h, int id, uint8_t counted) noexcept nogil:
    """Drop every field of that id. `counted`: F_COUNTED or 0."""
    cdef uint32_t i
    for i in range(h.count):
        if h.fields[i].id == id and not h.fields[i].flags & F_DROP:
            h.fields[i].flags |= counted
            drop(h, &h.fields[i])


cdef void cut_tokens(Head h, Field *f, const char *one, uint32_t n, const char *two, uint32_t m) noexcept:
    """Take two words out of a comma list; a field left without elements is dropped."""
    cdef char *kept
    cdef uint32_t at = 0, used = 0, start, end
    kept = h.alloc(f.value_len * 2 + 2)
    if kept == NULL:
        drop(h, f)
        return
    while next_token(f, &at, &start, &end):
        if start == end or is_word(f.value + start, end - start, one, n) or is_word(f.value + start, end - start, two, m):
            continue
        if used:
            kept[used] = c','
            kept[used + 1] = c' '
            used += 2
        memcpy(kept + used, f.value + start, end - start)
        used += end - start
    f.value = kept
    f.value_len = used
    changed(h, f)
    if used == 0:
        drop(h, f)


# ---------------------------------------------------------------- framing

cdef int content_length(Head h, Field *f, Found *found) noexcept nogil:
    """1*DIGIT, or the same number several times in a list or in several fields, which become one (RFC 9112 6.3)."""
    cdef uint32_t at = 0, start, end, i, first = 0, first_end = 0
    cdef uint64_t n
    while next_token(f, &at, &start, &end):
        if start == end:
            return BAD
        n = 0
        for i in range(start, end):
            if not c'0' <= f.value[i] <= c'9' or n > LENGTH_MOST // 10:
                return BAD
            n = n * 10 + <uint64_t>(f.value[i] - c'0')
        if n > LENGTH_MOST or (found.length and n != h.content_length):
            return BAD
        if first_end == 0:
            first = start
            first_end = end
        if not found.length:
            h.content_length = n
        elif first_end == end:                # the first number of a further field
            drop(h, f)
        found.length = True
    while first + 1 < first_end and f.value[first] == c'0':
        first += 1
    if first or first_end != f.value_len:
        f.value += first
        f.value_len = first_end - first
        changed(h, f)
    return 0


cdef int transfer_encoding(Field *f, Found *found) noexcept nogil:
    """Elements over all fields in order: chunked once, and last."""
    cdef uint32_t at = 0, start, end
    found.coding = True
    while next_token(f, &at, &start, &end):
        if start == end or found.chunked:
            return BAD
        if is_word(f.value + start, end - start, "chunked", 7):
            found.chunked = True
        else:
            found.other_coding = True
    return 0


cdef void say_chunked(Head h) noexcept nogil:
    """The one coding, in the spelling that nobody can misread."""
    cdef uint32_t i
    cdef Field *f
    for i in range(h.count):
        f = h.fields + i
        if f.id == H_TRANSFER_ENCODING and memcmp(f.value, <const char *>b"chunked", 7) != 0:
            f.value = "chunked"
            f.value_len = 7
            changed(h, f)


cdef int settle_framing(Head h, Found *found) noexcept nogil:
    """Which of length and coding holds. Both, or a coding in HTTP/1.0: the coding, and the connection is not trusted
    any further (RFC 9112 6.1)."""
    if found.coding:
        if not found.chunked:
            return BAD
        if found.other_coding:
            return UNSUPPORTED_TE
        h.flags |= HF_CHUNKED
        say_chunked(h)
        if found.length:
            drop_all(h, H_CONTENT_LENGTH, 0)
            h.content_length = 0
        if found.length or h.version < 11:
            h.flags |= HF_MUST_CLOSE | HF_CONN_CLOSE
    elif found.length:
        h.flags |= HF_LENGTH
    if h.flags & HF_CONN_CLOSE:
        h.flags &= ~<uint32_t>HF_CONN_KEEPALIVE
    return 0


# ---------------------------------------------------------------- hop-by-hop fields

cdef void connection(Head h, Field *f) noexcept nogil:
    cdef uint32_t at = 0, start, end, n
    cdef const char *p
    while next_token(f, &at, &start, &end):
        p = f.value + start
        n = end - start
        if is_word(p, n, "close", 5):
            h.flags |= HF_CONN_CLOSE
        elif is_word(p, n, "keep-alive", 10):
            h.flags |= HF_CONN_KEEPALIVE
        elif is_word(p, n, "upgrade", 7):
            h.flags |= HF_CONN_UPGRADE


cdef void upgrade(Head h, Field *f, Found *found) noexcept:
    """Protocols asked for or offered. HTTP/2 is not upgraded to (RFC 9113 3.1), so nobody gets to ask for it."""
    cdef uint32_t at = 0, start, end, n
    cdef const char *p
    cdef bint http2 = False
    while next_token(f, &at, &start, &end):
        p = f.value + start
        n = end - start
        if is_word(p, n, "h2c", 3) or is_word(p, n, "h2", 2):
            http2 = True
        elif n:
            found.upgrade = True
            if is_word(p, n, "websocket", 9):
                found.websocket = True
    if http2:
        cut_tokens(h, f, "h2c", 3, "h2", 2)


cdef void settle_upgrade(Head h, Found *found) noexcept:
    """`upgrade` without `connection: upgrade`, or the reverse, means nothing and does not go on."""
    cdef uint32_t i
    if h.flags & HF_CONN_UPGRADE and not found.upgrade:
        h.flags &= ~<uint32_t>HF_CONN_UPGRADE
        for i in range(h.count):
            if h.fields[i].id == H_CONNECTION and not h.fields[i].flags & F_DROP:
                cut_tokens(h, &h.fields[i], "upgrade", 7, "upgrade", 7)
    elif found.upgrade and not h.flags & HF_CONN_UPGRADE:
        drop_all(h, H_UPGRADE, 0)


cdef int known_field(Head h, Field *f, Found *found) noexcept:
    """One field whose name has a number. 0, or an H1Error."""
    cdef uint8_t id = f.id
    if id == H_CONTENT_LENGTH:
        return content_length(h, f, found)
    if id == H_TRANSFER_ENCODING:
        return transfer_encoding(f, found)
    if id == H_CONNECTION:
        connection(h, f)
    elif id == H_UPGRADE:
        upgrade(h, f, found)
    elif id == H_EXPECT:
        if is_word(f.value, f.value_len, "100-continue", 12) and h.version >= 11:
            h.flags |= HF_EXPECT_100
    elif id == H_TE:
        if not (f.flags & F_CANON and f.value_len == 8 and memcmp(f.value, <const char *>b"trailers", 8) == 0):
            h.flags |= HF_TE_FIX
            changed(h, f)
    return 0


# ---------------------------------------------------------------- host and target

cdef bint good_host(const char *p, uint32_t n) noexcept nogil:
    """No byte that would make another part of a URI of it; brackets only around an IPv6 address (RFC 3986 3.2.2)."""
    cdef uint32_t i = 0
    cdef char c
    if n and p[0] == c'[':
        i = 1
        while i < n and p[i] != c']':
            c = p[i] | 0x20
            if not (c'0' <= p[i] <= c'9' or c'a' <= c <= c'z' or p[i] == c':' or p[i] == c'.' or p[i] == c'%'):
                return False
            i += 1
        if i == n or (i + 1 < n and p[i + 1] != c':'):
            return False
        i += 1
    while i < n:
        c = p[i]
        if (<uint8_t>c <= 32 or <uint8_t>c >= 127 or c == c'#' or c == c',' or c == c'/' or c == c'?' or c == c'@'
                or c == c'[' or c == c'\\' or c == c']'):
            return False
        i += 1
    return True


cdef uint32_t port_start(const char *p, uint32_t n) noexcept nogil:
    """Where ":" DIGIT* at the end of a host begins; n: there is no port."""
    cdef uint32_t i = n
    while i and c'0' <= p[i - 1] <= c'9':
        i -= 1
    return i - 1 if i and p[i - 1] == c':' else n


cdef bint good_authority(const char *p, uint32_t n) noexcept nogil:
    """A good host with at most one port: of an authority in a target."""
    cdef uint32_t end = port_start(p, n)
    cdef uint32_t i
    if not good_host(p, n):
        return False
    if end and p[0] == c'[':
        return p[end - 1] == c']'
    for i in range(end):
        if p[i] == c':':
            return False
    return True


cdef bint is_port(const char *p, uint32_t n, const char *port) noexcept nogil:
    """Whether `p` (":" and digits) is empty but for the colon, or this port."""
    cdef uint32_t i = 0
    if n <= 1:
        return True
    while port[i] and i + 1 < n and p[i + 1] == port[i]:
        i += 1
    return i + 1 == n and port[i] == 0


cdef uint32_t without_default(const char *p, uint32_t n, bint http, bint https) noexcept nogil:
    """Length of a host without its port if that is the scheme's default (RFC 9110 4.2)."""
    cdef uint32_t at = port_start(p, n)
    if at < n and ((http and is_port(p + at, n - at, "80")) or (https and is_port(p + at, n - at, "443"))):
        return at
    return n


cdef int one_host(Head h, Found *found) noexcept nogil:
    """Several equal Host fields become the first; different ones are refused (RFC 9112 3.2)."""
    cdef int i
    cdef Field *first
    found.host = -1
    for i in range(h.count):
        if h.fields[i].id != H_HOST:
            continue
        if found.host < 0:
            found.host = i
            continue
        first = &h.fields[found.host]
        if h.fields[i].value_len != first.value_len or not same_name(h.fields[i].value, first.value, first.value_len):
            return BAD
        drop(h, &h.fields[i])
    return 0


cdef int check_target(Head h, Found *found, bint lenient) noexcept:
    """The target has one of the four forms, and what it says of the host agrees with Host."""
    cdef const char *a = NULL
    cdef uint32_t an = 0, i
    cdef int bare
    cdef bint connect = h.method == M_CONNECT
    cdef bint https
    if not h.flags & (HF_ABSOLUTE_FORM | HF_AUTHORITY_FORM):
        return 0 if h.target[0] == c'/' or h.flags & HF_ASTERISK_FORM or lenient else BAD
    if connect:
        a = h.target
        an = h.target_len
        i = port_start(a, an)
        if not lenient and (i == 0 or i + 1 >= an or not good_authority(a, an)):
            return BAD
        return BAD if agree(h, found, a, an, True, True, lenient) < 0 else 0
    authority_of(h.target, h.target_len, &a, &an)
    if an == 0:
        return 0
    if not lenient and a + an < h.target + h.target_len and a[an] != c'/':
        return BAD                            # a query or fragment right behind the authority: nobody agrees on that
    for i in range(an):
        if a[i] == c'@':
            a += i + 1
            an -= i + 1
            break
    if not lenient and not good_authority(a, an):
        return BAD
    https = is_word(h.target, 6, "https:", 6)
    bare = agree(h, found, a, an, not https and is_word(h.target, 5, "http:", 5), https, lenient)
    if bare < 0:
        return BAD
    if <uint32_t>bare < an:
        memmove(<char *>a + bare, a + an, h.target + h.target_len - a - an)
        h.target_len -= an - <uint32_t>bare
        h.flags &= ~<uint32_t>HF_CLEAN
    return add_slash(h, a + bare)


cdef int agree(Head h, Found *found, const char *a, uint32_t an, bint http, bint https, bint lenient) noexcept nogil:
    """Authority and Host name the same place, default ports apart; where the authority has one, Host loses it too.

    Returns: the authority's length without a default port, or BAD.
    """
    cdef uint32_t bare = without_default(a, an, http, https)
    cdef uint32_t n
    cdef Field *f
    if found.host < 0:
        return <int>bare
    f = &h.fields[found.host]
    n = without_default(f.value, f.value_len, http, https)
    if n != bare or not same_name(f.value, a, n):
        return <int>bare if lenient else BAD
    if bare < an and n < f.value_len:
        f.value_len = n
        changed(h, f)
    return <int>bare


cdef int add_slash(Head h, const char *end) noexcept:
    """An absolute target without a path means "/" (RFC 9110 4.2.3), save for OPTIONS."""
    cdef char *p
    if end != h.target + h.target_len or h.method == M_OPTIONS:
        return 0
    p = h.alloc(h.target_len + 1)
    if p == NULL:
        return BAD
    memcpy(p, h.target, h.target_len)
    p[h.target_len] = c'/'
    h.target = p
    h.target_len += 1
    h.flags &= ~<uint32_t>HF_CLEAN
    return 0


# ---------------------------------------------------------------- both directions

cdef int scan(Head h, Found *found, uint8_t key_id) noexcept:
    """Every field with a numbered name. `key_id`: the field that a WebSocket head of this direction must have."""
    cdef uint32_t i
    cdef Field *f
    cdef int r
    found.length = found.coding = found.chunked = found.other_coding = False
    found.upgrade = found.websocket = found.key = False
    found.host = -1
    for i in range(h.count):
        f = h.fields + i
        if f.id == H_OTHER:
            continue
        if f.id == key_id:
            found.key = f.value_len == KEY_BYTES if key_id == H_SEC_WEBSOCKET_KEY else f.value_len > 0
            continue
        r = known_field(h, f, found)
        if r < 0:
            return r
    return settle_framing(h, found)


cdef void connect_framing(Head h, Found *found) noexcept:
    """CONNECT has no body (RFC 9110 9.3.6): what follows is for the tunnel, and for nobody if there will be none."""
    if h.flags & (HF_LENGTH | HF_CHUNKED) == 0:
        return
    h.flags &= ~<uint32_t>(HF_LENGTH | HF_CHUNKED | HF_CONN_KEEPALIVE)
    h.flags |= HF_MUST_CLOSE | HF_CONN_CLOSE
    h.content_length = 0
    drop_all(h, H_CONTENT_LENGTH, 0)
    drop_all(h, H_TRANSFER_ENCODING, 0)


cdef int finish_request(Head h, bint lenient) noexcept:
    cdef Found found
    cdef int r = scan(h, &found, H_SEC_WEBSOCKET_KEY)
    if r < 0:
        return r
    if h.method == M_CONNECT:
        connect_framing(h, &found)
    settle_upgrade(h, &found)
    if h.flags & HF_CONN_UPGRADE and found.websocket:
        if not found.key and not lenient:
            return BAD
        h.flags |= HF_UPGRADE_WEBSOCKET
    r = one_host(h, &found)
    if r < 0:
        return r
    if found.host >= 0 and not good_host(h.fields[found.host].value, h.fields[found.host].value_len):
        return BAD
    return check_target(h, &found, lenient)


cdef int finish_response(Head h) noexcept:
    cdef Found found
    cdef int r = scan(h, &found, H_SEC_WEBSOCKET_ACCEPT)
    if r < 0:
        return r
    if h.status == 101 and found.websocket:
        if not found.key:
            return BAD
        h.flags |= HF_UPGRADE_WEBSOCKET
    if h.status < 200 or h.status == 204:     # no body, whatever the fields say, and no fields that say so (RFC 9110 8.6)
        h.flags &= ~<uint32_t>(HF_LENGTH | HF_CHUNKED)
        h.content_length = 0
        if found.length:
            drop_all(h, H_CONTENT_LENGTH, F_COUNTED)
        if found.coding:
            drop_all(h, H_TRANSFER_ENCODING, F_COUNTED)
    if h.reason_len == 0:                     # write_response puts one in
        h.flags &= ~<uint32_t>HF_CLEAN
    return 0
