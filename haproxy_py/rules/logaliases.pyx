"""The % aliases of log formats (manual 8.2.6). Times are milliseconds from Txn's microseconds; -1: not reached."""

import os
import socket

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t
from libc.string cimport memcpy, memchr, strlen
from libc.time cimport tm, time_t, localtime_r, gmtime_r
from haproxy_py.engine.conn cimport want_own_address
from haproxy_py.engine.addr cimport Addr, addr_text
from haproxy_py.engine.conn cimport Conn
from haproxy_py.engine.sys cimport AF_INET, AF_INET6, getpid, clock_gettime, timespec, CLOCK_MONOTONIC
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.sample cimport put_int, scratch, SCRATCH_SIZE
from haproxy_py.rules.logformat cimport LogNode, put_text, LOG_QUOTE, LOG_HEX, LOG_ESC, LOG_MANDATORY, LOG_HTTP

cdef extern from "<stdio.h>" nogil:
    int snprintf(char *out, size_t n, const char *format, ...)

cdef extern from "<time.h>" nogil:
    ctypedef struct zoned "struct tm":
        long tm_gmtoff

cdef const char *_HEX = "0123456789ABCDEF"
cdef const char *_MONTH = "JanFebMarAprMayJunJulAugSepOctNovDec"

cdef enum Alias:
    A_B, A_U, A_ST, A_Ta, A_Tc, A_Td, A_Th, A_Ti, A_Tq, A_TR, A_Tr, A_Tt, A_Tu, A_Tw, A_ac, A_bc, A_bq, A_fc, A_sc, A_sq
    A_rc, A_rt, A_pid, A_lc, A_Ts, A_ms
    A_cp, A_fp, A_bp, A_sp
    A_b, A_f, A_ft, A_s, A_H, A_ID, A_CC, A_CS, A_sslc, A_sslv, A_ts, A_tsc
    A_ci, A_fi, A_bi, A_si
    A_t, A_tr, A_T, A_Tl, A_trg, A_trl
    A_r, A_HM, A_HP, A_HPO, A_HQ, A_HU, A_HV, A_hr, A_hrl, A_hs, A_hsl


cdef uint64_t _now_us() noexcept nogil:
    cdef timespec ts
    clock_gettime(CLOCK_MONOTONIC, &ts)
    return <uint64_t>ts.tv_sec * 1000000 + ts.tv_nsec // 1000


