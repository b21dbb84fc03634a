"""Whether a stream's end is logged, and at which level (manual 4.2, options dontlognull, dontlog-normal, log-separate-errors)."""

from libc.stdint cimport uint8_t, uint32_t

cdef enum:
    LOG_NOTHING = -1

cdef bint log_is_error(uint8_t cause, uint32_t retries, bint redispatched, int status) noexcept nogil
# LOG_NOTHING, or a level. null: not one byte came from the client. status: of the reply; tcp: -1.
cdef int log_decision(uint8_t cause, uint32_t retries, bint redispatched, int status, bint null,
                      bint dontlognull, bint dontlog_normal, bint separate_errors) noexcept nogil
