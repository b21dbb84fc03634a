"""Who connected to whom (manual 7.3.3)."""

from libc.stdint cimport uint32_t
from libc.string cimport memcpy
from haproxy_py.engine.addr cimport Addr
from haproxy_py.engine.conn cimport want_own_address
from haproxy_py.engine.sys cimport AF_INET, AF_INET6
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.sample cimport Fetch, Sample, set_bool, set_int, set_text, T_IPV4, T_IPV6
from haproxy_py.rules.registry import fetch

_SOURCE = "manual 7.3.3"

cdef enum Which:
    SRC
    DST
    FC_SRC
    FC_DST
    BC_SRC
    BC_DST

_WHICH = {"src": SRC, "dst": DST, "fc_src": FC_SRC, "fc_dst": FC_DST, "bc_src": BC_SRC, "bc_dst": BC_DST}


cdef Addr *_address(Txn t, int which) noexcept:
    """The address meant, or NULL."""
    if which == SRC:
        return &t.src
    if which == DST:
        return &t.dst
    if which == FC_SRC or which == FC_DST:
        if t.client is None:
            return &t.src if which == FC_SRC else &t.dst
        return &t.client.src if which == FC_SRC else &t.client.dst
    if t.server is None:
        return NULL
    return &t.server.src if which == BC_SRC else &t.server.dst


cdef class Address(Fetch):
    """src, dst and the like: an IPv4 or IPv6 address; none for a UNIX socket."""

    cdef int which

    def setup(self, list args, which="src") -> None:
        self.which = _WHICH[which]
        if self.which == BC_SRC:
            want_own_address()

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef Addr *a = _address(t, self.which)
        if a == NULL:
            return 0
        if a.family == AF_INET:
            s.type = T_IPV4
            memcpy(s.ip, a.ip, 4)
            return 1
        if a.family == AF_INET6:
            s.type = T_IPV6
            memcpy(s.ip, a.ip, 16)
            return 1
        return 0


cdef class Port(Fetch):
    """src_port, dst_port and the like."""

    cdef int which

    def setup(self, list args, which="src") -> None:
        self.which = _WHICH[which]

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef Addr *a = _address(t, self.which)
        if a == NULL or (a.family != AF_INET and a.family != AF_INET6):
            return 0
        set_int(s, a.port)
        return 1


cdef class FrontendName(Fetch):
    """fe_name."""

    cdef int eval(self, Txn t, Sample *s) noexcept:
        if t.fe is None:
            return 0
        set_text(s, t.fe.bname, <uint32_t>len(t.fe.bname))
        return 1


cdef class BackendName(Fetch):
    """be_name: the backend in charge (the frontend until one is chosen)."""

    cdef int eval(self, Txn t, Sample *s) noexcept:
        slot = t.be if t.be is not None else t.fe
        if slot is None or (t.be is None and t.req is not None and not t.req_seen):
            return 0
        set_text(s, (<bytes>slot.bname), <uint32_t>len(<bytes>slot.bname))
        return 1


cdef class ServerName(Fetch):
    """srv_name: the server in charge."""

    cdef int eval(self, Txn t, Sample *s) noexcept:
        if t.srv is None:
            return 0
        set_text(s, t.srv.bname, <uint32_t>len(t.srv.bname))
        return 1


cdef class SocketName(Fetch):
    """so_name: the name of the bind line."""

    cdef int eval(self, Txn t, Sample *s) noexcept:
        if t.bind_name is None:
            return 0
        set_text(s, t.bind_name, <uint32_t>len(t.bind_name))
        return 1


cdef class FirstRequest(Fetch):
    """http_first_req: the first request of its connection."""

    cdef int eval(self, Txn t, Sample *s) noexcept:
        set_bool(s, t.req_no <= 1)
        return 1


for _name in ("src", "dst", "fc_src", "fc_dst"):
    fetch(_name, type="addr", needs="l4cli", source=_SOURCE, which=_name)(Address)
    fetch(_name + "_port", type="sint", needs="l4cli", source=_SOURCE, which=_name)(Port)
for _name in ("bc_src", "bc_dst"):
    fetch(_name, type="addr", needs="l5srv", source=_SOURCE, which=_name)(Address)
    fetch(_name + "_port", type="sint", needs="l5srv", source=_SOURCE, which=_name)(Port)
fetch("fe_name", type="str", needs="ftend", source=_SOURCE)(FrontendName)
fetch("be_name", type="str", needs="bkend", source=_SOURCE)(BackendName)
fetch("srv_name", type="str", needs="servr", source=_SOURCE)(ServerName)
fetch("so_name", type="str", needs="listn", source=_SOURCE)(SocketName)
fetch("http_first_req", type="bool", needs="hrqhp", source="manual 7.3.6")(FirstRequest)
