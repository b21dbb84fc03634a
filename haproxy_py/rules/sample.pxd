"""Samples and what makes them: fetches, converters, expressions (manual 7.3).

A Sample points to memory that others own: the message, a compiled constant or a scratch block. Scratch blocks are a
ring of SCRATCH_BLOCKS static blocks, so a text is good until that many later conversions; who keeps one copies it.
What actions compose (a rendered format) stands in pages, another ring, which no conversion takes from.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from haproxy_py.engine.txn cimport Txn

cdef enum SampleType:
    T_ANY = 0
    T_BOOL = 1          # num
    T_SINT = 2          # num
    T_ADDR = 3          # as a wish only: IPv4 or IPv6
    T_IPV4 = 4          # ip[0..3], network order
    T_IPV6 = 5          # ip[0..15]
    T_STR = 6           # ptr, len
    T_BIN = 7           # ptr, len
    T_METH = 8          # num: engine.message.Method; ptr, len: its text

cdef enum:
    S_MORE = 1          # another occurrence follows: call eval again with the same sample
    S_MAY_CHANGE = 2    # a later call may give something else while more bytes can come
    SCRATCH_BLOCKS = 16
    PAGES = 8
    SCRATCH_SIZE = 16384

cdef struct Sample:
    uint8_t type
    uint8_t flags
    uint8_t ip[16]
    int64_t num
    const char *ptr
    uint32_t len
    uint8_t iterate         # the caller wants every occurrence (an ACL); else the last one
    int cursor              # iteration: 0 before the first call, then the fetch's own
    uint32_t at             # iteration: offset in the current field

cdef char *scratch() noexcept nogil
cdef char *page() noexcept nogil
cdef int sample_cast(Sample *s, int to) noexcept nogil              # 1 done, 0 impossible
cdef int64_t text_int(const char *p, uint32_t n) noexcept nogil     # leading sign and digits, 0 without any
cdef int text_to_ip(const char *p, uint32_t n, uint8_t *ip) noexcept nogil     # T_IPV4, T_IPV6 or 0
cdef uint32_t put_int(char *out, int64_t value) noexcept nogil      # digits written, at most 20

cdef inline void set_int(Sample *s, int64_t value) noexcept nogil:
    s.type = T_SINT
    s.num = value

cdef inline void set_bool(Sample *s, bint value) noexcept nogil:
    s.type = T_BOOL
    s.num = 1 if value else 0

cdef inline void set_text(Sample *s, const char *p, uint32_t n) noexcept nogil:
    s.type = T_STR
    s.ptr = p
    s.len = n

cdef class Fetch:
    cdef public str keyword
    cdef int eval(self, Txn t, Sample *s) noexcept          # 1 found, 0 not, -1 more bytes needed

cdef class Converter:
    cdef public str keyword
    cdef int apply(self, Txn t, Sample *s) noexcept         # 1 done, 0 no result

cdef class Expr:
    """A fetch and its converters, casts between them included."""
    cdef readonly Fetch fetch
    cdef readonly list convs             # Converter
    cdef readonly list wants             # input type of each converter
    cdef uint8_t _wants[16]
    cdef readonly int out_type           # SampleType of the result, T_ANY: known only at run time
    cdef readonly str text
    cdef int count
    cdef int eval(self, Txn t, Sample *s) noexcept
    cdef int eval_as(self, Txn t, Sample *s, int type) noexcept
