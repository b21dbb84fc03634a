"""One HTTP request and its reply."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from haproxy_py.engine.http1 cimport H1Parser
from haproxy_py.engine.reply cimport Reply
from haproxy_py.engine.txn cimport Verdict
from haproxy_py.rules.rule cimport RuleSet
from haproxy_py.stream.conf cimport HttpConf
from backends.server cimport ServerConn
from haproxy_py.stream.relay cimport Relay
from haproxy_py.stream.session cimport Mux, Session

# Rule sets in the order of evaluation (manual 4.2 and 7.3)
cdef enum Stage:
    STAGE_TCP_FRONT = 0
    STAGE_HTTP_FRONT
    STAGE_REDIRECT_FRONT
    STAGE_SWITCH
    STAGE_TCP_BACK
    STAGE_HTTP_BACK
    STAGE_REDIRECT_BACK
    STAGE_FORWARD

cdef class HttpStream(Relay):
    cdef uint8_t stage
    cdef uint8_t state_before            # what was on when a reply of our own began
    cdef int cursor
    cdef H1Parser parser
    cdef bint keep_client
    cdef bint keep_server
    cdef bint counted_be                 # in the backend's gauges
    cdef bint close_server               # option http-server-close or a backend's httpclose
    cdef bint logged
    cdef bint own_reply
    cdef uint64_t counted_in             # request bytes as HAProxy counts them: head, then payload
    cdef uint64_t counted_out
    cdef bytes reply_body

    # stream.http: the client's side
    cdef void no_request(self, uint8_t cause) noexcept
    cdef bint monitored(self) noexcept
    cdef bint monitor_failed(self) noexcept
    cdef uint64_t tarpit_ms(self) noexcept
    cdef void add_forwarded(self, option, bint source) noexcept
    cdef void make_unique_id(self) noexcept
    cdef bint run_response_rules(self) noexcept
    cdef void run_after_rules(self) noexcept
    cdef void send_raw(self, bytes text, int status) noexcept
    cdef void finish_session(self) noexcept
    cdef void write_log(self) noexcept
    cdef bint quiet(self, ServerConn c) noexcept
    cdef void add_times(self) noexcept
    cdef void refuse_silently(self, uint8_t cause, uint8_t state) noexcept
    cdef bint try_again(self, uint32_t reason) noexcept
    cdef void part_from_server(self) noexcept
    cdef uint64_t out_bytes(self) noexcept
    cdef void setup(self, Session s) noexcept
    cdef void read_head(self, bint fresh) noexcept
    cdef void head_complete(self, uint32_t n) noexcept
    cdef void bad_request(self, int status) noexcept
    cdef void run_rules(self) noexcept
    cdef bint obey(self, int verdict) noexcept
    cdef bint switch_backend(self) noexcept
    cdef void forward(self) noexcept
    cdef void buffer_body(self) noexcept
    cdef void prepare_request(self) noexcept
    # the server's side
    cdef void exchange(self) noexcept
    cdef bint move_request(self) noexcept
    cdef bint move_reply(self) noexcept
    cdef bint read_reply_head(self) noexcept
    cdef bint interim_reply(self, uint32_t n) noexcept
    cdef bint reply_head_complete(self, uint32_t n) noexcept
    cdef bint server_lost(self) noexcept
    cdef bint bad_reply(self) noexcept
    cdef bint refuse_head(self) noexcept
    cdef void start_tunnel(self) noexcept
    # ends
    cdef Reply page_of(self, int status)
    cdef void leave_reply(self) noexcept
    cdef void answer(self, Reply reply) noexcept
    cdef void send_answer(self) noexcept
    cdef void raw_answer(self, int status) noexcept
    cdef void close_books(self) noexcept                            # log, counters, gauges; once
    cdef bint client_gone(self) noexcept
    cdef HttpConf back_conf(self)

cdef class HttpMux(Mux):
    pass
