"""See conf.pxd."""

from libc.string cimport memcpy
from haproxy_py.engine.addr cimport Addr, addr_in_net
from haproxy_py.engine.reply cimport Reply
from haproxy_py.engine.reply import builtin


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
    pass


cdef class FrontConf:
    pass
