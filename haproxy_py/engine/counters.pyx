"""Counters of the statistics: one record for each worker, added up by whoever reads (names: the statistics CSV's).

A record is written by one process only. Index 0 of an array holds what retired workers have left.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.stddef cimport size_t
from libc.string cimport memset
cimport haproxy_py.engine.sys as sys

TOTALS = (                        # the words of Counters above `times_us`, in order
    "stot", "conn_tot", "req_tot", "bin", "bout", "dreq", "dresp", "ereq", "econ", "eresp", "wretr", "wredis", "cli_abrt",
    "srv_abrt", "lbtot", "dcon", "dses", "hrsp_other", "hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "connect",
    "reuse", "intercepted", "wrew", "eint", "comp_in", "comp_out", "comp_byp", "comp_rsp", "cache_lookups", "cache_hits",
    "ssl_sess", "ssl_reused", "ssl_failed", "wire_in", "wire_out",
)


cdef int totals_count() noexcept nogil:
    """How many leading words of Counters are totals."""
    cdef Counters c
    return <int>(&c.scur - <uint64_t *>&c)


if len(TOTALS) + 1 + TIME_BUCKETS != totals_count() or sizeof(Counters) % 64:
    raise ImportError("engine.counters: TOTALS does not match struct Counters")


cdef void fold(Counters *into, Counters *dead) noexcept nogil:
    """Move the totals of `dead` to `into` and clear all of `dead` but its gauges' parts."""
    cdef uint64_t *a = <uint64_t *>into
    cdef uint64_t *b = <uint64_t *>dead
    cdef int i
    for i in range(totals_count()):
        sys.ha_store64(&a[i], a[i] + sys.ha_load64(&b[i]))
        sys.ha_store64(&b[i], 0)
    into.last_session = max(into.last_session, dead.last_session)
    into.qtime_max = max(into.qtime_max, dead.qtime_max)
    into.ctime_max = max(into.ctime_max, dead.ctime_max)
    into.rtime_max = max(into.rtime_max, dead.rtime_max)
    into.ttime_max = max(into.ttime_max, dead.ttime_max)
    fold_averages(into, dead)
    memset(&dead.rate_sec, 0, <size_t>(<char *>&dead.index - <char *>&dead.rate_sec))
    dead.streams = 0


cdef void fold_averages(Counters *into, Counters *dead) noexcept nogil:
    """The sliding sums of both together, for TIME_WINDOW requests at most."""
    cdef uint64_t n = into.time_n + dead.time_n
    cdef uint64_t *a = &into.time_n
    cdef uint64_t *b = &dead.time_n
    cdef int i
    for i in range(1, 5):
        a[i] += b[i]
        if n > TIME_WINDOW:
            a[i] = a[i] * TIME_WINDOW // n
    into.time_n = n if n < TIME_WINDOW else TIME_WINDOW


cdef void number_records(Counters *array, int n, int kinds) noexcept nogil:
    """Tell each record where it stands, and how many kinds of rates its owner keeps maxima of."""
    cdef int i
    for i in range(n):
        array[i].index = i
        array[i].records = n
        array[i].kinds = kinds


