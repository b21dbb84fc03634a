"""A server at run time, its connections, its pool of idle ones, and what a stream must be to use them."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int32_t, int64_t
from haproxy_py.engine.addr cimport Addr
from haproxy_py.engine.conn cimport Conn
from haproxy_py.engine.shm cimport ServerSlot
from haproxy_py.engine.tls cimport TlsContext
from haproxy_py.engine.txn cimport Txn
from haproxy_py.engine.worker cimport Worker
from haproxy_py.rules.rule cimport LogFormat
from balancers.base cimport Balancer

cdef enum Reuse:              # http-reuse
    REUSE_NEVER = 0
    REUSE_SAFE
    REUSE_AGGRESSIVE
    REUSE_ALWAYS

cdef enum Observe:            # observe
    OBSERVE_L4 = 1
    OBSERVE_L7 = 2

cdef enum Seen:               # errors in traffic; backends.life.WORDS has the words
    SEEN_L4_BAD = 0
    SEEN_STATUS
    SEEN_HEADERS
    SEEN_READ_ERROR
    SEEN_READ_TIMEOUT

cdef enum PersistBits:        # what persistence knows of a stream
    PERSIST_DIRECT = 1        # it has named its server itself, by a cookie or by a rule
    PERSIST_FORCED = 2        # force-persist: that server even if it is down, and no other
    PERSIST_IGNORED = 4       # ignore-persist
    PERSIST_ASSIGNED = 8      # a rule has chosen, the cookie does not
    PERSIST_FOUND = 16        # the server has set the cookie itself

cdef class ServerUser(Txn):
    """A stream as its server side sees it. stream.http and stream.tcp override the hooks."""
    cdef Worker worker
    cdef Server target                       # assigned server, its slot taken (while it waits: not yet)
    cdef ServerConn sconn
    cdef uint32_t waiter                     # waits for target (None: for any server) under this number; 0: does not
    cdef ServerSlot avoid                    # redispatch: not this one again, if there is another
    cdef Server wanted                       # persistence: this one and no other; None: the balancer chooses
    cdef uint8_t persist                     # PersistBits
    cdef int32_t cookie_last                 # dates in its persistence cookie, wall seconds, 0: none
    cdef int32_t cookie_first
    cdef void server_event(self) noexcept              # the server connection has news (flags of Conn)
    cdef void server_deadline(self) noexcept           # its timer has run out
    cdef void slot_granted(self, Server server) noexcept    # out of the queue: the slot is ours; None: choose again
    cdef void server_ended(self, uint8_t cause) noexcept     # end at once: first letter of the termination state

cdef inline void let_go(ServerUser u) noexcept:
    """It need not have the server that it named: a retry elsewhere, or that one's queue is closed."""
    u.wanted = None
    u.persist &= ~<uint8_t>PERSIST_DIRECT

cdef class ServerConn(Conn):
    cdef Server home
    cdef ServerUser user                     # None: idle in the pool
    cdef Worker worker
    cdef bint connecting                     # connect() has not answered yet
    cdef bint handshaking                    # TLS
    cdef bint private                        # never shared between sessions
    cdef uint32_t uses                       # requests sent over it
    cdef bytes sni
    cdef ServerConn newer                    # idle list, newest first
    cdef ServerConn older
    cdef bint idle
    cdef void discard(self, bint hard) noexcept        # close, out of every list and gauge
    cdef void count_handshake(self) noexcept
    cdef int check_connect(self) noexcept              # 1 connected (and TLS done), 0 not yet, -1 failed (err is set)

