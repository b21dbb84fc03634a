"""Socket options that both sides use."""

cdef void keepalive_options(int fd, int count, int idle, int interval) noexcept nogil
cdef void no_delay(int fd) noexcept nogil
cdef void go_silent(int fd) noexcept nogil