cdef void sum_counters(Counters *array, int n, Counters *out) noexcept nogil:
    """Totals, parts of gauges and averages are added; of last_session and the maxima the highest counts."""
    cdef uint64_t *to = <uint64_t *>out
    cdef uint64_t *c
    cdef int i, w
    cdef int words = <int>(sizeof(Counters) // 8)
    memset(out, 0, sizeof(Counters))
    for w in range(n):
        c = <uint64_t *>&array[w]
        for i in range(words):
            to[i] += sys.ha_load64(&c[i])
    out.last_session = out.qtime_max = out.ctime_max = out.rtime_max = out.ttime_max = 0
    for w in range(n):
        out.last_session = max(out.last_session, array[w].last_session)
        out.qtime_max = max(out.qtime_max, array[w].qtime_max)
        out.ctime_max = max(out.ctime_max, array[w].ctime_max)
        out.rtime_max = max(out.rtime_max, array[w].rtime_max)
        out.ttime_max = max(out.ttime_max, array[w].ttime_max)


cdef dict counters_dict(Counters *sum):
    """Totals by statistics CSV name; hrsp as hrsp_other and hrsp_1xx .. hrsp_5xx; last_session in seconds of engine.clock, 0: never."""
    cdef int i
    cdef dict totals = {name: (<uint64_t *>sum)[i] for i, name in enumerate(TOTALS)}
    totals["last_session"] = sum.last_session
    return totals


cdef int word_of(str name) except -1:
    """Index of a total in a Counters record. Raises: KeyError: no such total."""
    cdef int i = TOTALS.index(name) if name in TOTALS else -1
    if i < 0:
        raise KeyError(name)
    return i


cdef uint64_t rate_of(uint64_t sec, uint64_t now, uint64_t last, uint64_t at_ms) noexcept nogil:
    """Events per second over the second that ends at `at_ms` (wall): this period and the rest of the one before."""
    cdef uint64_t second = at_ms // 1000
    if sec == second:
        return now + last * (1000 - at_ms % 1000) // 1000
    if sec + 1 == second:
        return now * (1000 - at_ms % 1000) // 1000
    return 0


cdef uint64_t busiest(Counters *array, int n, int place) noexcept nogil:
    """The most events of all workers together in one of the last two seconds that each of them remembers.

    place: 0 sessions, 1 requests, 2 connections. A worker's record says how many came in `rate_sec` and the second before.
    """
    cdef uint64_t most = 0, sum, second
    cdef uint64_t *c
    cdef int w, v, back
    for w in range(n):
        for back in range(2):
            second = array[w].rate_sec - back
            sum = 0
            for v in range(n):
                c = &array[v].rate_now + 2 * place
                if array[v].rate_sec == second:
                    sum += c[0]
                elif array[v].rate_sec == second + 1:
                    sum += c[1]
            most = max(most, sum)
    return most


cdef void roll_second(Counters *c, uint32_t *rate_max, uint64_t now_s) noexcept nogil:
    """Start a new second of this record's rates. The seconds before are complete as far as this worker goes: the last of
    the workers to come here sees the whole, so that rate_max[0 .. 2] hold the busiest second of all of them together."""
    cdef int place
    cdef uint64_t most
    for place in range(<int>c.kinds):
        most = busiest(c - c.index, <int>c.records, place)
        if most > rate_max[place]:
            rate_max[place] = <uint32_t>most
    if now_s == c.rate_sec + 1:
        c.rate_last = c.rate_now
        c.req_rate_last = c.req_rate_now
        c.conn_rate_last = c.conn_rate_now
    else:
        c.rate_last = c.req_rate_last = c.conn_rate_last = 0
    c.rate_now = c.req_rate_now = c.conn_rate_now = 0
    c.rate_sec = now_s


cdef tuple rates_of(Counters *array, int n, uint64_t at_ms):
    """(sessions, requests, connections) per second at a wall time."""
    cdef uint64_t found[3]
    cdef uint64_t *c
    cdef int w, place
    memset(found, 0, sizeof(found))
    for w in range(n):
        for place in range(3):
            c = &array[w].rate_now + 2 * place
            found[place] += rate_of(array[w].rate_sec, c[0], c[1], at_ms)
    return found[0], found[1], found[2]


cdef dict statistics_of(Counters *sum, Counters *array, int n, uint64_t at_ms):
    """counters_dict() of `sum`, and what is computed from it and from the `n` records: see ProxySlot.statistics()."""
    cdef int i
    cdef dict found = counters_dict(sum)
    found["streams"] = sum.streams
    for i, name in enumerate(("qtime_max", "ctime_max", "rtime_max", "ttime_max")):
        found[name] = (&sum.qtime_max)[i]
    for i, name in enumerate(("qtime", "ctime", "rtime", "ttime")):
        found[name] = ((&sum.qtime)[i] + sum.time_n - 1) // sum.time_n if sum.time_n else 0
    found["rate"], found["req_rate"], found["conn_rate"] = rates_of(array, n, at_ms)
    return found


cdef tuple times_of(Counters *sum):
    """(microseconds in all, requests by bucket)."""
    cdef int i
    return sum.times_us, [sum.times[i] for i in range(TIME_BUCKETS)]


cdef void clear_peaks(Counters *array, int n, uint64_t now_s) noexcept nogil:
    """Forget maxima, as `clear counters` does: a racing request may put its own back. What came in the current second stays."""
    cdef int w
    for w in range(n):
        memset(&array[w].qtime_max, 0, 4 * sizeof(uint64_t))
        array[w].rate_last = array[w].req_rate_last = array[w].conn_rate_last = 0
        if array[w].rate_sec != now_s:
            array[w].rate_now = array[w].req_rate_now = array[w].conn_rate_now = 0