cdef class Server:
    cdef readonly ServerSlot slot
    cdef readonly str name
    cdef Worker worker
    cdef public object backend                      # backends.backend.Backend, which cimports this module
    cdef public uint32_t fullconn
    cdef Addr addr                           # copy of the shared one
    cdef bint addr_is_any                    # 0.0.0.0, ::, *: where the client was going (manual 5.2, server)
    cdef uint32_t addr_generation
    cdef uint32_t pool_generation            # address generation of the idle connections
    cdef uint32_t ended                      # ServerShared.ended that was acted upon
    cdef uint32_t hurry                      # the same of hurry
    cdef public bytes unix_path                     # sockaddr_un content; None: IP
    cdef public bint map_port                       # no port written, or +N/-N: the client's port plus port_offset
    cdef public int port_offset
    cdef Addr source                         # family 0: any
    cdef public TlsContext tls               # None: no TLS settings; in use while ServerShared.tls_on
    cdef public LogFormat sni                       # None
    cdef public uint8_t send_proxy                  # 0, 1, 2
    cdef public int proxy_flags
    cdef public uint32_t pool_max                   # idle connections kept; UINT32_MAX: no limit
    cdef public uint32_t pool_low
    cdef public uint64_t purge_ms
    cdef public uint32_t max_reuse
    cdef public bint tcpka
    cdef public int ka_cnt, ka_idle, ka_intvl
    cdef public int tcp_ut
    cdef public int rcvbuf, sndbuf                 # tune.rcvbuf.server, tune.sndbuf.server: bytes; 0: the kernel's choice
    cdef public bint smart_connect
    cdef public uint8_t observe              # Observe, 0: none
    cdef public uint32_t error_limit
    cdef public object alarm                 # called with (slot, errors in a row, Seen)
    cdef readonly uint32_t idle_count        # in this worker
    cdef uint32_t busy_count                 # connections in use, in this worker
    cdef uint32_t busy_peak                  # most of them in the current period of purge_ms
    cdef uint32_t busy_peak_before           # ... and in the one before
    cdef uint64_t period_ends                # monotonic ms
    cdef ServerConn newest
    cdef ServerConn oldest
    cdef public uint32_t max_queue
    cdef bint leaving                        # a stream that is in no gauge any more still counts for limit()
    cdef public Balancer watcher             # the backend's balancer when it goes by load, else None
    cdef public bytes cookie                        # of persistence; None: none
    cdef public bint own_cookie                     # written on its line, not made up
    cdef uint32_t cookie_generation                 # of the address that a made-up one stands for
    cdef readonly set streams                # of this worker, for on-marked-down and shutdown commands
    cdef bint try_slot(self) noexcept                          # take one of maxconn; False: full
    cdef void free_slot(self) noexcept
    cdef bint book_slot(self) noexcept                         # the shared half of try_slot(), for whoever will own it
    cdef void unbook_slot(self) noexcept
    cdef uint32_t limit(self) noexcept                         # effective maxconn now; 0: none
    cdef ServerConn take_idle(self, int mode, bint first, bytes sni)
    cdef void give_idle(self, ServerConn c) noexcept           # or close it, if the pool is full
    cdef void unlink_idle(self, ServerConn c) noexcept
    cdef ServerConn open(self, ServerUser user, bytes sni, int *err)     # new, connecting; None: *err
    cdef void close_idle(self) noexcept
    cdef uint32_t lend_idle(self, Conn to, bytes sni) noexcept         # requests it has carried, 0: there is none
    cdef bint adopt_idle(self, Conn made, bytes sni, uint32_t uses) noexcept
    cdef void seen_good(self, uint8_t layer) noexcept          # only when observe is on: test it first
    cdef void seen_bad(self, uint8_t what) noexcept
    cdef bint bind_source(self, int fd) noexcept
    cdef bint is_at(self, uint8_t family, const char *ip, uint32_t n, uint32_t port) noexcept    # its address now
    cdef bint worth_keeping(self) noexcept
    cdef void one_busier(self) noexcept

cdef inline bint right_kind(Server s, ServerConn c) noexcept:
    """It speaks TLS, or does not, as new connections do (`set server B/S ssl`)."""
    return s.tls is None or (c.tls is not None) == (s.slot.shared.tls_on != 0)
