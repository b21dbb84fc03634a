"""Which streams are worth a line. The rules were observed on HAProxy, case by case (tests/oracle/test_log_header.py).

An error is: a termination cause other than none and 'L' (answered by the proxy's own rules), a retry, a redispatch, or a
status of 500 and above. A denied request ('P') is one, a 404 of a server is none.
"""

from libc.stdint cimport uint8_t, uint32_t

cdef enum:
    LEVEL_ERR = 3
    LEVEL_INFO = 6


cdef bint log_is_error(uint8_t cause, uint32_t retries, bint redispatched, int status) noexcept nogil:
    return (cause != c'-' and cause != c'L') or retries > 0 or redispatched or status >= 500


cdef int log_decision(uint8_t cause, uint32_t retries, bint redispatched, int status, bint null,
                      bint dontlognull, bint dontlog_normal, bint separate_errors) noexcept nogil:
    cdef bint wrong = log_is_error(cause, retries, redispatched, status)
    if null and dontlognull:
        return LOG_NOTHING
    if dontlog_normal and not wrong:
        return LOG_NOTHING
    return LEVEL_ERR if wrong and separate_errors else LEVEL_INFO


def should_log(cause: str, *, uint32_t retries=0, bint redispatched=False, int status=-1, bint null=False,
               bint dontlognull=False, bint dontlog_normal=False, bint separate_errors=False) -> int | None:
    """The level, None: no line. cause: first letter of the termination state."""
    cdef int level = log_decision(<uint8_t>ord(cause), retries, redispatched, status, null,
                                  dontlognull, dontlog_normal, separate_errors)
    return None if level == LOG_NOTHING else level
