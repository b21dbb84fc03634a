"""Fetches that need no traffic: constants, environment, time, chance (manual 7.3.2)."""

import os
import socket
import uuid

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy
from haproxy_py.engine.sys cimport clock_gettime, timespec, CLOCK_REALTIME, getpid
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.sample cimport Fetch, Sample, set_bool, set_int, set_text, T_IPV4, T_IPV6, T_BIN, T_METH
from haproxy_py.rules.registry import fetch

_SOURCE = "manual 7.3.2"


cdef class Always(Fetch):
    """always_true, always_false, bool(x)."""

    cdef bint value

    def setup(self, list args, value=None) -> None:
        if value is None:
            if args[0].lower() not in ("true", "false", "1", "0", "on", "off", "yes", "no"):
                raise ValueError(f"'{args[0]}' is not a boolean")
            value = args[0].lower() in ("true", "1", "on", "yes")
        self.value = value

    cdef int eval(self, Txn t, Sample *s) noexcept:
        set_bool(s, self.value)
        return 1


cdef class Integer(Fetch):
    """int(n)."""

    cdef int64_t value

    def setup(self, list args) -> None:
        self.value = args[0]

    cdef int eval(self, Txn t, Sample *s) noexcept:
        set_int(s, self.value)
        return 1


cdef class Text(Fetch):
    """str(x), env(NAME), hostname: bytes fixed at parse time; type bin for bin(hex)."""

    cdef bytes value
    cdef bint binary

    def setup(self, list args, kind="str") -> None:
        self.binary = kind == "bin"
        if kind == "env":
            found = os.environ.get(args[0] or "")
            self.value = None if found is None else os.fsencode(found)
        elif kind == "hostname":
            self.value = os.fsencode(socket.gethostname())
        elif kind == "bin":
            self.value = self._hex(args[0])
        else:
            self.value = args[0].encode("utf-8", "surrogateescape")

    def _hex(self, str text) -> bytes:
        if len(text) % 2 or any(c not in "0123456789abcdefABCDEF" for c in text):
            raise ValueError(f"an even number of hex digits is expected, '{text}' found")
        return bytes.fromhex(text)

    cdef int eval(self, Txn t, Sample *s) noexcept:
        if self.value is None:
            return 0
        set_text(s, self.value, <uint32_t>len(self.value))
        if self.binary:
            s.type = T_BIN
        return 1


cdef class Address(Fetch):
    """ipv4(a.b.c.d), ipv6(...)."""

    cdef bytes value

    def setup(self, list args) -> None:
        self.value = args[0]

    cdef int eval(self, Txn t, Sample *s) noexcept:
        s.type = T_IPV4 if len(self.value) == 4 else T_IPV6
        memcpy(s.ip, <char *>self.value, len(self.value))
        return 1


cdef class MethodName(Fetch):
    """meth(NAME)."""

    cdef bytes value

    def setup(self, list args) -> None:
        self.value = args[0].encode("utf-8", "surrogateescape")

    cdef int eval(self, Txn t, Sample *s) noexcept:
        set_text(s, self.value, <uint32_t>len(self.value))
        s.type = T_METH
        return 1


cdef class Date(Fetch):
    """date([offset],[unit]): wall clock in seconds, ms or us, plus an offset in that unit's seconds."""

    cdef int64_t offset
    cdef int64_t divisor

    def setup(self, list args, unit="s", fixed=False) -> None:
        unit = args[1] or unit if not fixed else unit
        if unit not in ("s", "ms", "us"):
            raise ValueError(f"expects 's', 'ms' or 'us', got '{unit}'")
        self.divisor = {"s": 1000000, "ms": 1000, "us": 1}[unit]
        self.offset = args[0] or 0 if not fixed else 0

    cdef int eval(self, Txn t, Sample *s) noexcept:
        cdef timespec now
        clock_gettime(CLOCK_REALTIME, &now)
        if self.divisor == 1 and self.keyword == "date_us":
            set_int(s, now.tv_nsec // 1000)
        else:
            set_int(s, (<int64_t>now.tv_sec * 1000000 + now.tv_nsec // 1000) // self.divisor + self.offset)
        return 1


cdef uint64_t _seed = 0


cdef class Rand(Fetch):
    """rand([range]): 0 <= value < range, default 2**32 (xorshift64*, seeded by the kernel)."""

    cdef uint64_t range

    def setup(self, list args) -> None:
        global _seed
        self.range = args[0] if args[0] and args[0] > 0 else 1 << 32
        while not _seed:
            _seed = int.from_bytes(os.urandom(8), "big")

    cdef int eval(self, Txn t, Sample *s) noexcept:
        global _seed
        _seed ^= _seed >> 12
        _seed ^= _seed << 25
        _seed ^= _seed >> 27
        set_int(s, <int64_t>((((_seed * 2685821657736338717u) >> 32) * self.range) >> 32))
        return 1


cdef class Uuid(Fetch):
    """uuid([4]): a random UUID as text; made once per use, so a Python call."""

    cdef bytes last

    def setup(self, list args) -> None:
        if args[0] not in (None, 4):
            raise ValueError("Unsupported UUID version")

    cdef int eval(self, Txn t, Sample *s) noexcept:
        self.last = str(uuid.uuid4()).encode("ascii")
        set_text(s, self.last, <uint32_t>len(self.last))
        return 1


cdef class Pid(Fetch):
    """pid of this process."""

    cdef int eval(self, Txn t, Sample *s) noexcept:
        set_int(s, getpid())
        return 1


cdef class WaitEnd(Fetch):
    """wait_end: true once no more bytes will be waited for."""

    cdef int eval(self, Txn t, Sample *s) noexcept:
        if not (t.payload_final or t.req_seen):
            return -1
        set_bool(s, True)
        return 1


fetch("always_true", type="bool", needs="intrn", source=_SOURCE, value=True)(Always)
fetch("always_false", type="bool", needs="intrn", source=_SOURCE, value=False)(Always)
fetch("bool", args="str", type="bool", needs="intrn", source=_SOURCE)(Always)
fetch("int", args="sint", type="sint", needs="intrn", source=_SOURCE)(Integer)
fetch("str", args="str", type="str", needs="intrn", source=_SOURCE)(Text)
fetch("env", args="str?", type="str", needs="intrn", source=_SOURCE, kind="env")(Text)
fetch("hostname", type="str", needs="intrn", source=_SOURCE, kind="hostname")(Text)
fetch("bin", args="str", type="bin", needs="intrn", source=_SOURCE, kind="bin")(Text)
fetch("ipv4", args="ipv4", type="ipv4", needs="intrn", source=_SOURCE)(Address)
fetch("ipv6", args="ipv6", type="ipv6", needs="intrn", source=_SOURCE)(Address)
fetch("meth", args="str", type="meth", needs="intrn", source=_SOURCE)(MethodName)
fetch("date", args="sint? str?", type="sint", needs="intrn", source=_SOURCE)(Date)
fetch("date_us", type="sint", needs="intrn", source=_SOURCE, unit="us", fixed=True)(Date)
fetch("rand", args="sint?", type="sint", needs="intrn", source=_SOURCE)(Rand)
fetch("uuid", args="sint?", type="str", needs="intrn", source=_SOURCE)(Uuid)
fetch("pid", type="sint", needs="intrn", source=_SOURCE)(Pid)
fetch("wait_end", type="bool", needs="intrn", source="manual 7.3.5")(WaitEnd)
