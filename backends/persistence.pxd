"""Which server a stream must have, and the cookie that says so (manual 4.2: cookie, use-server, persist, force-persist ...)."""

from libc.stdint cimport uint8_t, uint32_t, int64_t
from haproxy_py.engine.message cimport Head
from haproxy_py.engine.shm cimport ProxySlot, ServerSlot
from haproxy_py.rules.rule cimport Cond, LogFormat
from backends.server cimport Server, ServerUser

cdef enum CookieMode:            # words of a `cookie` line
    CK_REWRITE = 1
    CK_INSERT = 2
    CK_PREFIX = 4
    CK_INDIRECT = 8
    CK_NOCACHE = 16
    CK_POSTONLY = 32
    CK_PRESERVE = 64
    CK_DYNAMIC = 128
    CK_LOGGED = 15               # with one of these the log shows what became of the cookie

cdef class CookiePlan:
    cdef readonly bytes name
    cdef readonly int modes                  # CookieMode bits
    cdef readonly uint32_t maxidle           # seconds, 0: no limit
    cdef readonly uint32_t maxlife
    cdef readonly bytes attributes           # what follows "; path=/" in a Set-Cookie
    cdef readonly bytes key                  # of dynamic cookies; None: they are not made

cdef class Switch:
    """A use-server rule: a fixed server, or a format that gives a name."""
    cdef Cond cond
    cdef readonly str name
    cdef readonly LogFormat format
    cdef Server server

cdef class Condition:
    """A force-persist or ignore-persist rule."""
    cdef Cond cond
    cdef readonly bint force

cdef class Persistence:
    cdef ProxySlot slot
    cdef readonly list servers               # the backend's own list
    cdef readonly CookiePlan cookie          # None
    cdef readonly list switches              # Switch
    cdef readonly list conditions            # Condition
    cdef readonly bytes rdp                  # name of the RDP cookie, b"" any; None: not asked for
    cdef readonly bint anyway                # option persist: servers that are down, too
    cdef dict by_cookie                      # cookie -> list of Server, in configuration order
    cdef dict by_name
    cdef Py_ssize_t count                    # of servers when these were made, and the last of them
    cdef Server last
    cdef bint logs_cookie(self) noexcept
    cdef void denied(self, ServerUser u) noexcept               # a rule has refused it: only its cookies are looked at
    cdef void judge(self, ServerUser u) noexcept                # its backend was just chosen
    cdef void choose(self, ServerUser u) noexcept               # its rules are through: server, and the request's cookies
    cdef void moved(self, ServerUser u) noexcept                # a retry went to another server than the one it wanted
    cdef void reply(self, ServerUser u) noexcept                # the response's cookies
    cdef void apply_switches(self, ServerUser u) noexcept
    cdef void apply_rdp(self, ServerUser u) noexcept
    cdef bint alive(self, Server s) noexcept
    cdef bint reachable(self, ServerUser u, Server s) noexcept
    cdef void look_again(self) noexcept
    cdef bint others(self) noexcept
    cdef bint stale(self, Server s) noexcept
    cdef void make_cookie(self, Server s) noexcept
    cdef list servers_of(self, bytes value)
    cdef Server server_named(self, str name)
    cdef void request_cookies(self, ServerUser u) noexcept
    cdef void request_field(self, ServerUser u, int index) noexcept
    cdef uint32_t read_value(self, ServerUser u, const char *p, uint32_t n) noexcept
    cdef uint8_t outdated(self, ServerUser u) noexcept
    cdef void find_server(self, ServerUser u, bytes value) noexcept
    cdef void response_cookies(self, ServerUser u, int id) noexcept
    cdef void response_field(self, ServerUser u, int index, bint folded) noexcept
    cdef bint wants_cookie(self, ServerUser u, int64_t now) noexcept
    cdef void insert_cookie(self, ServerUser u, int64_t now) noexcept
