"""See clock.pxd."""

from libc.stdint cimport int64_t, uint64_t
cimport haproxy_py.engine.sys as sys


cdef int64_t microseconds(int clock) noexcept nogil:
    cdef sys.timespec ts
    sys.clock_gettime(clock, &ts)
    return <int64_t>ts.tv_sec * 1000000 + <int64_t>ts.tv_nsec / 1000


ahead_us = microseconds(sys.CLOCK_REALTIME) - microseconds(sys.CLOCK_MONOTONIC)


cdef int64_t clock_us() noexcept nogil:
    return microseconds(sys.CLOCK_MONOTONIC) + ahead_us


cdef uint64_t clock_s() noexcept nogil:
    return <uint64_t>(clock_us() // 1000000)


def now() -> float:
    """Seconds since the epoch."""
    return clock_us() / 1e6
