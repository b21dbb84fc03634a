"""Syslog on its way out, never waiting (manual 3.1, log; RFC 3164, RFC 5424; formats compared with HAProxy's own lines).

Messages written inside of a reactor's turn are gathered and go out at its end: datagrams with sendmmsg, several in one
system call; text for a descriptor in writes of at most PIPE_BUF bytes, which a pipe takes whole. What cannot be sent at
once is dropped and counted. A message ends with LF for every kind of receiver; `len` cuts it before that (a descriptor's
`len` includes it), as HAProxy does. Samples are counted by all workers together: their counts lie in memory that is shared from
before the fork.
"""

import mmap
import os
import socket

from haproxy_py.config.address import resolve

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t, uint64_t, int64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset, strerror
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.reactor cimport Reactor, TurnHook
from haproxy_py.observe.ring cimport Ring
from haproxy_py.engine.sys cimport sockaddr_in, sockaddr_in6, sockaddr_un

cdef extern from "<sys/socket.h>" nogil:
    int sendmmsg(int fd, mmsghdr *messages, unsigned int count, int flags)

cdef extern from "<poll.h>" nogil:
    cdef struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd *fds, unsigned long n, int timeout)
    short POLLOUT

cdef extern from "<time.h>" nogil:
    cdef struct tm:
        int tm_sec
        int tm_min
        int tm_hour
        int tm_mday
        int tm_mon
        int tm_year
        long tm_gmtoff
    tm *localtime_r(const sys.time_t *at, tm *out)

cdef enum:
    S_INET = 0
    S_INET6 = 1
    S_UNIX = 2
    PIPE_BUF = 4096
    DATE_LEN = 16
    ISO_LEN = 19
    STAMP_LEN = 32             # ISO date, microseconds, zone
    PRI_ROOM = 5               # "<191>"
    MESSAGE_MOST = 131072

cdef char message[MESSAGE_MOST]    # on its way into a ring
cdef const char *MONTHS = b"JanFebMarAprMayJunJulAugSepOctNovDec"


cdef inline void two(char *out, int v) noexcept nogil:
    out[0] = <char>(c'0' + v / 10 % 10)
    out[1] = <char>(c'0' + v % 10)


