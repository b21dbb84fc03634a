"""regsub(regex,substitute[,flags]) (manual 7.3.1)."""

from libc.stdint cimport uint32_t
from libc.string cimport memcpy
from haproxy_py.engine.txn cimport Txn
from haproxy_py.rules.regex cimport Regex, MAX_GROUPS, expand
from haproxy_py.rules.registry import converter
from haproxy_py.rules.sample cimport Converter, Sample, scratch, set_text, SCRATCH_SIZE


cdef class Substitute(Converter):
    """First match (flag g: every match) replaced; flag i: letters of either case."""

    cdef Regex regex
    cdef bytes text
    cdef bint every

    def setup(self, list args) -> None:
        flags = args[2] or ""
        for flag in flags:
            if flag not in "gi":
                raise ValueError(f"invalid regex flag '{flag}', supported ones are 'i' and 'g'")
        self.regex = Regex(args[0], "i" in flags)
        self.text = args[1].encode("utf-8", "surrogateescape")
        self.every = "g" in flags

    cdef int apply(self, Txn t, Sample *s) noexcept:
        cdef int groups[2 * MAX_GROUPS]
        cdef char *out = scratch()
        cdef uint32_t at = 0, k = 0
        cdef int n
        while at <= s.len and self.regex.search(s.ptr + at, s.len - at, groups):
            if k + groups[0] > SCRATCH_SIZE:
                return 0
            memcpy(out + k, s.ptr + at, groups[0])
            k += groups[0]
            n = expand(self.text, <uint32_t>len(self.text), s.ptr + at, groups, out + k, SCRATCH_SIZE - k)
            if n < 0:
                return 0
            k += n
            at += groups[1]
            if groups[1] == groups[0]:
                if at < s.len and k < SCRATCH_SIZE:
                    out[k] = s.ptr[at]
                    k += 1
                at += 1
            if not self.every:
                break
        if at < s.len:
            if k + s.len - at > SCRATCH_SIZE:
                return 0
            memcpy(out + k, s.ptr + at, s.len - at)
            k += s.len - at
        set_text(s, out, k)
        return 1


converter("regsub", args="reg str str?", takes="str", gives="str", source="manual 7.3.1")(Substitute)
