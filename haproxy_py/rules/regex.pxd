"""Regular expressions on bytes: PCRE2 loaded at run time, Python's re where it is missing."""

from libc.stdint cimport uint32_t

cdef enum:
    MAX_GROUPS = 10         # \0 to \9, as HAProxy's back-references

cdef class Regex:
    cdef readonly str pattern
    cdef void *code
    cdef void *match
    cdef object compiled
    # Search p[0..n). Fills up to MAX_GROUPS (start, end) pairs in `groups` (-1: not part of the match); 1 found, 0 not.
    cdef int search(self, const char *p, uint32_t n, int *groups) noexcept

# Expand \0..\9, \xHH and backslash escapes of `template`; bytes written or -1 without room.
cdef int expand(const char *template, uint32_t tn, const char *subject, int *groups, char *out, uint32_t room) noexcept nogil