cdef class LogOutput(TurnHook):
    """One per process: `output` below. attach() it to the reactor of a worker; without, every message goes out at once."""

    def __cinit__(self):
        self.sockets[0] = self.sockets[1] = self.sockets[2] = -1
        self.arena = <char *>malloc(ARENA)
        if self.arena == NULL:
            raise MemoryError("log output")
        self.second = -1
        self.pid = sys.getpid()

    def __dealloc__(self):
        self.close()
        free(self.arena)

    def count_in(self, Segment segment not None) -> None:
        """Add losses to this segment's count too, from now on."""
        self.segment = segment

    def count_no_more_in(self, Segment segment not None) -> None:
        """This segment is about to go."""
        if self.segment is segment:
            self.segment = None

    @property
    def lost(self) -> int:
        """Messages lost by all processes that count in one segment; without one, by this process."""
        return self.dropped if self.segment is None else sys.ha_load64(&self.segment.shared.dropped_logs)

    def attach(self, Reactor reactor not None) -> None:
        """Flush at the end of this reactor's turns."""
        if self.reactor is not reactor:
            self.reactor = reactor
            reactor.add_turn_hook(self)

    def detach(self) -> None:
        """Send what is left; from now on every message goes out at once."""
        self.flush()
        if self.reactor is not None and self in self.reactor.at_turn_end:
            self.reactor.at_turn_end.remove(self)
        self.reactor = None

    def close(self) -> None:
        """Close the sockets; they open again when they are needed."""
        for i in range(3):
            if self.sockets[i] >= 0:
                sys.close(self.sockets[i])
                self.sockets[i] = -1

    def forked(self) -> None:
        """In a child: what its parent gathered is the parent's to send, and so are the sockets."""
        self.count = self.used = 0
        self.pid = sys.getpid()
        self.sent = self.dropped = 0
        self.reactor = None
        self.close()

    cdef int64_t clock(self) noexcept:
        cdef sys.timespec ts
        cdef int64_t now
        if self.deferred():
            now = self.reactor.wall_us
        else:
            sys.clock_gettime(sys.CLOCK_REALTIME, &ts)
            now = <int64_t>ts.tv_sec * 1000000 + <int64_t>ts.tv_nsec / 1000
        if now / 1000000 != self.second:
            self.second = now / 1000000
            write_dates(self.second, self.date, self.iso, self.zone)
        return now

    cdef bint deferred(self) noexcept:
        return self.reactor is not None and self.reactor.in_turn != 0

    cdef char *room(self, Receiver *r, uint32_t n) noexcept:
        if self.count >= PENDING or self.used + n > ARENA:
            self.flush()
        if n > ARENA:
            self.drop(r, 0)
            return NULL
        self.receiver[self.count] = r
        self.start[self.count] = self.used
        return self.arena + self.used

    cdef void commit(self, uint32_t n) noexcept:
        self.size[self.count] = n
        self.used += n
        self.count += 1

    cdef void drop(self, Receiver *r, int err) noexcept:
        """Count a lost message; tell of the first hard failure of this process."""
        self.dropped += 1
        r.dropped += 1
        if self.segment is not None:
            sys.ha_add64(&self.segment.shared.dropped_logs, 1)
        if self.alarm is None or err == 0 or err == sys.EAGAIN or err == sys.ENOBUFS:
            return
        alarm, self.alarm = self.alarm, None
        try:
            text = (<bytes>strerror(err)).decode("utf-8", "replace")
            alarm(f"sendmsg()/writev() failed in logger #{r.number}: {text} (errno={err})")
        except Exception:
            return

    cdef int socket_of(self, Receiver *r) noexcept:
        """A datagram socket of the receiver's family, -1 with errno set."""
        cdef int domain = sys.AF_INET
        if self.sockets[r.family] < 0:
            if r.family == S_INET6:
                domain = sys.AF_INET6
            elif r.family == S_UNIX:
                domain = sys.AF_UNIX
            self.sockets[r.family] = sys.socket(domain, sys.SOCK_DGRAM | sys.SOCK_NONBLOCK | sys.SOCK_CLOEXEC, 0)
        return self.sockets[r.family]

    cdef void turn_end(self) noexcept:
        if self.count:
            self.flush()

    cdef void flush(self) noexcept:
        cdef uint32_t i = 0
        while i < self.count:
            i = self.send_group(i) if self.receiver[i].addr_len else self.write_group(i)
        self.count = self.used = 0

    cdef uint32_t send_group(self, uint32_t first) noexcept:
        """Send the datagrams from `first` on that leave through one socket; index behind them."""
        cdef int fd = self.socket_of(self.receiver[first])
        cdef uint32_t last = first, i
        cdef int n
        while last < self.count and self.receiver[last].addr_len and self.receiver[last].family == self.receiver[first].family:
            memset(&self.messages[last], 0, sizeof(mmsghdr))
            self.vectors[last].iov_base = self.arena + self.start[last]
            self.vectors[last].iov_len = self.size[last]
            self.messages[last].msg_hdr.msg_name = &self.receiver[last].addr
            self.messages[last].msg_hdr.msg_namelen = self.receiver[last].addr_len
            self.messages[last].msg_hdr.msg_iov = &self.vectors[last]
            self.messages[last].msg_hdr.msg_iovlen = 1
            last += 1
        i = first
        while i < last:
            n = -1 if fd < 0 else sendmmsg(fd, &self.messages[i], last - i, sys.MSG_DONTWAIT | sys.MSG_NOSIGNAL)
            if n > 0:
                self.sent += n
                i += n
            elif fd < 0 or sys.errno != sys.EINTR:
                self.drop(self.receiver[i], sys.errno)
                i += 1
        return last

    cdef uint32_t write_group(self, uint32_t first) noexcept:
        """Write the texts from `first` on for one descriptor, as many at once as a pipe takes whole; index behind them."""
        cdef Receiver *r = self.receiver[first]
        cdef uint32_t last = first, n = 0, done = 0, i
        cdef sys.ssize_t k
        cdef int err
        cdef pollfd p
        while last < self.count and self.receiver[last].addr_len == 0 and self.receiver[last].fd == r.fd:
            if last > first and n + self.size[last] > PIPE_BUF:
                break
            n += self.size[last]
            last += 1
        while done < n:
            p.fd = r.fd
            p.events = POLLOUT
            p.revents = 0
            poll(&p, 1, 0)
            k = -1
            sys.errno = sys.EAGAIN
            if p.revents:
                k = sys.write(r.fd, self.arena + self.start[first] + done, n - done if n - done < PIPE_BUF else PIPE_BUF)
            if k > 0:
                done += <uint32_t>k
            elif p.revents and k < 0 and sys.errno == sys.EINTR:
                continue
            else:
                break
        err = sys.errno
        for i in range(first, last):
            if done >= self.start[i] - self.start[first] + self.size[i]:
                self.sent += 1
            else:
                self.drop(self.receiver[i], err)
        return last


