# distutils: libraries = ssl crypto
"""Session ticket keys, shared by all workers: one page mapped before the fork.

The ring holds three keys as HAProxy's does: the penultimate one given encrypts, all decrypt, so keys can be distributed
before they are used. A key is 48 bytes (name 16, HMAC-SHA256 key 16, AES-128 key 16) or 80 (16, 32, 32).
Source: manual 5.1 `tls-ticket-keys`; management manual 9.3 `set ssl tls-key`.
"""

import os

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy, memcmp, memset
from haproxy_py.engine.openssl cimport SSL, SSL_CTX
from haproxy_py.engine.tls_io cimport TlsIo
from haproxy_py.engine.openssl cimport (
    EVP_CIPHER, EVP_CIPHER_CTX, EVP_MAC_CTX, EVP_CIPHER_fetch, EVP_EncryptInit_ex, EVP_DecryptInit_ex,
    EVP_MAC_CTX_set_params, RAND_bytes, OSSL_PARAM, OSSL_PARAM_construct_octet_string, OSSL_PARAM_construct_utf8_string,
    OSSL_PARAM_construct_end, SSL_CTX_set_tlsext_ticket_key_evp_cb, SSL_get_ex_data, SSL_version, TLS1_3_VERSION)

cdef extern from "<sys/mman.h>" nogil:
    void *mmap(void *addr, size_t n, int prot, int flags, int fd, long offset)
    int munmap(void *addr, size_t n)
    int PROT_READ, PROT_WRITE, MAP_SHARED, MAP_ANONYMOUS
    void *MAP_FAILED

cdef EVP_CIPHER *aes128 = EVP_CIPHER_fetch(NULL, b"AES-128-CBC", NULL)
cdef EVP_CIPHER *aes256 = EVP_CIPHER_fetch(NULL, b"AES-256-CBC", NULL)


cdef int set_mac(TicketKey *k, EVP_MAC_CTX *mac) noexcept nogil:
    cdef OSSL_PARAM params[3]
    params[0] = OSSL_PARAM_construct_octet_string(b"key", k.hmac, k.hmac_len)
    params[1] = OSSL_PARAM_construct_utf8_string(b"digest", <char *>b"SHA256", 0)
    params[2] = OSSL_PARAM_construct_end()
    return EVP_MAC_CTX_set_params(mac, params)


cdef int on_ticket(SSL *ssl, uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *c, EVP_MAC_CTX *mac, int enc) noexcept nogil:
    """1 use it, 2 use it and issue a new one, 0 unknown key (full handshake), -1 error."""
    cdef TlsIo *io = <TlsIo *>SSL_get_ex_data(ssl, 0)
    cdef TicketRing *ring = io.conf.tickets if io != NULL else NULL
    cdef TicketKey *k
    cdef uint32_t i
    if ring == NULL:
        return 0
    if enc:
        k = &ring.keys[ring.current]
        if RAND_bytes(iv, 16) != 1:
            return -1
        memcpy(name, k.name, 16)
        if not EVP_EncryptInit_ex(c, aes256 if k.aes_len == 32 else aes128, NULL, k.aes, iv) or not set_mac(k, mac):
            return -1
        return 1
    for i in range(TICKET_KEYS):
        k = &ring.keys[i]
        if k.aes_len and memcmp(name, k.name, 16) == 0:
            if not set_mac(k, mac) or not EVP_DecryptInit_ex(c, aes256 if k.aes_len == 32 else aes128, NULL, k.aes, iv):
                return -1
            # RFC 8446 C.4: a TLS 1.3 client should not use a ticket twice, so it gets a fresh one
            return 2 if i != ring.current or SSL_version(ssl) == TLS1_3_VERSION else 1
    return 0


cdef void tickets_use(SSL_CTX *ctx) noexcept nogil:
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket)


cdef int load(TicketKey *k, bytes secret) except -1:
    """One key of 48 or 80 bytes; ValueError for any other length."""
    cdef const uint8_t *p = secret
    cdef uint32_t half
    if len(secret) not in (48, 80):
        raise ValueError(f"a ticket key has 48 or 80 bytes, not {len(secret)}")
    half = (len(secret) - 16) // 2
    memset(k, 0, sizeof(TicketKey))
    memcpy(k.name, p, 16)
    memcpy(k.hmac, p + 16, half)
    memcpy(k.aes, p + 16 + half, half)
    k.hmac_len = half
    k.aes_len = half
    return 0


cdef class TicketKeys:
    """The keys of one or more contexts. Make it before the workers are forked: a rotation is then seen by all."""

    def __cinit__(self, keys=None):
        """keys: at least one secret of 48 or 80 bytes, oldest first (the last three count); None: random ones."""
        cdef uint32_t i
        cdef void *page = mmap(NULL, sizeof(TicketRing), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
        if page == MAP_FAILED:
            raise MemoryError
        self.ring = <TicketRing *>page
        secrets = list(keys)[-TICKET_KEYS:] if keys is not None else [os.urandom(80)]
        if not secrets:
            raise ValueError("no ticket key given")
        for i in range(<uint32_t>len(secrets)):
            load(&self.ring.keys[i], secrets[i])
        self.ring.current = <uint32_t>max(0, len(secrets) - 2)

    def __dealloc__(self):
        if self.ring != NULL:
            munmap(self.ring, sizeof(TicketRing))

    def rotate(self, bytes secret):
        """Add a key in place of the oldest; the one added before it becomes the key of new tickets."""
        cdef TicketKey k
        load(&k, secret)
        cdef uint32_t newest = (self.ring.current + 1) % TICKET_KEYS
        if self.ring.keys[newest].aes_len == 0:        # fewer than three so far: the new one encrypts at once
            self.ring.keys[newest] = k
            self.ring.current = newest
            return
        self.ring.keys[(newest + 1) % TICKET_KEYS] = k
        self.ring.current = newest

    def secrets(self):
        """The keys in ring order, for `show tls-keys`: list of bytes."""
        cdef uint32_t i
        cdef TicketKey *k
        out = []
        for i in range(TICKET_KEYS):
            k = &self.ring.keys[i]
            if k.aes_len:
                out.append(k.name[:16] + k.hmac[:k.hmac_len] + k.aes[:k.aes_len])
        return out
