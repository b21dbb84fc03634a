"""What HTTP and TCP streams share: the way to a server, and tunnels."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from haproxy_py.stream.channel cimport Chan
from haproxy_py.stream.session cimport Stream
from haproxy_py.engine.shm cimport ServerSlot
from backends.backend cimport Backend

cdef enum StreamState:
    ST_HEAD = 0          # http: the request head is coming; tcp: content rules wait for bytes
    ST_RULES             # a rule is suspended
    ST_BODY              # option http-buffer-request: the body is coming
    ST_TARPIT
    ST_QUEUE
    ST_TURN              # waits a moment before it connects again
    ST_CONNECT
    ST_EXCHANGE          # http: request going out, reply coming in
    ST_TUNNEL            # both ways until both have ended
    ST_SERVICE           # a service answers: its pieces go out one after the other
    ST_REPLY             # a reply of our own going out
    ST_DONE

cdef enum:
    BUDGET = 1048576     # bytes one direction may move before the others get their turn

cdef class Relay(Stream):
    cdef Backend backend
    cdef uint8_t state
    cdef Chan rq
    cdef Chan rs
    cdef uint32_t head_length            # http: of the request head; tcp: 0
    cdef bint rq_done                    # this direction is through
    cdef bint rs_done
    cdef bint rs_held                    # the reply may not pass yet (tcp-response content)
    cdef bint granted                    # a queue gave us a slot
    cdef bint reused                     # the server connection had carried requests before
    cdef uint32_t left_retries
    cdef bint retrying                   # the same server is tried again
    # hooks
    cdef void ready_to_send(self) noexcept                                       # bytes that go first into rq
    cdef void name_server(self) noexcept
    cdef void connected(self) noexcept
    cdef void fail(self, int status, uint8_t cause, uint8_t state) noexcept      # no server for this stream
    cdef void complete(self) noexcept
    cdef void cut(self, uint8_t cause, uint8_t state) noexcept                   # end without an answer
    # the way to a server
    cdef void seek_server(self) noexcept
    cdef void connect(self) noexcept
    cdef void connecting(self) noexcept
    cdef void established(self) noexcept
    cdef void connect_failed(self) noexcept
    cdef void connect_timed_out(self) noexcept
    cdef void queue_timed_out(self) noexcept
    cdef void prepend_proxy_header(self) noexcept
    cdef void rewind_request(self) noexcept
    cdef void retry_connect(self, uint8_t cause, bint pause) noexcept
    cdef bint leave_for_another(self) noexcept
    cdef void note_change(self, ServerSlot before, bint full) noexcept
    cdef void drop_server(self, bint hard) noexcept
    cdef void tunnel(self) noexcept
    cdef void end_request(self) noexcept                                         # no more for the server: half a close
    cdef void end_reply(self) noexcept                                           # no more for the client
    cdef void arm_tunnel(self, bint moved) noexcept
    cdef void tunnel_late(self, bint client) noexcept                            # its deadline is over, or the server's
    cdef void late_client(self) noexcept
    cdef void late_server(self) noexcept
    cdef void count_loss(self, uint8_t cause) noexcept
    cdef uint8_t phase(self) noexcept
