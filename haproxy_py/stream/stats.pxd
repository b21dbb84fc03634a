"""Counting on the request path: what the statistics call stot, rate, hrsp_*; inline, one worker's slot only."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t, int64_t
from haproxy_py.engine.shm cimport Counters, ProxyShared

cdef inline void roll_second(Counters *c, uint64_t now_s) noexcept nogil:
    """Start a new second of the sliding rates."""
    if now_s == c.rate_sec + 1:
        c.rate_last = c.rate_now
        c.req_rate_last = c.req_rate_now
    else:
        c.rate_last = 0
        c.req_rate_last = 0
    c.rate_now = 0
    c.req_rate_now = 0
    c.rate_sec = now_s

cdef inline void count_session(Counters *c, uint32_t *rate_max, uint64_t now_s) noexcept nogil:
    """One more session (stot) of a frontend, backend or server."""
    c.stot += 1
    c.last_session = now_s
    if c.rate_sec != now_s:
        roll_second(c, now_s)
    c.rate_now += 1
    if c.rate_now > rate_max[0]:
        rate_max[0] = <uint32_t>c.rate_now

cdef inline void count_request(Counters *c, uint32_t *rate_max, uint64_t now_s) noexcept nogil:
    """One more HTTP request of a frontend."""
    c.req_tot += 1
    if c.rate_sec != now_s:
        roll_second(c, now_s)
    c.req_rate_now += 1
    if c.req_rate_now > rate_max[0]:
        rate_max[0] = <uint32_t>c.req_rate_now

cdef inline void count_status(Counters *c, int status) noexcept nogil:
    """hrsp_1xx .. hrsp_5xx, hrsp_other."""
    cdef int family = status // 100
    c.hrsp[family if 1 <= family <= 5 else 0] += 1
