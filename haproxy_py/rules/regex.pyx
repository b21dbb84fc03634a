"""Regular expressions on bytes (manual 7.1.4).

HAProxy is linked with PCRE2 on every distribution, so libpcre2-8.so.0 is loaded when the first pattern is compiled (no
build dependency) and its JIT is used. Without the library Python's `re` takes over. Differences then: no possessive or
recursive PCRE constructs before Python 3.11, \\h, \\R, \\K and (?|...) are unknown, and every match is a Python call.
"""

import os
import re

from libc.stdint cimport uint32_t, uint8_t
from libc.string cimport memcpy

cdef extern from "<dlfcn.h>" nogil:
    void *dlopen(const char *name, int flags)
    void *dlsym(void *handle, const char *name)
    int RTLD_NOW

ctypedef void *(*compile_t)(const char *, size_t, uint32_t, int *, size_t *, void *) noexcept nogil
ctypedef int (*jit_t)(void *, uint32_t) noexcept nogil
ctypedef int (*match_t)(void *, const char *, size_t, size_t, uint32_t, void *, void *) noexcept nogil
ctypedef void *(*create_t)(void *, void *) noexcept nogil
ctypedef size_t *(*ovector_t)(void *) noexcept nogil
ctypedef uint32_t (*count_t)(void *) noexcept nogil
ctypedef int (*message_t)(int, unsigned char *, size_t) noexcept nogil
ctypedef void (*free_t)(void *) noexcept nogil
ctypedef void *(*context_t)(void *) noexcept nogil
ctypedef int (*limit_t)(void *, uint32_t) noexcept nogil

cdef enum:
    PCRE2_CASELESS = 0x8
    PCRE2_JIT_COMPLETE = 1
    PCRE2_ERROR_NOMATCH = -1

cdef struct Pcre2:
    bint tried
    bint ready
    compile_t compile
    jit_t jit
    match_t match
    create_t create
    ovector_t ovector
    count_t count
    message_t message
    free_t free_code
    free_t free_match
    context_t context
    limit_t limit
    void *bounds             # match context of within(); NULL: the library's own limit

cdef Pcre2 lib


cdef bint _load() noexcept:
    """Find PCRE2 once. PYHAPROXY_REGEX=re keeps to Python's re."""
    cdef void *h
    if lib.tried:
        return lib.ready
    lib.tried = True
    if os.environ.get("PYHAPROXY_REGEX") == "re":
        return False
    h = dlopen(b"libpcre2-8.so.0", RTLD_NOW)
    if h == NULL:
        return False
    lib.compile = <compile_t>dlsym(h, b"pcre2_compile_8")
    lib.jit = <jit_t>dlsym(h, b"pcre2_jit_compile_8")
    lib.match = <match_t>dlsym(h, b"pcre2_match_8")
    lib.create = <create_t>dlsym(h, b"pcre2_match_data_create_from_pattern_8")
    lib.ovector = <ovector_t>dlsym(h, b"pcre2_get_ovector_pointer_8")
    lib.count = <count_t>dlsym(h, b"pcre2_get_ovector_count_8")
    lib.message = <message_t>dlsym(h, b"pcre2_get_error_message_8")
    lib.free_code = <free_t>dlsym(h, b"pcre2_code_free_8")
    lib.free_match = <free_t>dlsym(h, b"pcre2_match_data_free_8")
    lib.context = <context_t>dlsym(h, b"pcre2_match_context_create_8")
    lib.limit = <limit_t>dlsym(h, b"pcre2_set_match_limit_8")
    lib.bounds = lib.context(NULL) if lib.context != NULL and lib.limit != NULL else NULL
    lib.ready = (lib.compile != NULL and lib.match != NULL and lib.create != NULL and lib.ovector != NULL
                 and lib.count != NULL and lib.message != NULL and lib.free_code != NULL and lib.free_match != NULL)
    return lib.ready


def uses_pcre2() -> bool:
    """Whether patterns are compiled by PCRE2."""
    return bool(_load())


