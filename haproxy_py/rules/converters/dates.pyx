"""Converters of dates (manual 7.3.1): ltime, utime, http_date."""

from libc.stdint cimport int64_t, uint32_t
from libc.time cimport gmtime_r, localtime_r, strftime, time_t, tm
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.registry import converter
from haproxy_py.rules.sample cimport Converter, Sample, scratch, set_text, SCRATCH_SIZE

_SOURCE = "manual 7.3.1"
_UNITS = {"s": 1, "ms": 1000, "us": 1000000}


cdef class Format(Converter):
    """ltime(format[,offset]), utime(format[,offset]); ms_ and us_ take milliseconds and microseconds."""

    cdef bytes format
    cdef int64_t offset
    cdef int64_t unit
    cdef bint local

    def setup(self, list args, local=False, unit="s") -> None:
        self.format = args[0].encode("utf-8", "surrogateescape")
        self.offset = args[1] or 0
        self.local = local
        self.unit = _UNITS[unit]

    cdef int apply(self, Txn t, Sample *s) noexcept:
        cdef tm parts
        cdef time_t when = <time_t>((s.num + self.offset) // self.unit)
        cdef char *out = scratch()
        if self.local:
            localtime_r(&when, &parts)
        else:
            gmtime_r(&when, &parts)
        set_text(s, out, <uint32_t>strftime(out, SCRATCH_SIZE, self.format, &parts))
        return 1


cdef class HttpDate(Converter):
    """http_date([offset],[unit]): an IMF-fixdate (RFC 9110 5.6.7)."""

    cdef int64_t offset
    cdef int64_t unit

    def setup(self, list args) -> None:
        self.offset = args[0] or 0
        if args[1] not in (None, "", "s", "ms", "us"):
            raise ValueError(f"expects 's', 'ms' or 'us', got '{args[1]}'")
        self.unit = _UNITS[args[1] or "s"]

    cdef int apply(self, Txn t, Sample *s) noexcept:
        cdef tm parts
        cdef time_t when = <time_t>((s.num + self.offset) // self.unit)
        cdef char *out = scratch()
        gmtime_r(&when, &parts)
        set_text(s, out, <uint32_t>strftime(out, SCRATCH_SIZE, b"%a, %d %b %Y %H:%M:%S GMT", &parts))
        return 1


_row = {"args": "str sint?", "takes": "sint", "gives": "str", "source": _SOURCE}
for _prefix, _unit in (("", "s"), ("ms_", "ms"), ("us_", "us")):
    converter(_prefix + "ltime", local=True, unit=_unit, **_row)(Format)
    converter(_prefix + "utime", unit=_unit, **_row)(Format)
converter("http_date", args="sint? str?", takes="sint", gives="str", source=_SOURCE)(HttpDate)
