"""NTLM and Negotiate prove who a connection is, not a request (RFC 4559 6): such a connection to a server stays with its
client, and the client's requests stay with that server (manual 4.2, option prefer-last-server)."""

from libc.stdint cimport uint32_t
from libc.string cimport strlen
from haproxy_py.engine.message cimport Field, Head


cdef bint begins(Field *f, const char *word) noexcept nogil:
    cdef uint32_t i, n = <uint32_t>strlen(word)
    if f.value_len < n:
        return False
    for i in range(n):
        if (f.value[i] | 0x20) != word[i]:
            return False
    return True


cdef bint negotiates(Head h) noexcept:
    cdef const char *name = "www-authenticate" if h.status == 401 else "proxy-authenticate"
    cdef uint32_t n = <uint32_t>strlen(name)
    cdef int i = h.find(name, n, 0)
    while i >= 0:
        if begins(&h.fields[i], "negotiate") or begins(&h.fields[i], "ntlm"):
            return True
        i = h.find(name, n, i + 1)
    return False