cdef class Regex:
    """One compiled pattern. Raises ValueError with HAProxy's complaint for a bad one."""

    def __init__(self, str pattern, bint ignore_case=False) -> None:
        self.pattern = pattern
        raw = pattern.encode("utf-8", "surrogateescape")
        if _load():
            self._compile_pcre2(raw, ignore_case)
        else:
            self._compile_re(raw, ignore_case)

    def _compile_pcre2(self, bytes raw, bint ignore_case) -> None:
        cdef int error = 0
        cdef size_t offset = 0
        cdef unsigned char text[256]
        self.code = lib.compile(raw, len(raw), PCRE2_CASELESS if ignore_case else 0, &error, &offset, NULL)
        if self.code == NULL:
            lib.message(error, text, sizeof(text))
            complaint = (<char *>text).decode("ascii", "replace")
            raise ValueError(f"regex '{self.pattern}' is invalid (error={complaint}, erroffset={offset})")
        if lib.jit != NULL:
            lib.jit(self.code, PCRE2_JIT_COMPLETE)
        self.match = lib.create(self.code, NULL)
        if self.match == NULL:
            raise MemoryError(self.pattern)

    def _compile_re(self, bytes raw, bint ignore_case) -> None:
        try:
            self.compiled = re.compile(raw, re.IGNORECASE if ignore_case else 0)
        except re.error as error:
            text = f"regex '{self.pattern}' is invalid (error={error.msg}, erroffset={error.pos})"
            raise ValueError(text) from None

    def __dealloc__(self) -> None:
        if self.match != NULL:
            lib.free_match(self.match)
        if self.code != NULL:
            lib.free_code(self.code)

    cdef int search(self, const char *p, uint32_t n, int *groups) noexcept:
        cdef int i, rc
        cdef size_t *spans
        cdef uint32_t count
        for i in range(2 * MAX_GROUPS):
            groups[i] = -1
        if self.code == NULL:
            return _search_re(self.compiled, p, n, groups)
        rc = lib.match(self.code, p, n, 0, 0, self.match, NULL)
        if rc < 0:
            return 0
        spans = lib.ovector(self.match)
        count = lib.count(self.match)
        for i in range(min(<int>count, rc if rc > 0 else <int>count, <int>MAX_GROUPS)):
            groups[2 * i] = <int>spans[2 * i]
            groups[2 * i + 1] = <int>spans[2 * i + 1]
        return 1

    def within(self, bytes subject, uint32_t steps) -> int:
        """1 found, 0 not, -1: given up after `steps` of PCRE2's match limit, however little a pattern that backtracks has tried."""
        cdef int rc
        if self.code == NULL:
            return 1 if self.compiled.search(subject) else 0
        if lib.bounds != NULL:
            lib.limit(lib.bounds, steps)
        rc = lib.match(self.code, subject, len(subject), 0, 0, self.match, lib.bounds)
        return 1 if rc >= 0 else 0 if rc == PCRE2_ERROR_NOMATCH else -1

    def find(self, bytes subject) -> list | None:
        """Groups of the first match as bytes (None: not part of it), or None. The Python face, for tests."""
        cdef int groups[2 * MAX_GROUPS]
        if not self.search(subject, len(subject), groups):
            return None
        return [subject[groups[2 * i]:groups[2 * i + 1]] if groups[2 * i] >= 0 else None for i in range(MAX_GROUPS)]


cdef int _search_re(object compiled, const char *p, uint32_t n, int *groups) noexcept:
    """The same through Python's re."""
    cdef int i
    found = compiled.search(p[:n])
    if found is None:
        return 0
    for i in range(min(compiled.groups + 1, MAX_GROUPS)):
        groups[2 * i], groups[2 * i + 1] = found.span(i)
    return 1


cdef int _hex(char c) noexcept nogil:
    if c'0' <= c <= c'9':
        return c - c'0'
    c |= 32
    if c'a' <= c <= c'f':
        return c - c'a' + 10
    return -1


cdef int expand(const char *template, uint32_t tn, const char *subject, int *groups, char *out, uint32_t room) noexcept nogil:
    """Write `template` with its back-references filled from a match. -1: longer than `room`."""
    cdef uint32_t i = 0, k = 0, length
    cdef int group
    while i < tn:
        if template[i] == c'\\' and i + 1 < tn:
            i += 1
            if c'0' <= template[i] <= c'9':
                group = template[i] - c'0'
                i += 1
                if groups[2 * group] < 0:
                    continue
                length = groups[2 * group + 1] - groups[2 * group]
                if k + length > room:
                    return -1
                memcpy(out + k, subject + groups[2 * group], length)
                k += length
                continue
            if template[i] == c'x' and i + 2 < tn and _hex(template[i + 1]) >= 0 and _hex(template[i + 2]) >= 0:
                if k >= room:
                    return -1
                out[k] = <char>(_hex(template[i + 1]) * 16 + _hex(template[i + 2]))
                k += 1
                i += 3
                continue
        if k >= room:
            return -1
        out[k] = template[i]
        k += 1
        i += 1
    return k
