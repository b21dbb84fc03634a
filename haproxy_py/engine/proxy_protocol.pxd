"""The PROXY protocol on memory, version 1 and 2 (proxy-protocol.txt): who the client really is."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from haproxy_py.engine.addr cimport Addr

cdef enum:
    PP1_MAX = 107              # longest version 1 line, CRLF included (2.1)
    PP2_HEAD = 16              # fixed part of version 2
    PP_MAX_TLVS = 32
    # types of version 2 extensions (2.2)
    PP2_TYPE_ALPN = 0x01
    PP2_TYPE_AUTHORITY = 0x02
    PP2_TYPE_CRC32C = 0x03
    PP2_TYPE_NOOP = 0x04
    PP2_TYPE_UNIQUE_ID = 0x05
    PP2_TYPE_SSL = 0x20
    PP2_SUBTYPE_SSL_VERSION = 0x21
    PP2_SUBTYPE_SSL_CN = 0x22
    PP2_SUBTYPE_SSL_CIPHER = 0x23
    PP2_SUBTYPE_SSL_SIG_ALG = 0x24
    PP2_SUBTYPE_SSL_KEY_ALG = 0x25
    PP2_TYPE_NETNS = 0x30
    PP2_CLIENT_SSL = 1
    PP2_CLIENT_CERT_CONN = 2
    PP2_CLIENT_CERT_SESS = 4

cdef struct Tlv:
    uint8_t type
    uint16_t length
    const char *value

# What a header told besides addresses; pointers into the parsed bytes.
cdef struct PpInfo:
    uint8_t version            # 1 or 2
    uint8_t local              # LOCAL command or UNKNOWN: the addresses of the connection itself stay
    uint8_t count
    Tlv tlvs[PP_MAX_TLVS]

# 1: a whole header of *used bytes; src and dst are set unless it was local. 0: more bytes are needed. -1: not one.
cdef int pp_parse(const char *buf, uint32_t n, Addr *src, Addr *dst, uint32_t *used) noexcept nogil
cdef int pp_parse_info(const char *buf, uint32_t n, Addr *src, Addr *dst, uint32_t *used, PpInfo *info) noexcept nogil
# Builders: bytes written, 0: no room. Addresses of different families, or unknown ones, give UNKNOWN / UNSPEC.
cdef int pp1_write(char *out, uint32_t room, Addr *src, Addr *dst) noexcept nogil
cdef int pp2_write(char *out, uint32_t room, Addr *src, Addr *dst) noexcept nogil
cdef int pp2_add(char *out, uint32_t room, uint32_t used, uint8_t type, const char *value, uint16_t length) noexcept nogil
cdef int pp2_crc32c(char *out, uint32_t room, uint32_t used) noexcept nogil      # last: appends the checksum extension
