"""The program's own clock: the time of day at its start, carried on by the monotonic clock. Nobody can set it.

Ages and rates are counted by it, dates are told by the wall clock (Reactor.wall_us). Forked workers share the start.
"""

from libc.stdint cimport int64_t, uint64_t

cdef int64_t ahead_us                     # of the monotonic clock
cdef int64_t clock_us() noexcept nogil    # since the epoch
cdef uint64_t clock_s() noexcept nogil
