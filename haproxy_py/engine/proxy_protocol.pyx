"""PROXY protocol, version 1 and 2, strict (proxy-protocol.txt 2.1, 2.2).

Differences from HAProxy 2.6 and 2.8, all on the side of the specification: numbers with heading zeroes, out of range or
missing are refused (HAProxy wraps them), "UNKNOWN" may be followed by anything up to the CRLF, LOCAL ignores the family.
As in HAProxy the PROXY command takes only TCP over IPv4 and IPv6; UNSPEC, datagrams and UNIX addresses are refused.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memset, memchr, memcmp
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.addr cimport Addr, ADDR_TEXT, addr_text
from haproxy_py.engine.hashes cimport crc32c

cdef const char *SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
cdef const char *V1_START = b"PROXY "

cdef enum:
    BAD = -1
    MORE = 0
    DONE = 1
    SIGNATURE_LEN = 12
    UNIQUE_ID_MAX = 128
    CHECKSUM_LEN = 4


cdef int pp_parse(const char *buf, uint32_t n, Addr *src, Addr *dst, uint32_t *used) noexcept nogil:
    cdef PpInfo info
    return pp_parse_info(buf, n, src, dst, used, &info)


cdef int pp_parse_info(const char *buf, uint32_t n, Addr *src, Addr *dst, uint32_t *used, PpInfo *info) noexcept nogil:
    """A wrong byte is refused as soon as it is there; src and dst are written only when the whole header is right."""
    cdef uint32_t k
    info.version = 0
    info.local = 0
    info.count = 0
    if n == 0:
        return MORE
    if buf[0] == V1_START[0]:
        k = n if n < 6 else 6
        if memcmp(buf, V1_START, k) != 0:
            return BAD
        return parse_v1(buf, n, src, dst, used, info)
    k = n if n < SIGNATURE_LEN else SIGNATURE_LEN
    if memcmp(buf, SIGNATURE, k) != 0:
        return BAD
    return parse_v2(buf, n, src, dst, used, info)


# --- version 1: one line of text -------------------------------------------------------------------------------------

cdef int parse_v1(const char *buf, uint32_t n, Addr *src, Addr *dst, uint32_t *used, PpInfo *info) noexcept nogil:
    """`buf` begins with "PROXY " as far as it is there. The line is judged when its LF has come."""
    cdef uint32_t limit = n if n < PP1_MAX else PP1_MAX
    cdef const char *lf = <const char *>memchr(buf, c'\n', limit)
    cdef const char *cr = <const char *>memchr(buf, c'\r', limit)
    cdef const char *p = buf + 6
    cdef const char *end
    if lf == NULL:
        if n >= PP1_MAX or (cr != NULL and cr + 1 < buf + n):
            return BAD
        return MORE
    end = lf - 1
    if lf < buf + 12 or cr != end:
        return BAD
    info.version = 1
    used[0] = <uint32_t>(lf + 1 - buf)
    if end - p >= 7 and memcmp(p, b"UNKNOWN", 7) == 0 and (end - p == 7 or p[7] == c' '):
        info.local = 1
        return DONE
    if end - p < 5 or memcmp(p, b"TCP", 3) != 0 or p[4] != c' ' or (p[3] != c'4' and p[3] != c'6'):
        return BAD
    return v1_addresses(p + 5, end, sys.AF_INET if p[3] == c'4' else sys.AF_INET6, src, dst)


cdef int v1_addresses(const char *p, const char *end, int family, Addr *src, Addr *dst) noexcept nogil:
    """`SRC DST SPORT DPORT`, one blank between, nothing behind."""
    cdef Addr a, b
    cdef int sport, dport
    p = v1_ip(p, end, family, &a)
    if p != NULL:
        p = v1_ip(p, end, family, &b)
    if p == NULL:
        return BAD
    p = v1_port(p, end, &sport)
    if p == NULL or p >= end or p[0] != c' ':
        return BAD
    p = v1_port(p + 1, end, &dport)
    if p != end:
        return BAD
    a.port = <uint16_t>sport
    b.port = <uint16_t>dport
    src[0] = a
    dst[0] = b
    return DONE


cdef const char *v1_ip(const char *p, const char *end, int family, Addr *a) noexcept nogil:
    """An address and the blank behind it; returns what follows, or NULL. inet_pton refuses heading zeroes itself."""
    cdef char text[ADDR_TEXT]
    cdef const char *blank = <const char *>memchr(p, c' ', end - p) if end > p else NULL
    cdef long k
    if blank == NULL:
        return NULL
    k = blank - p
    if k == 0 or k >= ADDR_TEXT or memchr(p, 0, k) != NULL:
        return NULL
    memcpy(text, p, k)
    text[k] = 0
    memset(a, 0, sizeof(Addr))
    if sys.inet_pton(family, text, a.ip) != 1:
        return NULL
    a.family = <uint8_t>family
    return blank + 1


cdef const char *v1_port(const char *p, const char *end, int *port) noexcept nogil:
    """0..65535 without heading zeroes; returns what follows the digits, or NULL."""
    cdef const char *start = p
    cdef int value = 0
    while p < end and c'0' <= p[0] <= c'9' and p - start < 5:
        value = value * 10 + (p[0] - c'0')
        p += 1
    if p == start or value > 65535 or (start[0] == c'0' and p - start > 1):
        return NULL
    port[0] = value
    return p


# --- version 2: binary -----------------------------------------------------------------------------------------------

cdef inline uint16_t be16(const char *p) noexcept nogil:
    return <uint16_t>((<uint8_t>p[0] << 8) | <uint8_t>p[1])


cdef int parse_v2(const char *buf, uint32_t n, Addr *src, Addr *dst, uint32_t *used, PpInfo *info) noexcept nogil:
    """`buf` begins with the signature as far as it is there."""
    cdef uint32_t length, k = 0
    cdef uint8_t command, family
    if n >= 13 and <uint8_t>buf[12] != 0x20 and <uint8_t>buf[12] != 0x21:
        return BAD
    if n < PP2_HEAD:
        return MORE
    command = <uint8_t>buf[12] & 15
    family = <uint8_t>buf[13]
    length = be16(buf + 14)
    if command == 1:
        k = 12 if family == 0x11 else 36 if family == 0x21 else 0
        if k == 0 or length < k:
            return BAD
    if n < PP2_HEAD + length:
        return MORE
    info.version = 2
    used[0] = PP2_HEAD + length
    if command == 0:
        info.local = 1
        return DONE
    if not v2_tlvs(buf, PP2_HEAD + k, PP2_HEAD + length, info):
        return BAD
    v2_addresses(buf + PP2_HEAD, family, src, dst)
    return DONE


cdef void v2_addresses(const char *p, uint8_t family, Addr *src, Addr *dst) noexcept nogil:
    cdef uint32_t k = 4 if family == 0x11 else 16
    memset(src, 0, sizeof(Addr))
    memset(dst, 0, sizeof(Addr))
    src.family = dst.family = <uint8_t>(sys.AF_INET if k == 4 else sys.AF_INET6)
    memcpy(src.ip, p, k)
    memcpy(dst.ip, p + k, k)
    src.port = be16(p + 2 * k)
    dst.port = be16(p + 2 * k + 2)


cdef bint v2_tlvs(const char *buf, uint32_t at, uint32_t end, PpInfo *info) noexcept nogil:
    """Extensions from `at` to `end` of the header at `buf`: each must fit; the checksum must be right."""
    cdef uint32_t length
    cdef uint8_t kind
    while at < end:
        if end - at < 3:
            return False
        kind = <uint8_t>buf[at]
        length = be16(buf + at + 1)
        if length > end - at - 3 or not v2_tlv_ok(buf, at + 3, end, kind, length):
            return False
        if info.count < PP_MAX_TLVS:
            info.tlvs[info.count].type = kind
            info.tlvs[info.count].length = <uint16_t>length
            info.tlvs[info.count].value = buf + at + 3
            info.count += 1
        at += 3 + length
    return True


cdef bint v2_tlv_ok(const char *buf, uint32_t at, uint32_t end, uint8_t kind, uint32_t length) noexcept nogil:
    """The rules of single types (2.2.1 to 2.2.8); `at` is where the value starts."""
    if kind == PP2_TYPE_CRC32C:
        return length == CHECKSUM_LEN and checksum_ok(buf, at, end)
    if kind == PP2_TYPE_UNIQUE_ID:
        return length <= UNIQUE_ID_MAX
    return True


cdef bint checksum_ok(const char *buf, uint32_t at, uint32_t end) noexcept nogil:
    """The sum over the whole header with the four bytes of the checksum itself taken as zero."""
    cdef uint32_t told = (<uint32_t>be16(buf + at) << 16) | be16(buf + at + 2)
    cdef uint32_t sum = crc32c(0, <const uint8_t *>buf, at)
    sum = crc32c(sum, <const uint8_t *>b"\0\0\0\0", CHECKSUM_LEN)
    return crc32c(sum, <const uint8_t *>buf + at + CHECKSUM_LEN, end - at - CHECKSUM_LEN) == told


# --- builders --------------------------------------------------------------------------------------------------------

cdef inline bint speakable(Addr *src, Addr *dst) noexcept nogil:
    """Both are IPv4 or both IPv6."""
    return src.family == dst.family and (src.family == sys.AF_INET or src.family == sys.AF_INET6)


cdef uint32_t write_port(char *out, uint32_t value) noexcept nogil:
    """Decimal digits; how many."""
    cdef char digits[5]
    cdef uint32_t n = 0, i
    while True:
        digits[n] = <char>(c'0' + value % 10)
        n += 1
        value //= 10
        if value == 0:
            break
    for i in range(n):
        out[i] = digits[n - 1 - i]
    return n


cdef int pp1_write(char *out, uint32_t room, Addr *src, Addr *dst) noexcept nogil:
    cdef char line[256]
    cdef uint32_t n
    if not speakable(src, dst):
        if room < 15:
            return 0
        memcpy(out, b"PROXY UNKNOWN\r\n", 15)
        return 15
    memcpy(line, b"PROXY TCP4 ", 11)
    if src.family == sys.AF_INET6:
        line[9] = c'6'
    n = 11
    n += addr_text(src, line + n)
    line[n] = c' '
    n += 1 + addr_text(dst, line + n + 1)
    line[n] = c' '
    n += 1 + write_port(line + n + 1, src.port)
    line[n] = c' '
    n += 1 + write_port(line + n + 1, dst.port)
    line[n] = c'\r'
    line[n + 1] = c'\n'
    n += 2
    if n > room:
        return 0
    memcpy(out, line, n)
    return <int>n


cdef inline void put16(char *p, uint32_t v) noexcept nogil:
    p[0] = <char>(v >> 8)
    p[1] = <char>(v & 0xff)


cdef int pp2_write(char *out, uint32_t room, Addr *src, Addr *dst) noexcept nogil:
    """PROXY with the addresses; LOCAL without any when they cannot be told."""
    cdef uint32_t k = 0
    if speakable(src, dst):
        k = 4 if src.family == sys.AF_INET else 16
    if room < PP2_HEAD + (2 * k + 4 if k else 0):
        return 0
    memcpy(out, SIGNATURE, SIGNATURE_LEN)
    if k == 0:
        out[12] = 0x20
        out[13] = 0
        put16(out + 14, 0)
        return PP2_HEAD
    out[12] = 0x21
    out[13] = 0x11 if k == 4 else 0x21
    put16(out + 14, 2 * k + 4)
    memcpy(out + PP2_HEAD, src.ip, k)
    memcpy(out + PP2_HEAD + k, dst.ip, k)
    put16(out + PP2_HEAD + 2 * k, src.port)
    put16(out + PP2_HEAD + 2 * k + 2, dst.port)
    return <int>(PP2_HEAD + 2 * k + 4)


cdef int pp2_add(char *out, uint32_t room, uint32_t used, uint8_t type, const char *value, uint16_t length) noexcept nogil:
    """Append an extension to the header of `used` bytes at `out`; its new length, 0: no room."""
    if used < PP2_HEAD or used + 3 + length > room or used + 3 + length - PP2_HEAD > 0xffff:
        return 0
    out[used] = <char>type
    put16(out + used + 1, length)
    memcpy(out + used + 3, value, length)
    used += 3 + length
    put16(out + 14, used - PP2_HEAD)
    return <int>used


cdef int pp2_crc32c(char *out, uint32_t room, uint32_t used) noexcept nogil:
    cdef int n = pp2_add(out, room, used, PP2_TYPE_CRC32C, b"\0\0\0\0", CHECKSUM_LEN)
    cdef uint32_t sum
    if n:
        sum = crc32c(0, <const uint8_t *>out, <uint32_t>n)
        put16(out + n - 4, sum >> 16)
        put16(out + n - 2, sum & 0xffff)
    return n


# --- the door for Python (tests, tools, health checks) ---------------------------------------------------------------

cdef object addr_object(Addr *a):
    cdef char text[ADDR_TEXT]
    cdef int n = addr_text(a, text)
    return text[:n].decode("ascii"), a.port


cdef int object_addr(object told, Addr *a) except -1:
    """(text, port) or None into `a`. Raises: ValueError."""
    memset(a, 0, sizeof(Addr))
    if told is None:
        return 0
    text = told[0].encode("ascii")
    a.family = <uint8_t>(sys.AF_INET6 if b":" in text else sys.AF_INET)
    if sys.inet_pton(a.family, text, a.ip) != 1:
        raise ValueError(f"{told[0]!r} is not an IP address")
    a.port = told[1]
    return 0


def parse(bytes data not None):
    """(used, version, local, src, dst, tlvs) of the header that `data` begins with; None: it is not complete.

    src and dst are (text, port), None for a local one; tlvs [(type, value)]. Raises: ValueError: not a PROXY header.
    """
    cdef PpInfo info
    cdef Addr src, dst
    cdef uint32_t used = 0
    cdef int i
    cdef int r = pp_parse_info(data, <uint32_t>len(data), &src, &dst, &used, &info)
    if r < 0:
        raise ValueError("not a PROXY protocol header")
    if r == 0:
        return None
    tlvs = [(info.tlvs[i].type, info.tlvs[i].value[:info.tlvs[i].length]) for i in range(info.count)]
    if info.local:
        return used, info.version, True, None, None, tlvs
    return used, info.version, False, addr_object(&src), addr_object(&dst), tlvs


def build(int version, src=None, dst=None, *, tlvs=(), bint crc=False) -> bytes:
    """A header. src, dst: (text, port); None: not known. tlvs: [(type, value)], version 2 only. crc: add the checksum last.

    Raises: ValueError: wrong address or version, too long.
    """
    cdef char out[65552]
    cdef Addr a, b
    cdef int n
    object_addr(src, &a)
    object_addr(dst, &b)
    if version == 1:
        return out[:pp1_write(out, sizeof(out), &a, &b)]
    if version != 2:
        raise ValueError(f"the PROXY protocol has no version {version}")
    n = pp2_write(out, sizeof(out), &a, &b)
    for kind, value in tlvs:
        n = pp2_add(out, sizeof(out), n, kind, <bytes>value, <uint16_t>len(value)) if n and len(value) < 65536 else 0
    if crc and n:
        n = pp2_crc32c(out, sizeof(out), n)
    if n == 0:
        raise ValueError("the PROXY protocol header is longer than 65535 bytes")
    return out[:n]


def checksum(bytes data not None) -> int:
    """CRC32c of `data`."""
    return crc32c(0, data, <uint32_t>len(data))
