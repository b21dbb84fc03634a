"""How a request ends; see answer.pyx. The fields are those of the whole HTTP stream."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from haproxy_py.engine.counters cimport Counters
from haproxy_py.engine.http1 cimport H1Parser
from haproxy_py.engine.reply cimport Reply
from haproxy_py.stream.conf cimport HttpConf
from haproxy_py.stream.relay cimport Relay
from backends.server cimport ServerConn

cdef class HttpAnswer(Relay):
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
    cdef bint reply_fails                # a page stands in for a reply that did not fit
    cdef uint8_t after_failures          # how often http-after-response rules had no room
    cdef uint64_t counted_in             # request bytes as HAProxy counts them: head, then payload
    cdef uint64_t counted_out
    cdef bytes reply_body
    cdef bint run_after_rules(self) noexcept
    cdef uint64_t in_bytes(self) noexcept
    cdef int counters_of(self, Counters **found) noexcept
    cdef void count_internal_error(self) noexcept
    cdef void send_raw(self, bytes text, int status) noexcept
    cdef void finish_session(self) noexcept
    cdef void write_log(self) noexcept
    cdef bint quiet(self, ServerConn c) noexcept
    cdef void add_times(self) noexcept
    cdef void refuse_silently(self, uint8_t cause, uint8_t state) noexcept
    cdef void part_from_server(self) noexcept
    cdef uint64_t out_bytes(self) noexcept
    cdef Reply page_of(self, int status)
    cdef void leave_reply(self) noexcept
    cdef void answer(self, Reply reply) noexcept
    cdef void answer_instead(self, Reply reply) noexcept
    cdef void send_answer(self) noexcept
    cdef void raw_answer(self, int status) noexcept
    cdef void close_books(self) noexcept                            # log, counters, gauges; once
    cdef HttpConf back_conf(self)
