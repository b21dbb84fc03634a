"""A backend at run time: who serves a request, who waits, and what the stream needs to know of it."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from haproxy_py.engine.addr cimport Addr
from haproxy_py.engine.reply cimport Reply
from haproxy_py.engine.shm cimport ProxySlot, ServerSlot
from haproxy_py.engine.worker cimport Worker
from haproxy_py.rules.rule cimport RuleSet
from balancers.base cimport Balancer
from backends.persistence cimport Persistence
from backends.queue cimport Queues
from backends.server cimport Server, ServerUser, Reuse

cdef enum Assign:
    A_OK = 1             # u.target is set and its slot taken
    A_QUEUED = 0         # slot_granted() will come
    A_NONE = -1          # no server may be used: 503 <NOSRV>
    A_FULL = -2          # the queue of the server that it must have is full
    A_NO_ROOM = -3       # too many wait

cdef enum RetryOn:           # retry-on, beside connection failures
    RETRY_EMPTY = 1
    RETRY_JUNK = 2
    RETRY_TIMEOUT = 4
    RETRY_401 = 8
    RETRY_403 = 16
    RETRY_404 = 32
    RETRY_408 = 64
    RETRY_421 = 128
    RETRY_425 = 256
    RETRY_429 = 512
    RETRY_500 = 1024
    RETRY_501 = 2048
    RETRY_502 = 4096
    RETRY_503 = 8192
    RETRY_504 = 16384
    RETRY_CONN = 32768

cdef uint32_t retry_bit(int status) noexcept nogil

cdef class Backend:
    cdef readonly ProxySlot slot
    cdef readonly str name
    cdef readonly bint http
    cdef Worker worker
    cdef readonly list servers                # Server
    cdef public Balancer balancer
    cdef Queues queues
    cdef uint32_t seen                        # generation of the proxy when all queues were last served
    cdef uint32_t followed                    # ProxyShared.generation that backends.follow has seen
    cdef public uint64_t timeout_connect             # ms, 0: none
    cdef public uint64_t timeout_server
    cdef public uint64_t timeout_queue
    cdef public uint64_t timeout_tunnel
    cdef public uint64_t timeout_server_fin
    cdef public uint64_t timeout_tarpit
    cdef public uint32_t fullconn
    cdef public uint32_t retries
    cdef public int redispatch                       # 0: off; else its argument, see stream.relay
    cdef public int reuse
    cdef public bint abortonclose
    cdef public bint nolinger            # a server connection that we end is reset
    cdef public Persistence persistence              # None: nothing but the balancer names a server
    cdef public bint hashing                         # its algorithm goes by keys: no server is preferred for being the last
    cdef public bint prefer_last                     # option prefer-last-server
    cdef public int max_ka_queue                     # max-keep-alive-queue; -1: no limit
    cdef public uint32_t retry_on             # RetryOn bits
    cdef public RuleSet tcp_content
    cdef public RuleSet http_request
    cdef public RuleSet redirects
    cdef public RuleSet tcp_response
    cdef public RuleSet http_response
    cdef public RuleSet http_after
    cdef public uint64_t inspect_delay
    cdef public uint64_t response_delay
    cdef public object service                       # stream.service.Service whose URIs are answered here (stats), None
    cdef public object conf                          # stream.conf.HttpConf: options of HTTP, forwardfor, error pages
    cdef int assign(self, ServerUser u) noexcept
    cdef int assign_to(self, ServerUser u, Server s) noexcept
    cdef void chosen(self, ServerUser u, Server s) noexcept
    cdef int assign_wanted(self, ServerUser u) noexcept
    cdef bint may_stay(self, ServerUser u, Server s) noexcept
    cdef int enqueue(self, ServerUser u, Server s, uint32_t freed) noexcept
    cdef void leave_queue(self, ServerUser u) noexcept
    cdef void release(self, ServerUser u) noexcept          # give the slot of u.target back and serve the queues
    cdef Server give_back(self, ServerUser u)               # the first half of it: the server, or None
    cdef void serve_freed(self, Server s, bint gone) noexcept    # the second half; gone: the stream is in no gauge any more
    cdef bint usable(self) noexcept
    cdef void take(self, ServerUser u, Server s) noexcept
    cdef int requeue(self, Server s) noexcept              # who waits for it alone shall choose again; how many
