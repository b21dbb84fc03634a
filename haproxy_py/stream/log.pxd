"""When a stream's line is written, and with what."""

from haproxy_py.stream.conf cimport FrontConf
from haproxy_py.stream.session cimport Stream

cdef void log_stream(Stream t, FrontConf f) noexcept
