"""Counting on the request path: what the statistics call stot, rate, hrsp_*; inline, one worker's slot only."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t, int64_t
from haproxy_py.engine.counters cimport Counters, TIME_BUCKETS, TIME_WINDOW, roll_second

cdef extern from *:
    int __builtin_clzll(unsigned long long x) nogil

cdef inline void count_session(Counters *c, uint32_t *rate_max, uint64_t now_s) noexcept nogil:
    """One more session (stot) of a frontend, backend or server."""
    c.stot += 1
    if c.rate_sec != now_s:
        roll_second(c, rate_max, now_s)
    c.rate_now += 1

cdef inline void count_request(Counters *c, uint32_t *rate_max, uint64_t now_s) noexcept nogil:
    """One more HTTP request of a frontend."""
    c.req_tot += 1
    if c.rate_sec != now_s:
        roll_second(c, rate_max, now_s)
    c.req_rate_now += 1

cdef inline void count_connection(Counters *c, uint32_t *rate_max, uint64_t now_s) noexcept nogil:
    """One more connection accepted into a frontend, whatever becomes of it."""
    c.conn_tot += 1
    if c.rate_sec != now_s:
        roll_second(c, rate_max, now_s)
    c.conn_rate_now += 1

cdef inline void count_time(Counters *c, uint64_t us) noexcept nogil:
    """One more request of this total time in the histogram: bucket i holds those of at most 256 us * 2**i."""
    cdef int i = 0 if us <= 256 else 64 - __builtin_clzll((us - 1) >> 8)
    c.times[i if i < TIME_BUCKETS else TIME_BUCKETS - 1] += 1
    c.times_us += us

cdef inline void slide(uint64_t *sum, uint64_t *most, uint64_t n, uint64_t ms) noexcept nogil:
    """One more sample of a sliding average; n: how many the sum had."""
    sum[0] += ms
    if n >= TIME_WINDOW:
        sum[0] -= (sum[0] - ms + TIME_WINDOW - 1) // TIME_WINDOW
    if ms > most[0]:
        most[0] = ms

cdef inline void count_phases(Counters *c, uint64_t q, uint64_t ct, uint64_t rt, uint64_t total) noexcept nogil:
    """qtime, ctime, rtime, ttime (ms) of one more request of a backend or server."""
    slide(&c.qtime, &c.qtime_max, c.time_n, q)
    slide(&c.ctime, &c.ctime_max, c.time_n, ct)
    slide(&c.rtime, &c.rtime_max, c.time_n, rt)
    slide(&c.ttime, &c.ttime_max, c.time_n, total)
    if c.time_n < TIME_WINDOW:
        c.time_n += 1

cdef inline void count_status(Counters *c, int status) noexcept nogil:
    """hrsp_1xx .. hrsp_5xx, hrsp_other."""
    cdef int family = status // 100
    c.hrsp[family if 1 <= family <= 5 else 0] += 1
