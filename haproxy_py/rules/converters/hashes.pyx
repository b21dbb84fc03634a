"""Converters that digest (manual 7.3.1): checksums in C, cryptographic digests by hashlib (a Python call each)."""

import base64
import hashlib
import hmac

from libc.stdint cimport uint8_t, uint32_t
from haproxy_py.engine.hashes cimport avalanche, crc32, crc32c, djb2, sdbm
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.registry import converter
from haproxy_py.rules.sample cimport Converter, Sample, set_int, T_BIN

_SOURCE = "manual 7.3.1"

cdef enum Kind:
    CRC32
    CRC32C
    DJB2
    SDBM

_KINDS = {"crc32": CRC32, "crc32c": CRC32C, "djb2": DJB2, "sdbm": SDBM}


cdef class Checksum(Converter):
    """crc32 crc32c djb2 sdbm, each with the optional avalanche."""

    cdef int kind
    cdef bint avalanche

    def setup(self, list args, kind="crc32") -> None:
        self.kind = _KINDS[kind]
        self.avalanche = bool(args[0])

    cdef int apply(self, Txn t, Sample *s) noexcept:
        cdef const uint8_t *p = <const uint8_t *>s.ptr
        cdef uint32_t h
        if self.kind == CRC32:
            h = crc32(p, s.len)
        elif self.kind == CRC32C:
            h = crc32c(0, p, s.len)
        elif self.kind == DJB2:
            h = djb2(p, s.len)
        else:
            h = sdbm(p, s.len)
        set_int(s, avalanche(h) if self.avalanche else h)
        return 1


cdef class Digest(Converter):
    """sha1, sha2([bits]), digest(algorithm), hmac(algorithm,key in base64): raw bytes."""

    cdef bytes key
    cdef str algorithm
    cdef bytes last

    def setup(self, list args, algorithm="") -> None:
        self.algorithm = algorithm
        if algorithm == "sha2":
            bits = 256 if args[0] is None else args[0]
            if bits not in (224, 256, 384, 512):
                raise ValueError(f"Unsupported number of bits: {bits}")
            self.algorithm = f"sha{bits}"
        elif not algorithm:
            self.algorithm = args[0].lower().replace("-", "")
            if self.algorithm not in hashlib.algorithms_available:
                raise ValueError(f"Unsupported digest algorithm: {args[0]}")
            if len(args) > 1:
                self.key = _key(args[1])

    cdef int apply(self, Txn t, Sample *s) noexcept:
        if self.key is not None:
            self.last = hmac.digest(self.key, s.ptr[:s.len], self.algorithm)
        else:
            self.last = hashlib.new(self.algorithm, s.ptr[:s.len]).digest()
        s.type = T_BIN
        s.ptr = self.last
        s.len = <uint32_t>len(self.last)
        return 1


def _key(text: str) -> bytes:
    """A key written in base64."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise ValueError("failed to decode the key: base64 is expected") from None


for _name in ("crc32", "crc32c", "djb2", "sdbm"):
    converter(_name, args="sint?", takes="bin", gives="sint", source=_SOURCE, kind=_name)(Checksum)
converter("sha1", takes="bin", gives="bin", source=_SOURCE, algorithm="sha1")(Digest)
converter("sha2", args="sint?", takes="bin", gives="bin", source=_SOURCE, algorithm="sha2")(Digest)
converter("digest", args="str", takes="bin", gives="bin", source=_SOURCE)(Digest)
converter("hmac", args="str str", takes="bin", gives="bin", source=_SOURCE)(Digest)
