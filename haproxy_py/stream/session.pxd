"""A client's connection and the stream that is on it."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t
from haproxy_py.engine.conn cimport Conn
from haproxy_py.engine.reactor cimport Source
from haproxy_py.engine.shm cimport ProxySlot
from haproxy_py.engine.worker cimport Worker
from haproxy_py.rules.rule cimport RuleSet
from haproxy_py.stream.conf cimport FrontConf, LogPlan
from backends.server cimport ServerConn, ServerUser

cdef enum SessionState:
    SE_PROXY = 0         # waiting for the PROXY header
    SE_TLS               # handshake
    SE_HTTP              # idle, or a request is on
    SE_TCP
    SE_DRAIN             # last bytes sent, end sent: reads and throws away until the peer is done
    SE_CLOSED

cdef class Stream(ServerUser):
    """A request or TCP session as its client side sees it."""
    cdef FrontConf front
    cdef Session session
    cdef bint empty                                    # the client has sent nothing at all
    cdef bint has_begun(self) noexcept                 # HAProxy would have a stream: a whole head has come, or it is a TCP session
    cdef void join(self, Session s) noexcept           # the session's stream from now on, with what it knows of its client
    cdef void client_event(self) noexcept
    cdef void client_deadline(self) noexcept
    cdef void abort(self, uint8_t cause) noexcept      # end at once, from outside ('K' killed by an admin, 'D' server down)

cdef class Mux:
    """Makes streams of what comes over a session; stream.http and stream.tcp have one each."""
    cdef void start(self, Session s) noexcept                        # http: bytes are in s.buf; tcp: handshakes done
    cdef void nothing_came(self, Session s, uint8_t cause) noexcept  # it ended (C) or timed out (c) before any request

cdef class Door(Source):
    """What a session must know of the bind line it came through; frontends.listener.Listener is one."""
    cdef FrontConf front
    cdef bytes bind_name
    cdef object tls                                    # TlsContext or None
    cdef bint accept_proxy
    cdef uint32_t conns                                # current connections through it, in this worker
    cdef ProxySlot counts                              # its own statistics (option socket-stats); None
    cdef void count_end(self, Stream t, uint64_t bin, uint64_t bout) noexcept    # a stream has ended: into `counts`
    cdef void left(self, Session s) noexcept           # a connection has ended

cdef class Session(Conn):
    cdef Worker worker
    cdef FrontConf front
    cdef Door door
    cdef Stream stream
    cdef uint8_t state
    cdef void *older                                   # list of the worker's sessions, borrowed
    cdef void *newer
    cdef bint counted                                  # in the frontend's gauges
    cdef bint prefer_last                              # the server negotiates per connection: requests go on to it
    cdef bint owes_body                                # part of a request body was not read
    cdef bint from_proxy                               # src and dst came by the PROXY protocol
    cdef char *buf                                     # received and not yet consumed; taken when bytes come
    cdef uint32_t have
    cdef uint32_t requests
    cdef uint64_t accept_us
    cdef int64_t accept_wall_us
    cdef uint64_t handshake_us                         # handshakes done (first request: %Th)
    cdef uint64_t idle_us                              # since when it waits for the next request (%Ti)
    cdef object sess_vars
    cdef ServerConn own                                # server connection of this session alone, idle now
    cdef void enlist(self) noexcept
    cdef void delist(self) noexcept
    cdef void begin(self) noexcept                     # just accepted
    cdef void proceed(self) noexcept                   # next step of the handshakes
    cdef void ready(self) noexcept                     # handshakes done
    cdef void next_request(self) noexcept
    cdef void start_http(self) noexcept
    cdef void finish(self, bint hard) noexcept         # no more streams: close, after what was sent has got through
    cdef void drop(self, bint hard) noexcept           # close now
    cdef char *buffer(self) noexcept
    cdef void idle_deadline(self) noexcept
    cdef bint read_proxy_header(self) noexcept
    cdef void count_handshake(self) noexcept
    cdef void wait_for_request(self, bint first) noexcept
    cdef bint waits(self) noexcept
    cdef void lost_before_request(self, bint clean) noexcept
    cdef void drain(self) noexcept
    cdef bint ended(self) noexcept
    cdef void count_begin(self) noexcept
    cdef Stream passer(self)
    cdef bint allowed(self, RuleSet rules) noexcept
    cdef void complain(self, const char *text) noexcept
