"""The door for whatever answers a request inside the proxy, piece by piece: statistics, exporter; see service.pyx."""

from libc.stdint cimport uint32_t
from haproxy_py.engine.message cimport Head
from haproxy_py.rules.rule cimport RuleSet
from haproxy_py.stream.answer cimport HttpAnswer

cdef class Service:
    """Something that answers in a server's place. Python classes inherit it and give respond()."""
    cdef public bytes name               # what logs show where a server's name would stand: b"<STATS>"
    cdef public bytes prefix             # of the targets that it answers; None: asked for by rules only
    cdef public RuleSet rules            # run before it answers (stats http-request); None
    cdef public bint response_rules      # http-response rules see its replies
    cdef bint asked(self, Head h) noexcept

cdef class HttpService(HttpAnswer):
    cdef object pieces                   # iterator of bytes, None at the end
    cdef object piece                    # the one that did not fit whole
    cdef uint32_t piece_off
    cdef bint chunked
    cdef void serve(self, Service service) noexcept
    cdef void await_body(self) noexcept
    cdef void begin(self) noexcept
    cdef void send_head(self, answer) noexcept
    cdef bint pass_response_rules(self) noexcept
    cdef void pump(self) noexcept
    cdef void fill(self) noexcept
    cdef void frame(self, const char *data, uint32_t n) noexcept
    cdef void put(self, const char *data, uint32_t n) noexcept
