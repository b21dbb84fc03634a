"""Converters on addresses (manual 7.3.1)."""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp, memcpy
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.registry import converter
from haproxy_py.rules.sample cimport Converter, Sample, set_int, T_IPV4, T_IPV6

cdef const uint8_t *MAPPED = <const uint8_t *>b"\0\0\0\0\0\0\0\0\0\0\xff\xff"  # RFC 4291 2.5.5.2


cdef class Mask(Converter):
    """ipmask(mask4[,mask6]): bits that the mask leaves. Without mask6 an IPv4 address in IPv6's form becomes IPv4, another gives none."""

    cdef bytes mask4
    cdef bytes mask6

    def setup(self, list args) -> None:
        self.mask4 = args[0]
        self.mask6 = args[1]

    cdef int apply(self, Txn t, Sample *s) noexcept:
        cdef bytes mask
        cdef const uint8_t *m
        cdef int i
        if s.type == T_IPV6 and self.mask6 is None and memcmp(s.ip, MAPPED, 12) == 0:
            memcpy(s.ip, s.ip + 12, 4)
            s.type = T_IPV4
        mask = self.mask4 if s.type == T_IPV4 else self.mask6
        if mask is None:
            return 0
        m = mask
        for i in range(<int>len(mask)):
            s.ip[i] &= m[i]
        return 1


cdef class NetworkOrder(Converter):
    """htonl: the low 32 bits with their bytes swapped."""

    cdef int apply(self, Txn t, Sample *s) noexcept:
        cdef uint32_t v = <uint32_t>s.num
        set_int(s, ((v & 255) << 24) | ((v & 0xff00) << 8) | ((v >> 8) & 0xff00) | (v >> 24))
        return 1


converter("ipmask", args="msk4 msk6?", takes="addr", gives="addr", source="manual 7.3.1")(Mask)
converter("htonl", takes="sint", gives="sint", source="manual 7.3.1")(NetworkOrder)
