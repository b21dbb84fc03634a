"""A request as it comes in; see request.pyx."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from haproxy_py.stream.service cimport HttpService, Service
from haproxy_py.stream.session cimport Session

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

cdef class HttpRequest(HttpService):
    cdef void no_request(self, uint8_t cause) noexcept
    cdef bint monitored(self) noexcept
    cdef bint monitor_failed(self) noexcept
    cdef uint64_t tarpit_ms(self) noexcept
    cdef void look_at_cookies(self) noexcept
    cdef void add_forwarded(self, option, bint source) noexcept
    cdef void make_unique_id(self) noexcept
    cdef void setup(self, Session s) noexcept
    cdef void read_head(self, bint fresh) noexcept
    cdef void head_complete(self, uint32_t n) noexcept
    cdef void bad_request(self, int status) noexcept
    cdef bint serve_if_asked(self, Service service) noexcept
    cdef void run_rules(self) noexcept
    cdef bint obey(self, int verdict) noexcept
    cdef bint switch_backend(self) noexcept
    cdef bint buffered(self) noexcept
    cdef bint invite(self) noexcept
    cdef void send_off(self) noexcept
    cdef bint too_large(self) noexcept
    cdef void prepare_request(self) noexcept
