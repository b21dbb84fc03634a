# distutils: libraries = ssl crypto
"""Sessions by their id, in one shared mapping made before the fork: a client may come back to any worker.

Two slots fit an id (its own and the neighbour's); a new session takes the empty one, else the first. A slot is locked for a copy
only; a lock that is taken counts as a miss, so a worker that dies inside costs one slot and nobody's time. Pages are
touched when used. Source: manual 3.2 `tune.ssl.cachesize`.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memcmp
from haproxy_py.engine.sys cimport ha_cas32, ha_store32, ha_add64
from haproxy_py.engine.tls_io cimport TlsIo
from haproxy_py.engine.openssl cimport (
    SSL, SSL_CTX, SSL_SESSION, SSL_SESSION_get_id, i2d_SSL_SESSION, d2i_SSL_SESSION, SSL_get_ex_data, SSL_version,
    SSL_CTX_sess_set_new_cb, SSL_CTX_sess_set_get_cb, TLS1_3_VERSION, SSL_OP_NO_TICKET)

cdef extern from "<sys/mman.h>" nogil:
    void *mmap(void *addr, size_t n, int prot, int flags, int fd, long offset)
    int munmap(void *addr, size_t n)
    int PROT_READ, PROT_WRITE, MAP_SHARED, MAP_ANONYMOUS, MAP_NORESERVE
    void *MAP_FAILED

cdef extern from "<openssl/ssl.h>" nogil:
    uint64_t SSL_get_options(const SSL *s)


cdef SessionSlot *slot_at(SessionTable *t, const uint8_t *id, uint32_t way) noexcept nogil:
    cdef uint32_t h
    memcpy(&h, id, 4)
    return &t.slot[(h + way) % t.slots]


cdef SessionTable *table_of(SSL *ssl) noexcept nogil:
    cdef TlsIo *io = <TlsIo *>SSL_get_ex_data(ssl, 0)
    return io.conf.sessions if io != NULL else NULL


cdef int on_new(SSL *ssl, SSL_SESSION *session) noexcept nogil:
    """Keep an encoded copy; 0: we hold no reference."""
    cdef SessionTable *t = table_of(ssl)
    cdef SessionSlot *s
    cdef unsigned int n
    cdef const uint8_t *id = SSL_SESSION_get_id(session, &n)
    cdef uint8_t *p
    cdef int size
    if t == NULL or n < 4 or n > 32:
        return 0
    if SSL_version(ssl) == TLS1_3_VERSION and not SSL_get_options(ssl) & SSL_OP_NO_TICKET:
        return 0                          # the ticket carries the session
    size = i2d_SSL_SESSION(session, NULL)
    if size <= 0 or size > SESSION_BYTES:
        return 0
    s = slot_at(t, id, 0)
    if s.length and slot_at(t, id, 1).length == 0:
        s = slot_at(t, id, 1)
    if not ha_cas32(&s.lock, 0, 1):
        return 0
    p = s.data
    s.length = <uint32_t>i2d_SSL_SESSION(session, &p)
    s.id_length = n
    memcpy(s.id, id, n)
    ha_store32(&s.lock, 0)
    return 0


cdef SSL_SESSION *on_get(SSL *ssl, const uint8_t *id, int n, int *copy) noexcept nogil:
    """A new session object made from the stored copy, or NULL. OpenSSL itself checks its age."""
    cdef SessionTable *t = table_of(ssl)
    cdef SessionSlot *s
    cdef SSL_SESSION *found = NULL
    cdef const uint8_t *p
    cdef uint32_t way
    copy[0] = 0
    if t == NULL or n < 4 or n > 32:
        return NULL
    ha_add64(&t.lookups, 1)
    for way in range(2):
        s = slot_at(t, id, way)
        if s.length == 0 or not ha_cas32(&s.lock, 0, 1):
            continue
        if s.length and s.id_length == <uint32_t>n and memcmp(s.id, id, n) == 0:
            p = s.data
            found = d2i_SSL_SESSION(NULL, &p, s.length)
        ha_store32(&s.lock, 0)
        if found != NULL:
            return found
    ha_add64(&t.misses, 1)
    return NULL


cdef void sessions_use(SSL_CTX *ctx) noexcept nogil:
    SSL_CTX_sess_set_new_cb(ctx, on_new)
    SSL_CTX_sess_set_get_cb(ctx, on_get)


cdef class SessionCache:
    """One table; several contexts may share it. Make it before the workers are forked."""

    def __cinit__(self, uint32_t slots):
        """slots: sessions that fit, >= 1 (tune.ssl.cachesize)."""
        if slots < 1:
            raise ValueError("a session cache holds at least one session")
        self.mapped = sizeof(SessionTable) + <size_t>slots * sizeof(SessionSlot)
        cdef void *page = mmap(NULL, self.mapped, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        if page == MAP_FAILED:
            raise MemoryError
        self.table = <SessionTable *>page
        self.table.slots = slots

    def __dealloc__(self):
        if self.table != NULL:
            munmap(self.table, self.mapped)

    @property
    def lookups(self):
        """Sessions asked for by id, all workers."""
        return self.table.lookups

    @property
    def misses(self):
        """Of these, how many were not here."""
        return self.table.misses