cdef inline int64_t _since(Txn t, uint64_t when) noexcept nogil:
    """Whole milliseconds from accept to `when`; -1: `when` was not reached."""
    return <int64_t>((when - t.accept_us) // 1000) if when >= t.accept_us and when else -1


cdef inline int64_t _handshake(Txn t) noexcept nogil:
    return _since(t, t.handshake_us) if t.handshake_us > t.accept_us else 0


cdef inline int64_t _idle(Txn t) noexcept nogil:
    """From the handshakes' end to the first byte of the request; -1: none came."""
    cdef int64_t first = _since(t, t.request_us)
    if first < 0:
        return -1
    first -= _handshake(t)
    return first if first > 0 else 0


cdef inline int64_t _request(Txn t) noexcept nogil:
    """When the request was complete. A TCP session needs none."""
    return _since(t, t.head_us) if t.http else 0


cdef int64_t _total(Txn t) noexcept nogil:
    return _since(t, t.done_us if t.done_us else _now_us())


cdef inline int64_t _between(int64_t late, int64_t early) noexcept nogil:
    return late - early if late >= 0 else -1


cdef int64_t _timer(Txn t, int kind) noexcept nogil:
    """The timers of manual 8.4."""
    cdef int64_t idle = _idle(t), request = _request(t)
    if kind == A_Th:
        return _handshake(t)
    if kind == A_Ti:
        return idle
    if kind == A_Tq:
        return request
    if kind == A_TR:
        return request - (idle if idle >= 0 else 0) - _handshake(t) if request >= 0 else -1
    if kind == A_Tw:
        return _between(_since(t, t.queue_us), request if request >= 0 else 0)
    if kind == A_Tc:
        return _between(_since(t, t.connect_us), _since(t, t.queue_us))
    if kind == A_Tr:
        return _between(_since(t, t.response_us), _since(t, t.connect_us))
    if kind == A_Td:
        if t.http and not t.response_us:
            return -1
        return _total(t) - (_since(t, t.response_us) if t.response_us else 0)
    if kind == A_Ta:
        return _total(t) - (idle + _handshake(t) if idle >= 0 else 0)
    if kind == A_Tu:
        return _total(t) - (idle if idle >= 0 else 0)
    return _total(t)


cdef uint32_t _pad(char *out, uint32_t value, int width) noexcept nogil:
    cdef int i
    for i in range(width - 1, -1, -1):
        out[i] = <char>(c'0' + value % 10)
        value //= 10
    return width


cdef uint32_t _hex(char *out, uint64_t value, int width) noexcept nogil:
    """At least `width` upper-case hexadecimal digits."""
    cdef char digits[16]
    cdef uint32_t n = 0, k = 0
    while value or <int>n < width:
        digits[n] = _HEX[value & 15]
        value >>= 4
        n += 1
    while n:
        n -= 1
        out[k] = digits[n]
        k += 1
    return k


cdef int64_t _number(Txn t, int kind) noexcept:
    """Aliases that are plain numbers."""
    if A_Ta <= kind <= A_Tw:
        return _timer(t, kind)
    if kind == A_B:
        return <int64_t>t.bytes_out
    if kind == A_U:
        return <int64_t>t.bytes_in
    if kind == A_ST:
        return t.status
    if kind == A_ac:
        return t.actconn
    if kind == A_bc:
        return t.beconn
    if kind == A_bq:
        return t.be_queue_pos
    if kind == A_fc:
        return t.feconn
    if kind == A_sc:
        return t.srvconn
    if kind == A_sq:
        return t.srv_queue_pos
    if kind == A_rc:
        return t.retries
    if kind == A_rt:
        return t.rt
    if kind == A_Ts:
        return t.accept_wall_us // 1000000
    return getpid()


cdef class NumberNode(LogNode):
    """A number; with +X some in hexadecimal. A `+` stands in front of a time or size that may still grow, and of a
    retry count behind a redispatch."""

    cdef int kind
    cdef uint64_t lines

    def __init__(self, str name, int kind, int flags) -> None:
        self.name = name
        self.kind = kind
        self.flags = flags

    cdef uint32_t emit(self, Txn t, char *out, uint32_t room) noexcept:
        cdef uint32_t k = 0
        if room < 24:
            return 0
        if self.kind == A_lc:
            self.lines += 1
            return put_int(out, <int64_t>self.lines - 1)
        if self.kind == A_ms:
            return _pad(out, <uint32_t>(t.accept_wall_us // 1000 % 1000), 3)
        if self.kind == A_rc:
            k = t.redispatched
        elif self.kind == A_B or self.kind == A_Ta or self.kind == A_Tt or self.kind == A_Tu:
            k = t.asap
        if k:
            out[0] = c'+'
        if self.flags & LOG_HEX and self.kind in (A_rt, A_Ts, A_pid):
            return k + _hex(out + k, <uint64_t>_number(t, self.kind), 4)
        return k + put_int(out + k, _number(t, self.kind))


cdef Addr *_address(Txn t, int kind) noexcept:
    if kind == A_ci or kind == A_cp:
        return &t.src
    if kind == A_fi or kind == A_fp:
        return &t.dst
    if t.server is None:
        return NULL
    return &t.server.src if kind == A_bi or kind == A_bp else &t.server.dst


cdef class IpNode(LogNode):
    """%ci %fi %bi %si: text, `unix` for a UNIX socket, or hexadecimal."""

    cdef int kind

    def __init__(self, str name, int kind, int flags) -> None:
        self.name = name
        self.kind = kind
        self.flags = flags
        if kind == A_bi:
            want_own_address()

    cdef uint32_t emit(self, Txn t, char *out, uint32_t room) noexcept:
        cdef char text[64]
        cdef Addr *a = _address(t, self.kind)
        cdef int i, n = 0
        if a != NULL and a.family:
            if self.flags & LOG_HEX and (a.family == AF_INET or a.family == AF_INET6):
                for i in range(4 if a.family == AF_INET else 16):
                    n += _hex(text + n, a.ip[i], 2)
            else:
                n = addr_text(a, text)
        return put_text(text, n, self.flags, out, room)


cdef class PortNode(LogNode):
    """%cp %fp %bp %sp: `-` or digits, as HAProxy's; a connection over a UNIX socket shows the id of its bind line."""

    cdef int kind

    def __init__(self, str name, int kind, int flags) -> None:
        self.name = name
        self.kind = kind
        self.flags = flags
        if kind == A_bp:
            want_own_address()

    cdef uint32_t emit(self, Txn t, char *out, uint32_t room) noexcept:
        cdef Addr *a = _address(t, self.kind)
        if room < 8:
            return 0
        if a == NULL:
            return put_text(b"", 0, self.flags, out, room)
        if self.flags & LOG_HEX:
            return _hex(out, a.port, 4)
        return put_int(out, a.port)


cdef class DateNode(LogNode):
    """Dates: `22/Nov/2026:16:00:00.123` (%t %tr) or `22/Nov/2026:16:00:00 +0100` (%T %Tl %trg %trl). The text of a
    second is kept."""

    cdef int kind
    cdef int64_t second
    cdef char text[40]
    cdef uint32_t length

    def __init__(self, str name, int kind, int flags) -> None:
        self.name = name
        self.kind = kind
        self.flags = flags
        self.second = -1

    cdef uint32_t emit(self, Txn t, char *out, uint32_t room) noexcept:
        cdef int64_t us = t.accept_wall_us
        if (self.kind == A_tr or self.kind == A_trg or self.kind == A_trl) and t.request_wall_us:
            us = t.request_wall_us
        if room < 40:
            return 0
        if us // 1000000 != self.second:
            self.compose(us // 1000000)
        memcpy(out, self.text, self.length)
        if self.kind == A_t or self.kind == A_tr:
            out[self.length] = c'.'
            return self.length + 1 + _pad(out + self.length + 1, <uint32_t>(us // 1000 % 1000), 3)
        return self.length

    cdef void compose(self, int64_t second) noexcept:
        cdef tm d
        cdef time_t when = <time_t>second
        cdef long offset = 0
        cdef uint32_t k = 20
        if self.kind == A_T or self.kind == A_trg:
            gmtime_r(&when, &d)
        else:
            localtime_r(&when, &d)
            offset = (<zoned *>&d).tm_gmtoff // 60
        self.second = second
        _pad(self.text, d.tm_mday, 2)
        self.text[2] = c'/'
        memcpy(self.text + 3, _MONTH + 3 * d.tm_mon, 3)
        self.text[6] = c'/'
        _pad(self.text + 7, d.tm_year + 1900, 4)
        self.text[11] = c':'
        _pad(self.text + 12, d.tm_hour, 2)
        self.text[14] = c':'
        _pad(self.text + 15, d.tm_min, 2)
        self.text[17] = c':'
        _pad(self.text + 18, d.tm_sec, 2)
        if self.kind != A_t and self.kind != A_tr:
            self.text[20] = c' '
            self.text[21] = c'-' if offset < 0 else c'+'
            offset = -offset if offset < 0 else offset
            _pad(self.text + 22, <uint32_t>(offset // 60), 2)
            _pad(self.text + 24, <uint32_t>(offset % 60), 2)
            k = 26
        self.length = k


cdef class NameNode(LogNode):
    """Names and other short texts."""

    cdef int kind
    cdef bytes fixed

    def __init__(self, str name, int kind, int flags) -> None:
        self.name = name
        self.kind = kind
        self.flags = flags
        self.fixed = os.fsencode(socket.gethostname()) if kind == A_H else b""

    cdef bytes text(self, Txn t):
        """The text, None for none."""
        if self.kind == A_H:
            return self.fixed
        if self.kind == A_f:
            return t.fe.bname if t.fe is not None else None
        if self.kind == A_b:
            return t.be.bname if t.be is not None else (t.fe.bname if t.fe is not None else None)
        if self.kind == A_s:
            return t.srv.bname if t.srv is not None else t.applet if t.applet is not None else b"<NOSRV>"
        if self.kind == A_ID:
            return t.id_of()
        if self.kind == A_CC:
            return t.req_cookie
        return t.srv_cookie

    cdef uint32_t emit(self, Txn t, char *out, uint32_t room) noexcept:
        cdef bytes text = self.text(t)
        if text is None:
            return put_text(b"", 0, self.flags, out, room)
        return put_text(text, <uint32_t>len(text), self.flags, out, room)


cdef class TransportNode(LogNode):
    """%ft: the frontend's name, `~` behind it for TLS."""

    def __init__(self, str name, int kind, int flags) -> None:
        self.name = name
        self.flags = flags

    cdef uint32_t emit(self, Txn t, char *out, uint32_t room) noexcept:
        cdef uint32_t n
        cdef char *text
        if t.fe is None:
            return put_text(b"", 0, self.flags, out, room)
        n = <uint32_t>len(t.fe.bname)
        if not (t.client is not None and t.client.tls is not None):
            return put_text(t.fe.bname, n, self.flags, out, room)
        text = scratch()
        if n > SCRATCH_SIZE - 1:
            n = SCRATCH_SIZE - 1
        memcpy(text, <const char *>t.fe.bname, n)
        text[n] = c'~'
        return put_text(text, n + 1, self.flags, out, room)


cdef class TlsNode(LogNode):
    """%sslv %sslc of the client's connection."""

    cdef int kind

    def __init__(self, str name, int kind, int flags) -> None:
        self.name = name
        self.kind = kind
        self.flags = flags

    cdef uint32_t emit(self, Txn t, char *out, uint32_t room) noexcept:
        cdef const char *p = NULL
        if t.client is not None and t.client.tls is not None:
            p = t.client.tls.cipher() if self.kind == A_sslc else t.client.tls.version()
        return put_text(p, <uint32_t>strlen(p) if p != NULL else 0, self.flags, out, room)


cdef class TermNode(LogNode):
    """%ts, %tsc: termination state, with the two cookie letters (manual 8.5)."""

    cdef int kind

    def __init__(self, str name, int kind, int flags) -> None:
        self.name = name
        self.kind = kind
        self.flags = flags

    cdef uint32_t emit(self, Txn t, char *out, uint32_t room) noexcept:
        if room < 4:
            return 0
        out[0] = <char>t.term_cause
        out[1] = <char>t.term_state
        if self.kind == A_ts:
            return 2
        out[2] = <char>t.cookie_state
        out[3] = <char>t.set_cookie_state
        return 4


cdef inline bint _encoded(uint8_t c, bint field) noexcept nogil:
    """Characters that captured text must not have in a log line."""
    if c < 32 or c >= 127 or c == c'"' or c == c'#':
        return True
    return field and (c == c'{' or c == c'|' or c == c'}')


cdef uint32_t _encode(const char *p, uint32_t n, bint field, int flags, char *out, uint32_t room) noexcept nogil:
    """Text with #XX for what _encoded() names, with +E a backslash before one and before `]`; cut at `room`."""
    cdef uint32_t i, k = 0
    cdef bint escaped = flags & LOG_ESC
    for i in range(n):
        if k + 3 > room:
            break
        if _encoded(<uint8_t>p[i], field):
            out[k] = c'#'
            out[k + 1] = _HEX[<uint8_t>p[i] >> 4]
            out[k + 2] = _HEX[<uint8_t>p[i] & 15]
            k += 3
        else:
            if escaped and (p[i] == c'\\' or p[i] == c']'):
                out[k] = c'\\'
                k += 1
            out[k] = p[i]
            k += 1
    return k


cdef class CaptureNode(LogNode):
    """%hr %hs as {a|b}; %hrl %hsl (CLF) as "a" "b"."""

    cdef int kind

    def __init__(self, str name, int kind, int flags) -> None:
        self.name = name
        self.kind = kind
        self.flags = flags
        self.vanishes = True

    cdef uint32_t emit(self, Txn t, char *out, uint32_t room) noexcept:
        cdef bint response = self.kind in (A_hs, A_hsl)
        cdef list slots = t.captures_res if response else t.captures_req
        cdef tuple held
        cdef bytes one
        cdef uint32_t k = 0
        cdef bint first = True, clf = self.kind in (A_hrl, A_hsl)
        if slots is None and t.req_seen and t.fe is not None:
            held = t.fe.slots_res if response else t.fe.slots_req
            slots = None if held is None else [None] * len(held)
        if slots is None or room < 16:
            return 0
        if not clf and self.flags & LOG_QUOTE:
            out[0] = c'"'
            k = 1
        for one in slots:
            if k + 8 > room:
                break
            if clf:
                k = self.element(out, k, one, room, first)
            else:
                out[k] = c'{' if first else c'|'
                k += 1
                if one is not None:
                    k += _encode(one, <uint32_t>len(one), True, self.flags, out + k, room - k - 4)
            first = False
        if not clf and not first:
            out[k] = c'}'
            k += 1
            if self.flags & LOG_QUOTE:
                out[k] = c'"'
                k += 1
        return k

    cdef uint32_t element(self, char *out, uint32_t k, bytes one, uint32_t room, bint first) noexcept:
        """One element of the CLF list."""
        if not first:
            out[k] = c' '
            k += 1
        if one is None:
            if self.flags & LOG_QUOTE:
                out[k] = c'"'
                out[k + 1] = c'"'
                return k + 2
            out[k] = c'-'
            return k + 1
        if self.flags & LOG_QUOTE:
            out[k] = c'"'
            k += 1
        k += _encode(one, <uint32_t>len(one), True, self.flags, out + k, room - k - 4)
        if self.flags & LOG_QUOTE:
            out[k] = c'"'
            k += 1
        return k


cdef class UriNode(LogNode):
    """%r and its parts: from Txn.uri, or from the request while nothing is captured yet."""

    cdef int kind

    def __init__(self, str name, int kind, int flags) -> None:
        self.name = name
        self.kind = kind
        self.flags = flags

    cdef uint32_t emit(self, Txn t, char *out, uint32_t room) noexcept:
        cdef const char *p
        cdef char *line
        cdef uint32_t n, k = 0
        if t.uri is not None:
            p = t.uri
            n = <uint32_t>len(t.uri)
        elif t.req_seen:
            line = scratch()
            n = _request_line(t, line)
            p = line
        else:
            p = b"<BADREQ>"
            n = 8
        self.part(&p, &n)
        if n == 0:
            return put_text(p, 0, self.flags & ~LOG_MANDATORY, out, room)
        if self.flags & LOG_QUOTE and room > 2:
            out[0] = c'"'
            k = 1 + _encode(p, n, False, self.flags, out + 1, room - 2)
            out[k] = c'"'
            return k + 1
        return _encode(p, n, False, self.flags, out, room)

    cdef void part(self, const char **p, uint32_t *n) noexcept:
        """Narrow a request line to the part of this alias."""
        cdef const char *end = p[0] + n[0]
        cdef const char *a = <const char *>memchr(p[0], c' ', n[0])
        cdef const char *b
        cdef const char *q
        if self.kind == A_r:
            return
        if a == NULL:
            if self.kind != A_HM:
                return
            a = end
        if self.kind == A_HM:
            n[0] = <uint32_t>(a - p[0])
            return
        a += 1
        b = <const char *>memchr(a, c' ', end - a)
        if b == NULL:
            b = end
        if self.kind == A_HV:
            p[0] = b + 1 if b < end else end
            n[0] = <uint32_t>(end - p[0])
            return
        q = <const char *>memchr(a, c'?', b - a)
        if self.kind == A_HQ:
            p[0] = q if q != NULL else b
            n[0] = <uint32_t>(b - p[0])
            return
        if self.kind != A_HU and q != NULL:
            b = q
        if self.kind == A_HPO:
            a = _path_start(a, b)
        p[0] = a
        n[0] = <uint32_t>(b - a)


cdef const char *_path_start(const char *a, const char *b) noexcept nogil:
    """Where the path of a target begins: behind the authority of an absolute one."""
    cdef const char *p = a
    if a < b and a[0] == c'/':
        return a
    while p + 2 < b and not (p[0] == c':' and p[1] == c'/' and p[2] == c'/'):
        p += 1
    if p + 2 >= b:
        return b                                     # `*`, or the authority of a CONNECT: no path
    p += 3
    while p < b and p[0] != c'/':
        p += 1
    return p


cdef uint32_t _request_line(Txn t, char *out) noexcept:
    """Method, target and version as received; cut at the size of a block."""
    cdef uint32_t k = 0, n = t.req.method_len
    if n > 256:
        n = 256
    memcpy(out, t.req.method_text, n)
    out[n] = c' '
    k = n + 1
    n = t.req.target_len
    if n > SCRATCH_SIZE - 300:
        n = SCRATCH_SIZE - 300
    memcpy(out + k, t.req.target, n)
    k += n
    memcpy(out + k, <const char *>(b" HTTP/1.0" if t.req.version == 10 else b" HTTP/1.1"), 9)
    return k + 9


ALIASES: dict = {
    "B": (NumberNode, A_B), "U": (NumberNode, A_U), "ST": (NumberNode, A_ST), "Ta": (NumberNode, A_Ta),
    "Tc": (NumberNode, A_Tc), "Td": (NumberNode, A_Td), "Th": (NumberNode, A_Th), "Ti": (NumberNode, A_Ti),
    "Tq": (NumberNode, A_Tq), "TR": (NumberNode, A_TR), "Tr": (NumberNode, A_Tr), "Tt": (NumberNode, A_Tt),
    "Tu": (NumberNode, A_Tu), "Tw": (NumberNode, A_Tw), "ac": (NumberNode, A_ac), "bc": (NumberNode, A_bc),
    "bq": (NumberNode, A_bq), "fc": (NumberNode, A_fc), "sc": (NumberNode, A_sc), "sq": (NumberNode, A_sq),
    "rc": (NumberNode, A_rc), "rt": (NumberNode, A_rt), "pid": (NumberNode, A_pid), "lc": (NumberNode, A_lc),
    "Ts": (NumberNode, A_Ts), "ms": (NumberNode, A_ms), "cp": (PortNode, A_cp), "fp": (PortNode, A_fp),
    "bp": (PortNode, A_bp), "sp": (PortNode, A_sp), "ci": (IpNode, A_ci), "fi": (IpNode, A_fi), "bi": (IpNode, A_bi),
    "si": (IpNode, A_si), "b": (NameNode, A_b), "f": (NameNode, A_f), "s": (NameNode, A_s), "H": (NameNode, A_H),
    "ID": (NameNode, A_ID), "CC": (NameNode, A_CC), "CS": (NameNode, A_CS), "ft": (TransportNode, A_ft),
    "sslc": (TlsNode, A_sslc), "sslv": (TlsNode, A_sslv), "ts": (TermNode, A_ts), "tsc": (TermNode, A_tsc),
    "t": (DateNode, A_t), "tr": (DateNode, A_tr), "T": (DateNode, A_T), "Tl": (DateNode, A_Tl),
    "trg": (DateNode, A_trg), "trl": (DateNode, A_trl), "r": (UriNode, A_r), "HM": (UriNode, A_HM),
    "HP": (UriNode, A_HP), "HPO": (UriNode, A_HPO), "HQ": (UriNode, A_HQ), "HU": (UriNode, A_HU),
    "HV": (UriNode, A_HV), "hr": (CaptureNode, A_hr), "hrl": (CaptureNode, A_hrl), "hs": (CaptureNode, A_hs),
    "hsl": (CaptureNode, A_hsl),
}
# Aliases that need an HTTP request (column R of the manual's table).
HTTP_ONLY = frozenset("CC CS HM HP HPO HQ HU HV Ta Ti Tq TR Tr r tr trg trl tsc hr hrl hs hsl".split())
FLAG_LETTERS = {"Q": LOG_QUOTE, "X": LOG_HEX, "E": LOG_ESC}
MANDATORY = LOG_MANDATORY
IN_HTTP = LOG_HTTP


def alias(str name, int flags) -> LogNode:
    """The node of an alias. Raises KeyError for an unknown one."""
    kind, number = ALIASES[name]
    return kind(name, number, flags)
