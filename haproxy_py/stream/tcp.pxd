"""One TCP session: bytes both ways."""

from libc.stdint cimport uint64_t
from haproxy_py.rules.rule cimport RuleSet
from haproxy_py.stream.relay cimport Relay
from haproxy_py.stream.session cimport Mux, Session

cdef class TcpMux(Mux):
    pass

cdef class TcpStream(Relay):
    cdef int cursor
    cdef bint logged
    cdef bint judging                    # tcp-response content rules have not decided yet
    cdef uint64_t judge_until            # monotonic ms: when tcp-response inspect-delay ends; 0: it has not begun
    cdef bint at_backend                 # the backend's content rules are on
    cdef void count_unsent(self) noexcept
    cdef void setup(self, Session s) noexcept
    cdef bint gather(self) noexcept                    # read what is there; False: nothing more will come
    cdef void run_rules(self) noexcept
    cdef bint content_rules(self, RuleSet rules) noexcept
    cdef bint switch_backend(self) noexcept
    cdef void add_times(self) noexcept
    cdef uint64_t head_bytes(self) noexcept
    cdef bint handshaking(self) noexcept
    cdef void move(self) noexcept
    cdef void keep_judging(self) noexcept
    cdef bint judge_response(self) noexcept
    cdef void close_books(self) noexcept
