"""One HTTP request and its reply."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from haproxy_py.stream.request cimport HttpRequest
from haproxy_py.stream.session cimport Mux, Session

cdef class HttpStream(HttpRequest):
    cdef bint run_response_rules(self) noexcept
    cdef void mark_reply(self) noexcept
    cdef bint try_again(self, uint32_t reason) noexcept
    cdef void exchange(self) noexcept
    cdef bint move_request(self) noexcept
    cdef bint move_reply(self) noexcept
    cdef bint read_reply_head(self) noexcept
    cdef bint interim_reply(self, uint32_t n) noexcept
    cdef bint reply_head_complete(self, uint32_t n) noexcept
    cdef void judge_status(self, int status) noexcept
    cdef void observed(self, uint8_t what) noexcept
    cdef bint server_lost(self) noexcept
    cdef bint bad_reply(self) noexcept
    cdef bint rewritten_too_large(self) noexcept
    cdef bint reply_not_made(self) noexcept
    cdef bint refuse_head(self) noexcept
    cdef void start_tunnel(self) noexcept
    cdef bint client_gone(self) noexcept

cdef class HttpMux(Mux):
    pass
