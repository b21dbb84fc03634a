"""See conf.pxd."""

import time

from libc.stdint cimport uint32_t
from libc.string cimport memcpy
from haproxy_py.engine.addr cimport ADDR_TEXT, Addr, addr_in_net, addr_text
from haproxy_py.engine.reply cimport Reply
from haproxy_py.engine.reply import builtin

cdef enum:
    LOG_INFO = 6
    LINE_ROOM = 8192


cdef class AddrField:
    cdef bint excepts(self, Addr *a) noexcept:
        cdef Addr net
        cdef bytes raw
        for raw, bits in self.networks or ():
            memcpy(&net, <const char *>raw, sizeof(Addr))
            if addr_in_net(a, &net, bits):
                return True
        return False


cdef class HttpConf:
    cdef Reply page(self, int status):
        """The reply for an error of the proxy's own: an errorfile, or the built-in page."""
        if self.errors is not None:
            own = self.errors.get(status)
            if own is not None:
                return <Reply>own
        return <Reply>builtin(status)


cdef class LogPlan:
    cdef void about_connection(self, Txn t, const char *text) noexcept:
        """A connection that failed before any stream: "ADDRESS:PORT [DATE] FRONTEND/DOOR: TEXT" (manual 8.2.5), or error-log-format."""
        cdef char who[ADDR_TEXT]
        cdef char own[LINE_ROOM]
        cdef int n = addr_text(&t.src, who)
        cdef bytes line
        if self.error_format is not None:
            t.term_cause = c'P'
            t.term_state = c'R'
            t.status = 0
            n = self.error_format.render(t, own, LINE_ROOM)
            self.sender.send(LOG_INFO, own, <uint32_t>n)
            return
        date = time.strftime("%d/%b/%Y:%H:%M:%S", time.localtime(t.accept_wall_us // 1000000)).encode("ascii")
        line = b"%b:%d [%b.%03d] %b/%b: %b" % (
            who[:n], t.src.port, date, t.accept_wall_us // 1000 % 1000, t.fe.bname, t.bind_name, text,
        )
        self.sender.send(LOG_INFO, <const char *>line, <uint32_t>len(line))


cdef class FrontConf:
    def __cinit__(self) -> None:
        self.maxconn = 0xFFFFFFFF
