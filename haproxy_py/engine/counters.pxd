"""Counters of one proxy or server and worker, and how they are added up, folded and turned into rates."""

from libc.stdint cimport uint32_t, uint64_t

cdef enum:
    TIME_BUCKETS = 21             # of the histograms of request times: up to 256 us * 2**i each, and one for the rest
    TIME_WINDOW = 1024            # requests over which qtime, ctime, rtime and ttime are averaged

cdef struct Counters:             # one per proxy or server and worker; written by one worker, read by all
    # everything above `scur` is a total: folded into slot 0 by retire(). 64-byte multiple: no line shared by two workers.
    # What is for the statistics only and seldom written comes last, behind the words that every request touches
    uint64_t stot                 # sessions (frontend: connections accepted into it; backend, server: streams)
    uint64_t conn_tot
    uint64_t req_tot
    uint64_t bin
    uint64_t bout
    uint64_t dreq
    uint64_t dresp
    uint64_t ereq
    uint64_t econ
    uint64_t eresp
    uint64_t wretr
    uint64_t wredis
    uint64_t cli_abrt
    uint64_t srv_abrt
    uint64_t lbtot
    uint64_t dcon
    uint64_t dses
    uint64_t hrsp[6]              # other, 1xx .. 5xx
    uint64_t connect
    uint64_t reuse
    uint64_t intercepted
    uint64_t wrew
    uint64_t eint
    uint64_t comp_in
    uint64_t comp_out
    uint64_t comp_byp
    uint64_t comp_rsp
    uint64_t cache_lookups
    uint64_t cache_hits
    uint64_t ssl_sess             # TLS handshakes done ...
    uint64_t ssl_reused           # ... of sessions that were resumed
    uint64_t ssl_failed
    uint64_t wire_in              # bytes of HTTP/1 as they were on the wire
    uint64_t wire_out
    uint64_t times_us             # sum of the total times of the requests in `times`
    uint64_t times[21]            # TIME_BUCKETS: requests by total time, see count_time
    uint64_t scur                 # this worker's part of the shared gauge
    uint64_t served               # this worker's part of ProxyShared.served
    uint64_t used_conns           # ... of ServerShared.used_conns
    uint64_t idle_conns           # ... of ServerShared.idle_conns
    uint64_t streams              # open HTTP streams (frontends)
    uint64_t rate_sec             # sliding second: sessions
    uint64_t rate_now
    uint64_t rate_last
    uint64_t req_rate_now
    uint64_t req_rate_last
    uint64_t conn_rate_now        # frontends: connections, refused ones included
    uint64_t conn_rate_last
    uint64_t last_session         # seconds of engine.clock
    uint64_t qtime_max            # ms; the highest of all workers counts
    uint64_t ctime_max
    uint64_t rtime_max
    uint64_t ttime_max
    uint64_t time_n               # samples in the sums below, at most TIME_WINDOW
    uint64_t qtime                # ms, sums over the last TIME_WINDOW requests (sliding)
    uint64_t ctime
    uint64_t rtime
    uint64_t ttime
    uint64_t index                # of this record in its array, and how many there are: for the rates of all workers
    uint64_t records
    uint64_t kinds                # of rates whose maxima its owner keeps: 1 sessions only, 3 requests and connections too
    uint64_t spare[2]

cdef int totals_count() noexcept nogil
cdef void fold(Counters *into, Counters *dead) noexcept nogil
cdef void fold_averages(Counters *into, Counters *dead) noexcept nogil
cdef void number_records(Counters *array, int n, int kinds) noexcept nogil
cdef void sum_counters(Counters *array, int n, Counters *out) noexcept nogil
cdef dict counters_dict(Counters *sum)
cdef int word_of(str name) except -1
cdef uint64_t rate_of(uint64_t sec, uint64_t now, uint64_t last, uint64_t at_ms) noexcept nogil
cdef uint64_t busiest(Counters *array, int n, int place) noexcept nogil
cdef void roll_second(Counters *c, uint32_t *rate_max, uint64_t now_s) noexcept nogil
cdef tuple rates_of(Counters *array, int n, uint64_t at_ms)
cdef dict statistics_of(Counters *sum, Counters *array, int n, uint64_t at_ms)
cdef tuple times_of(Counters *sum)
cdef void clear_peaks(Counters *array, int n, uint64_t now_s) noexcept nogil