cdef void write_dates(int64_t second, char *date, char *iso, char *zone) noexcept nogil:
    """The three texts of a second, in local time."""
    cdef sys.time_t at = <sys.time_t>second
    cdef tm t
    cdef int year, gap
    memset(&t, 0, sizeof(t))
    localtime_r(&at, &t)
    memcpy(date, MONTHS + 3 * t.tm_mon, 3)
    memcpy(date + 3, b"    :  :   ", 12)
    date[5] = <char>(c'0' + t.tm_mday % 10)
    if t.tm_mday >= 10:
        date[4] = <char>(c'0' + t.tm_mday / 10)
    two(date + 7, t.tm_hour)
    date[9] = c':'
    two(date + 10, t.tm_min)
    date[12] = c':'
    two(date + 13, t.tm_sec)
    date[15] = c' '
    year = t.tm_year + 1900
    two(iso, year / 100)
    two(iso + 2, year)
    iso[4] = iso[7] = c'-'
    two(iso + 5, t.tm_mon + 1)
    two(iso + 8, t.tm_mday)
    iso[10] = c'T'
    memcpy(iso + 11, date + 7, 8)
    gap = <int>(t.tm_gmtoff / 60)
    zone[0] = c'-' if gap < 0 else c'+'
    gap = -gap if gap < 0 else gap
    two(zone + 1, gap / 60)
    zone[3] = c':'
    two(zone + 4, gap % 60)


output = LogOutput()
os.register_at_fork(after_in_child=output.forked)


cdef inline uint32_t put(char *out, uint32_t at, uint32_t room, const char *text, uint32_t n) noexcept nogil:
    """Append what fits; the new length."""
    if at + n > room:
        n = room - at if room > at else 0
    memcpy(out + at, text, n)
    return at + n


cdef uint32_t put_pri(char *out, uint32_t at, uint32_t room, uint32_t value) noexcept nogil:
    """`<N>`, N up to 191."""
    cdef char text[PRI_ROOM]
    cdef uint32_t n = 1
    text[0] = c'<'
    if value >= 100:
        text[n] = <char>(c'0' + value / 100)
        n += 1
    if value >= 10:
        text[n] = <char>(c'0' + value / 10 % 10)
        n += 1
    text[n] = <char>(c'0' + value % 10)
    text[n + 1] = c'>'
    return put(out, at, room, text, n + 2)


cdef uint32_t put_stamp(LogOutput o, char *out, uint32_t at, uint32_t room, int64_t now_us) noexcept:
    """ISO 8601 with microseconds and zone."""
    cdef char text[STAMP_LEN]
    cdef int us = <int>(now_us % 1000000)
    memcpy(text, o.iso, ISO_LEN)
    text[ISO_LEN] = c'.'
    two(text + ISO_LEN + 1, us / 10000)
    two(text + ISO_LEN + 3, us / 100)
    two(text + ISO_LEN + 5, us)
    memcpy(text + ISO_LEN + 7, o.zone, 6)
    return put(out, at, room, text, STAMP_LEN)


cdef void set_address(Receiver *r, address) except *:
    """From a config.model.Address. Raises: ValueError: neither an IP address, a path nor a descriptor."""
    cdef bytes path
    cdef sockaddr_in *v4 = <sockaddr_in *>&r.addr
    cdef sockaddr_in6 *v6 = <sockaddr_in6 *>&r.addr
    cdef sockaddr_un *un = <sockaddr_un *>&r.addr
    if address.family == "fd":
        r.fd = int(address.host)
    elif address.family in ("unix", "abns"):
        path = address.host.encode("utf-8", "surrogateescape")
        if address.family == "abns":
            path = b"\0" + path
        r.family = S_UNIX
        un.sun_family = <unsigned short>sys.AF_UNIX
        memcpy(un.sun_path, PyBytes_AS_STRING(path), min(len(path), <Py_ssize_t>sizeof(un.sun_path)))
        r.addr_len = <sys.socklen_t>(2 + min(len(path) + (address.family == "unix"), <Py_ssize_t>sizeof(un.sun_path)))
    elif address.family == "inet6":
        r.family = S_INET6
        v6.sin6_family = <unsigned short>sys.AF_INET6
        v6.sin6_port = sys.htons(address.port)
        memcpy(&v6.sin6_addr, PyBytes_AS_STRING(socket.inet_pton(socket.AF_INET6, address.host or "::")), 16)
        r.addr_len = sizeof(sockaddr_in6)
    elif address.family == "inet" and address.host is not None:
        r.family = S_INET
        v4.sin_family = <unsigned short>sys.AF_INET
        v4.sin_port = sys.htons(address.port)
        memcpy(&v4.sin_addr, PyBytes_AS_STRING(socket.inet_pton(socket.AF_INET, address.host or "0.0.0.0")), 4)
        r.addr_len = sizeof(sockaddr_in)
    else:
        raise ValueError(f"log: cannot send to '{address.text}'")


