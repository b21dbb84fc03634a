"""Reading and editing cookie fields, byte for byte as HAProxy does; see cookies.pyx. Nothing here knows a server."""

from libc.stdint cimport uint32_t, int64_t

cdef struct Pair:            # one cookie of a field; offsets into the field's value
    uint32_t start           # its delimiter (the first one: 0)
    uint32_t name
    uint32_t name_end
    uint32_t equal           # `=`, or `next` when there is none
    uint32_t value
    uint32_t value_end       # blanks behind it left out
    uint32_t next            # the delimiter of the next one, or the end
    bint first

cdef struct Edit:            # a field while it is written anew; `out` has room for the old one and two bytes
    const char *field
    uint32_t length
    char *out
    uint32_t used
    bint leaving             # a cookie is being left out; the one kept next says how the gap is closed
    bint kept                # a cookie of somebody else is in it
    bint changed

cdef bint next_pair(const char *p, uint32_t n, Pair *c, bint comma) noexcept nogil     # zeroed (first: set) before the first call
cdef void take_attributes(const char *p, uint32_t n, Pair *c, bint folded) noexcept nogil
cdef bint is_named(const char *p, Pair *c, const char *name, uint32_t n) noexcept nogil
cdef void put_pair(Edit *e, Pair *c) noexcept nogil                       # as it is, without the blanks around `=`
cdef void put_raw(Edit *e, Pair *c) noexcept nogil                        # just as it is
cdef void put_without(Edit *e, Pair *c, uint32_t cut_end) noexcept nogil  # ... its value from cut_end on only
cdef void put_value(Edit *e, Pair *c, const char *value, uint32_t n, bint prefix) noexcept nogil
cdef void keep_pair(Edit *e, Pair *c) noexcept nogil                      # somebody else's: it closes a gap before it
cdef void leave_out(Edit *e) noexcept nogil
cdef bint end_field(Edit *e) noexcept nogil                               # False: nothing is left, the field goes
cdef int64_t from_date64(const char *p) noexcept nogil                    # five characters to seconds; -1: not a date
cdef void to_date64(int64_t seconds, char *out) noexcept nogil
