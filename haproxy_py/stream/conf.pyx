"""See conf.pxd."""

import time

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy
from haproxy_py.engine.addr cimport ADDR_TEXT, Addr, addr_in_net, addr_text
from haproxy_py.engine.reply cimport Reply
from haproxy_py.engine.reply import builtin

cdef enum:
    LOG_INFO = 6


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
    cdef void about_connection(self, Addr *src, int64_t wall_us, bytes front, bytes door, const char *text) noexcept:
        """A connection that failed before any stream: "ADDRESS:PORT [DATE] FRONTEND/DOOR: TEXT" (manual 8.2.5)."""
        cdef char who[ADDR_TEXT]
        cdef int n = addr_text(src, who)
        cdef bytes line
        date = time.strftime("%d/%b/%Y:%H:%M:%S", time.localtime(wall_us // 1000000))
        line = b"%b:%d [%b.%03d] %b/%b: %b" % (who[:n], src.port, date.encode("ascii"), wall_us // 1000 % 1000, front, door, text)
        self.sender.send(LOG_INFO, <const char *>line, <uint32_t>len(line))


cdef class FrontConf:
    def __cinit__(self) -> None:
        self.maxconn = 0xFFFFFFFF