cdef class LogSender(TurnHook):
    """The receivers of one proxy, or of the process.

    Args: targets: observe.targets.LogTarget; names are looked up here (blocking). tag: program name in headers.
    hostname: None: not sent (log-send-hostname was not said). Raises: ConfigError: an unknown name; ValueError.
    """

    def __init__(self, targets, str tag="haproxy", hostname=None, LogOutput to=None):
        self.output = output if to is None else to
        self.targets = list(targets)
        self.rings = []
        self.shared = []
        self.tag = tag.encode("utf-8", "surrogateescape")
        self.hostname = None if hostname is None else hostname.encode("utf-8", "surrogateescape")
        self.receivers = <Receiver *>calloc(max(1, len(self.targets)), sizeof(Receiver))
        if self.receivers == NULL:
            raise MemoryError("log receivers")
        for number, target in enumerate(self.targets, 1):
            self.add(number, target)

    def __dealloc__(self):
        if self.output is not None and self.output.count:
            self.output.flush()
        for i in range(self.count):
            free(self.receivers[i].range)
        free(self.receivers)

    def add(self, uint32_t number, target) -> None:
        """Fill the next receiver; __init__ calls it."""
        cdef Receiver *r = &self.receivers[self.count]
        cdef Ring ring
        cdef unsigned char[::1] count
        form = target.format or ("local" if self.hostname is None else "rfc3164")
        r.format = <uint8_t>FORMAT_NUMBERS[form]
        if target.ring is None:
            set_address(r, resolve(target.address, "ipv4"))
        elif target.ring.found is not None:
            ring = target.ring.found
            self.rings.append(ring)
            r.ring = <void *>ring
            r.format = <uint8_t>ring.format
        r.facility = target.facility
        r.level = target.level
        r.least = target.least
        r.length = target.length
        r.number = number
        r.sample = target.sample
        if r.sample:
            page = mmap.mmap(-1, mmap.PAGESIZE)      # shared with the processes that are forked later
            self.shared.append(page)
            count = page
            r.seen = <uint64_t *>&count[0]
        r.range = <uint32_t *>calloc(max(1, 2 * len(target.ranges)), sizeof(uint32_t))
        if r.range == NULL:
            raise MemoryError("log sample")
        for low, high in target.ranges:
            r.range[2 * r.ranges] = low
            r.range[2 * r.ranges + 1] = high
            r.ranges += 1
        self.count += 1

    cdef void turn_end(self) noexcept:
        self.output.turn_end()

    def renew(self) -> None:
        """Write the texts that hold the process id again (done by itself in a new process)."""
        host = b"localhost" if self.hostname is None else self.hostname
        dash = b"-" if self.hostname is None else self.hostname
        self.pid = self.output.pid
        self.local_mid = b"%b[%d]: " % (self.tag, self.pid)
        self.rfc3164_mid = b"%b %b" % (host, self.local_mid)
        self.rfc5424_mid = b" %b %b %d - " % (dash, self.tag, self.pid)

    cdef bint wants(self, Receiver *r, int level) noexcept:
        """Whether this message is for it: by level, then by its number in the sample."""
        cdef uint64_t at
        cdef uint32_t i
        if level > r.level:
            return False
        if r.sample == 0:
            return True
        at = (sys.ha_add64(r.seen, 1) - 1) % r.sample + 1
        for i in range(r.ranges):
            if r.range[2 * i] <= at <= r.range[2 * i + 1]:
                return True
        return False

    cdef uint32_t header_size(self, Receiver *r, uint32_t sd_len) noexcept:
        """No header is longer."""
        if r.format == LF_RFC5424:
            return PRI_ROOM + 2 + STAMP_LEN + <uint32_t>PyBytes_GET_SIZE(self.rfc5424_mid) + sd_len + 2
        if r.format == LF_LOCAL or r.format == LF_RFC3164:
            return PRI_ROOM + DATE_LEN + <uint32_t>PyBytes_GET_SIZE(self.rfc3164_mid)
        return PRI_ROOM + STAMP_LEN + 1

    cdef uint32_t header(self, Receiver *r, int level, const char *sd, uint32_t sd_len, char *out, uint32_t room) noexcept:
        """Everything before the text, cut at `room`; its length."""
        cdef int64_t now = self.output.clock()
        cdef uint32_t n = 0
        cdef bytes mid
        if r.format == LF_RAW:
            return 0
        if r.format == LF_SHORT or r.format == LF_TIMED:
            n = put_pri(out, n, room, level)
        elif r.format != LF_ISO:
            n = put_pri(out, n, room, r.facility * 8 + level)
        if r.format == LF_TIMED or r.format == LF_ISO:
            n = put_stamp(self.output, out, n, room, now)
            n = put(out, n, room, b" ", 1)
        elif r.format == LF_RFC5424:
            n = put(out, n, room, b"1 ", 2)
            n = put_stamp(self.output, out, n, room, now)
            n = put(out, n, room, PyBytes_AS_STRING(self.rfc5424_mid), <uint32_t>PyBytes_GET_SIZE(self.rfc5424_mid))
            if sd_len:
                n = put(out, n, room, sd, sd_len)
            else:
                n = put(out, n, room, b"-", 1)
            n = put(out, n, room, b" ", 1)
        elif r.format == LF_LOCAL or r.format == LF_RFC3164:
            mid = self.local_mid if r.format == LF_LOCAL else self.rfc3164_mid
            n = put(out, n, room, self.output.date, DATE_LEN)
            n = put(out, n, room, PyBytes_AS_STRING(mid), <uint32_t>PyBytes_GET_SIZE(mid))
        return n

    cdef void send(self, int level, const char *line, uint32_t n) noexcept:
        self.send_sd(level, NULL, 0, line, n)

    cdef void send_sd(self, int level, const char *sd, uint32_t sd_len, const char *line, uint32_t n) noexcept:
        """Compose and queue the message for every receiver that wants it. sd: structured data for rfc5424, or nothing."""
        cdef Receiver *r
        cdef uint32_t i, size, limit
        cdef int told
        cdef char *out
        if self.count == 0:
            return
        if self.pid != self.output.pid:
            self.renew()
        while n and line[n - 1] == c'\n':
            n -= 1
        for i in range(self.count):
            r = &self.receivers[i]
            if not self.wants(r, level):
                continue
            told = level if level > r.least else r.least
            if r.ring != NULL:
                self.into_ring(r, told, sd, sd_len, line, n)
                continue
            limit = r.length if r.addr_len else r.length - 1
            size = self.header_size(r, sd_len) + n
            out = self.output.room(r, (size if size < limit else limit) + 1)
            if out == NULL:
                continue
            size = self.header(r, told, sd, sd_len, out, limit)
            size = put(out, size, limit, line, n)
            out[size] = c'\n'
            self.output.commit(size + 1)
        if not self.output.deferred():
            self.output.flush()

    cdef void into_ring(self, Receiver *r, int level, const char *sd, uint32_t sd_len, const char *line, uint32_t n) noexcept:
        """Compose the message and put it into the receiver's ring, at once and without an end of line (for which `len` has room)."""
        cdef Ring ring = <Ring>r.ring
        cdef uint32_t limit = ring.maxlen if ring.maxlen < r.length else r.length - 1
        cdef uint32_t size = self.header(r, level, sd, sd_len, message, limit)
        ring.append(message, put(message, size, limit, line, n))

    # the door for Python

    def log(self, int level, text, sd=None) -> None:
        """Send a message. level: 0 emerg .. 7 debug; text, sd: str or bytes."""
        cdef bytes line = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
        cdef bytes data = b"" if sd is None else sd if isinstance(sd, bytes) else sd.encode("utf-8", "surrogateescape")
        self.send_sd(level, data, <uint32_t>len(data), line, <uint32_t>len(line))

    def attach(self, Reactor reactor not None) -> None:
        """Flush this sender's output at the end of the reactor's turns (one call for all senders is enough)."""
        self.output.attach(reactor)

    def flush(self) -> None:
        """Send what is gathered now."""
        self.output.flush()

    @property
    def dropped(self) -> list:
        """Messages lost so far, by receiver."""
        return [self.receivers[i].dropped for i in range(self.count)]


FORMAT_NUMBERS = {
    "local": LF_LOCAL, "rfc3164": LF_RFC3164, "rfc5424": LF_RFC5424, "priority": LF_PRIORITY, "short": LF_SHORT,
    "timed": LF_TIMED, "iso": LF_ISO, "raw": LF_RAW,
}
