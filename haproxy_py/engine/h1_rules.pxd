"""What a complete HTTP/1 head means: framing (RFC 9112 6), Host and target (7.1, 3.2), Connection and Upgrade (9.6, 9.9)."""

from haproxy_py.engine.message cimport Head

# Set head.flags and content_length; mark fields F_DROP or rewrite them where HAProxy does. 0, or an H1Error.
cdef int finish_request(Head h, bint lenient) noexcept
cdef int finish_response(Head h) noexcept
