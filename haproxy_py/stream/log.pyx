"""When a stream's line is written, and with what (manual 8.2, option dontlognull, dontlog-normal, log-separate-errors).

The counts in a line are read from the segment at the moment it is written and include the stream itself, as HAProxy's do.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint32_t
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.message cimport Head
from haproxy_py.engine.txn cimport LEVEL_SILENT, TERM_NONE
from haproxy_py.rules.rule cimport LogFormat
from haproxy_py.stream.conf cimport FrontConf, LogPlan
from haproxy_py.stream.session cimport Stream

cdef enum:
    LINE_ROOM = 65536
    SD_ROOM = 8192
    LOG_ERR = 3
    LOG_INFO = 6

cdef char line[LINE_ROOM]
cdef char sd[SD_ROOM]


cdef void capture_uri(Stream t, uint32_t room) noexcept:
    """The request line as parsed, for %r, cut to `room` less one; rules may have changed the head's own idea of it."""
    cdef Head h = t.req
    if t.uri is None and h is not None and h.line != NULL:
        t.uri = PyBytes_FromStringAndSize(h.line, h.line_len if h.line_len < room or room == 0 else room - 1)


cdef void log_stream(Stream t, FrontConf f) noexcept:
    cdef LogPlan plan = f.log
    cdef LogFormat form = plan.format
    cdef bint wrong
    cdef int level = LOG_INFO
    cdef int n
    if plan.dontlognull and t.empty:
        return
    wrong = t.term_cause != TERM_NONE and not (t.term_cause == c'L')
    wrong = wrong or t.retries > 0 or t.redispatched or t.status >= 500
    if plan.dontlog_normal and not wrong:
        return
    if t.log_level:
        if t.log_level == LEVEL_SILENT:
            return
        level = t.log_level - 1
    elif plan.separate_errors and wrong:
        level = LOG_ERR
    if not t.has_begun():
        t.rt = sys.ha_add32(&t.worker.segment.shared.req_id, 1) - 1
        if plan.error_format is not None:
            form = plan.error_format
    capture_uri(t, plan.uri_room)
    t.asap = plan.asap
    t.actconn = t.worker.segment.shared.conns
    t.feconn = t.fe.shared.scur
    t.beconn = t.be.shared.scur if t.be is not None else 0
    t.srvconn = t.srv.shared.scur if t.srv is not None else 0
    n = form.render(t, line, LINE_ROOM)
    if plan.sd is None:
        plan.sender.send(level, line, <uint32_t>n)
    else:
        plan.sender.send_sd(level, sd, <uint32_t>plan.sd.render(t, sd, SD_ROOM), line, <uint32_t>n)
