# distutils: libraries = ssl crypto
"""TLS on the data plane: OpenSSL called directly; no Python object is touched while bytes move.

Life of a context: TlsContext.for_server / for_client (raises TlsSetupError) -> session() per connection -> dropped with its
last session. Life of a session: handshake() until 1 -> read()/write() -> shutdown() -> dropped.

Invariants: OpenSSL's error queue is empty outside of these functions (a failed call empties it, so a successful one need
not look); the socket never blocks OpenSSL's writes (tls_io keeps what the kernel refuses), so SSL_write either encrypts
or fails for good. Source: RFC 8446, RFC 5246; manual 5.1, 5.2; SSL_get_error(3).
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset, memcmp
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
cimport cython
from haproxy_py.engine.openssl cimport *
from haproxy_py.engine.tls_io cimport (
    PEND_MOST, RECORD, io_bio, io_flush, io_free, io_record_ready, io_settle, io_blocks_held)
from haproxy_py.engine.tls_cache cimport SessionCache, sessions_use
from haproxy_py.engine.tls_groups cimport client_sessions_use, fill_group, free_group, hello_use, ignore_bits
from haproxy_py.engine.tls_names cimport CertGroup, NAME_MOST, names_add, names_free
from haproxy_py.engine.tls_setup cimport alpn_wire, ctx_certificate, ctx_free, ctx_live, ctx_new
from haproxy_py.engine.tls_tickets cimport TicketKeys, tickets_use

from haproxy_py.engine.tls_params import VERIFY_NONE

cdef enum:
    BATCH = 4                 # records per send()
    HOSTNAME_MISMATCH = 62    # X509_V_ERR_HOSTNAME_MISMATCH

cdef char gathered[RECORD]    # small pieces that become one record
cdef uint64_t marks_end[BATCH]     # of the records being sent: ciphertext position behind it, and its plaintext bytes
cdef uint32_t marks_plain[BATCH]
cdef int marks = 0
cdef uint32_t live_sessions = 0


cdef const char *failure_text(int failure) noexcept nogil:
    if failure == TLSF_EMPTY or failure == TLSF_CLOSED:
        return "Connection closed during SSL handshake"
    if failure == TLSF_ERROR:
        return "Connection error during SSL handshake"
    if failure == TLSF_CA:
        return "SSL client CA chain cannot be verified"
    if failure == TLSF_CRT:
        return "SSL client certificate not trusted"
    if failure == TLSF_MISMATCH:
        return "Server presented an SSL certificate different from the configured one"
    if failure == TLSF_MISMATCH_SNI:
        return "Server presented an SSL certificate different from the expected one"
    return "SSL handshake failure"


# -- contexts -----------------------------------------------------------------------------------------------------------

@cython.final
cdef class TlsContext:
    """Everything that the connections of one bind line (or to one server) have in common."""

    def __cinit__(self):
        memset(&self.conf, 0, sizeof(TlsConf))

    def __dealloc__(self):
        cdef uint32_t i
        if self.conf.last != NULL:
            SSL_SESSION_free(self.conf.last)
        for i in range(self.conf.group_count):
            free_group(&self.conf.groups[i])
        if self.conf.groups == NULL:
            ctx_free(self.ctx)
        free(self.conf.groups)
        names_free(&self.conf.names)

    @staticmethod
    def for_server(params, names, TicketKeys tickets=None, SessionCache sessions=None):
        """A context that accepts. params: TlsParams; names: ServerNames with at least one group.

        tickets, sessions: shared by whoever is given the same objects; made here (tickets) or unused (sessions) if None.
        Raises: TlsSetupError for a value that OpenSSL refuses.
        """
        cdef TlsContext c = TlsContext.__new__(TlsContext)
        cdef uint32_t i
        c.server = True
        c.params = params
        c.take_settings(params)
        c.conf.groups = <CertGroup *>calloc(len(names.groups), sizeof(CertGroup))
        if c.conf.groups == NULL:
            raise MemoryError
        c.conf.group_count = <uint32_t>len(names.groups)
        for i in range(c.conf.group_count):
            fill_group(&c.conf.groups[i], params, names.groups[i])
        for name, group in names.names:
            if names_add(&c.conf.names, name, <uint32_t>len(name), group) < 0:
                raise MemoryError
        c.ctx = c.conf.groups[0].ctx
        c.conf.strict_sni = names.strict
        hello_use(c.ctx, &c.conf)
        if params.tickets and params.session_reuse:
            tickets = TicketKeys() if tickets is None else tickets
            c.conf.tickets = tickets.ring
            tickets_use(c.ctx)
        if sessions is not None and params.session_reuse:
            c.conf.sessions = sessions.table
            sessions_use(c.ctx)
        c.keep = (tickets, sessions)
        return c

    @staticmethod
    def for_client(params, certificate=None, verifyhost=None):
        """A context that connects. certificate: CertificateParams to show, or None; verifyhost: name (bytes) or None."""
        cdef TlsContext c = TlsContext.__new__(TlsContext)
        cdef bytes wire = alpn_wire(params.alpn)
        c.server = False
        c.params = params
        c.take_settings(params)
        c.ctx = ctx_new(False, params)
        if certificate is not None:
            ctx_certificate(c.ctx, certificate)
        if wire:
            SSL_CTX_set_alpn_protos(c.ctx, <const uint8_t *>PyBytes_AS_STRING(wire), <unsigned int>len(wire))
        c.verifyhost = verifyhost
        c.check_host = params.verify != VERIFY_NONE
        if params.session_reuse:
            client_sessions_use(c.ctx)
        return c

    def take_settings(self, params):
        """Copy from `params` what the callbacks and sessions read."""
        self.strict_eof = params.strict_eof
        self.ktls = params.ktls and ktls_available()
        ignore_bits(self.conf.ca_ignore, params.ca_ignore)
        ignore_bits(self.conf.crt_ignore, params.crt_ignore)

    cdef TlsSession session(self, int fd):
        cdef TlsSession s = TlsSession.__new__(TlsSession)
        s.start(self, fd)
        return s

    cdef TlsSession connect(self, int fd, const char *sni, uint32_t sni_len):
        cdef TlsSession s = self.session(fd)
        cdef char name[NAME_MOST + 1]
        cdef X509_VERIFY_PARAM *verify
        if sni_len > NAME_MOST:
            sni_len = 0
        memcpy(name, sni, sni_len)
        name[sni_len] = 0
        if sni_len:
            SSL_set_tlsext_host_name(s.ssl, name)
        if self.check_host and (self.verifyhost is not None or sni_len):
            verify = SSL_get0_param(s.ssl)
            X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)
            if sni_len:
                X509_VERIFY_PARAM_set1_host(verify, name, sni_len)
            else:
                X509_VERIFY_PARAM_set1_host(verify, PyBytes_AS_STRING(self.verifyhost), len(self.verifyhost))
        if self.conf.last != NULL and memcmp(self.conf.last_name, name, sni_len + 1) == 0:
            if SSL_SESSION_is_resumable(self.conf.last):
                SSL_set_session(s.ssl, self.conf.last)
        return s

    def open(self, int fd, bytes sni=None):
        """A session for Python (tests, tools): `fd` non-blocking and owned by the caller."""
        if sni is None or self.server:
            return self.session(fd) if self.server else self.connect(fd, NULL, 0)
        return self.connect(fd, PyBytes_AS_STRING(sni), <uint32_t>len(sni))

    @property
    def reused(self):
        """Handshakes that resumed a session, in this process."""
        return self.conf.reused

    @property
    def full(self):
        """Handshakes that computed keys anew, in this process."""
        return self.conf.full


# -- sessions -----------------------------------------------------------------------------------------------------------

@cython.final
@cython.freelist(64)
cdef class TlsSession:
    """The TLS state of one connection. It does not own the descriptor."""

    cdef int start(self, TlsContext context, int fd) except -1:
        global live_sessions
        cdef BIO *b
        self.context = context
        self.io.fd = fd
        self.io.conf = &context.conf
        self.ssl = SSL_new(context.ctx)
        if self.ssl == NULL:
            ERR_clear_error()
            raise MemoryError
        live_sessions += 1
        SSL_set_ex_data(self.ssl, 0, &self.io)
        if context.ktls:
            SSL_set_fd(self.ssl, fd)       # OpenSSL drives the kernel's TLS through its own socket BIO only
        else:
            b = io_bio(&self.io)
            if b == NULL:
                raise MemoryError
            SSL_set_bio(self.ssl, b, b)
        if context.server:
            SSL_set_accept_state(self.ssl)
        else:
            SSL_set_connect_state(self.ssl)
        return 0

    def __dealloc__(self):
        global live_sessions
        if self.ssl != NULL:
            live_sessions -= 1
            if self.handshaken and not self.dead:
                SSL_set_shutdown(self.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)   # else its session is forgotten
            SSL_set_ex_data(self.ssl, 0, NULL)
            SSL_free(self.ssl)
        io_free(&self.io)

    cdef int failed(self, int r, bint reading) noexcept:
        """What a call that gave r <= 0 means. Empties OpenSSL's error queue."""
        cdef int shut
        if self.context.ktls:
            shut = SSL_want(self.ssl)                     # SSL_READING 3, SSL_WRITING 2
            if shut == 2 and ERR_peek_error() == 0:
                self.want = 2
                return TLS_WANT_WRITE
            self.io.blocked = shut == 3 and ERR_peek_error() == 0
        if self.io.blocked:
            self.want = 1
            return TLS_WANT_READ
        self.error_code = ERR_peek_error()
        if self.error_code:
            ERR_clear_error()
        elif reading and not self.io.err and (SSL_get_shutdown(self.ssl) & SSL_RECEIVED_SHUTDOWN or self.io.eof):
            self.truncated = self.io.eof
            if not (self.truncated and self.context.strict_eof):
                return TLS_EOF
        self.dead = True
        if not self.handshaken:
            self.failure = self.diagnose()
        return TLS_ERROR

    cdef int diagnose(self) noexcept:
        """TlsFailure of a handshake that has just failed."""
        if not self.context.server and self.verify_result() == HOSTNAME_MISMATCH:
            return TLSF_MISMATCH_SNI if self.sni() != NULL else TLSF_MISMATCH
        if self.io.eof:
            return TLSF_CLOSED if self.io.received else TLSF_EMPTY
        if self.io.err:
            return TLSF_ERROR
        if self.io.ca_err:
            return TLSF_CA
        return TLSF_CRT if self.io.crt_err else TLSF_HANDSHAKE

    cdef int settle(self) noexcept:
        """Behind every OpenSSL call: send what it produced (answers, alerts), give back an empty receive block."""
        cdef int r = io_flush(&self.io)
        io_settle(&self.io)
        return r

    cdef int handshake(self) noexcept:
        cdef int r, flushed
        if self.handshaken:
            return 1
        if self.io.pend != NULL:
            flushed = io_flush(&self.io)
            if flushed > 0:
                self.want = 2
                return TLS_WANT_WRITE
        self.io.blocked = False
        self.want = 0
        r = SSL_do_handshake(self.ssl)
        if r != 1:
            r = self.failed(r, False)
        flushed = self.settle()
        if r == TLS_ERROR:
            return r
        if flushed < 0:
            self.dead = True
            self.failure = TLSF_ERROR
            return TLS_ERROR
        if flushed > 0:
            self.want = 2
            return TLS_WANT_WRITE
        if r != 1:
            return r
        self.handshaken = True
        if SSL_session_reused(self.ssl):
            self.context.conf.reused += 1
        else:
            self.context.conf.full += 1
        return 1

    cdef ssize_t read(self, char *buf, size_t n) noexcept:
        cdef int r
        cdef size_t done = 0
        if self.io.pend != NULL and io_flush(&self.io) > 0 and self.io.pend_end - self.io.pend_pos > PEND_MOST:
            self.want = 2
            return TLS_WANT_WRITE
        if self.dead:
            return TLS_ERROR
        self.io.blocked = False
        self.want = 0
        while True:
            r = SSL_read(self.ssl, buf + done, <int>min(n - done, <size_t>0x40000000))
            if r <= 0:
                break
            done += r
            if done == n or not (SSL_pending(self.ssl) or io_record_ready(&self.io)):
                break
        if done:
            if r <= 0 and not self.io.blocked and ERR_peek_error():
                self.failed(r, True)            # the next call tells
            self.settle()
            return done
        r = self.failed(r, True)
        self.settle()
        return r

    cdef bint over(self) noexcept:
        """See tls.pxd. Fatal errors count as an end; read() will tell."""
        cdef char one
        cdef int r, why
        self.io.blocked = False
        r = SSL_peek(self.ssl, &one, 1)
        if r > 0:
            return False
        why = SSL_get_error(self.ssl, r)
        ERR_clear_error()
        return why != 2 and why != 3                      # SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE

    cdef size_t credit(self, size_t n) noexcept:
        """Bytes of the caller's next `n` that are encrypted and gone already."""
        cdef size_t known = min(<size_t>self.io.pend_plain, n)
        self.io.pend_plain -= known
        return known

    cdef size_t encrypt(self, const char *buf, size_t n) noexcept:
        """Turn up to n bytes into records of the current batch; returns how many, short when it is full or failed."""
        global marks
        cdef size_t done = 0
        cdef int w
        while done < n and marks < BATCH:
            w = SSL_write(self.ssl, buf + done, <int>min(n - done, <size_t>RECORD))
            if w <= 0:
                break
            done += w
            marks_end[marks] = self.io.queued
            marks_plain[marks] = w
            marks += 1
        return done

    cdef ssize_t deliver(self, size_t base) noexcept:
        """Send the batch. Returns base + plaintext bytes that are wholly gone; the rest is remembered in pend_plain."""
        global marks
        cdef int i, count = marks
        cdef size_t gone = base, total = base
        cdef int r = io_flush(&self.io)
        marks = 0
        if r < 0:
            self.dead = True
            return TLS_ERROR
        for i in range(count):
            total += marks_plain[i]
            if r == 0 or marks_end[i] <= self.io.sent:
                gone = total
        self.io.pend_plain += total - gone
        if gone:
            return gone
        self.want = 2
        return TLS_WANT_WRITE

    cdef ssize_t write(self, const char *buf, size_t n) noexcept:
        cdef iovec one
        one.iov_base = <void *>buf
        one.iov_len = n
        return self.writev(&one, 1)

    cdef ssize_t writev(self, iovec *iov, int count) noexcept:
        global marks
        cdef size_t total = 0, at, skip, done, step
        cdef ssize_t r
        cdef int i
        if self.dead or self.closed:
            return TLS_ERROR
        self.want = 0
        self.io.blocked = False             # of an earlier read: must not excuse a failure here
        for i in range(count):
            total += iov[i].iov_len
        if self.io.pend != NULL or self.io.pend_plain:
            i = self.flush()
            if i < 0:
                return i
        done = self.credit(total)
        if self.context.ktls:
            return self.write_plain(iov, count, done)
        if count > 1 and total - done <= RECORD and total > done:
            gather(iov, count, done, total - done)
            marks = 0
            step = self.encrypt(gathered, total - done)
            return self.deliver(done) if step else self.write_failed(done)
        while done < total:
            marks = 0
            at = skip = done
            for i in range(count):
                if skip >= iov[i].iov_len:
                    skip -= iov[i].iov_len
                    continue
                step = self.encrypt(<const char *>iov[i].iov_base + skip, iov[i].iov_len - skip)
                done += step
                if step < iov[i].iov_len - skip:
                    break
                skip = 0
            if marks == 0:
                return self.write_failed(at)
            r = self.deliver(at)
            if r < <ssize_t>done:
                return r
        return done

    cdef ssize_t write_failed(self, size_t done) noexcept:
        """SSL_write refused: the session is broken. What went out before still counts."""
        cdef int r = self.failed(-1, False)
        self.settle()
        return <ssize_t>done if done else r

    cdef ssize_t write_plain(self, iovec *iov, int count, size_t done) noexcept:
        """Kernel TLS: OpenSSL passes the pieces on; the kernel makes the records."""
        cdef int i, w
        cdef size_t skip = done, gone = done
        for i in range(count):
            if skip >= iov[i].iov_len:
                skip -= iov[i].iov_len
                continue
            w = SSL_write(self.ssl, <const char *>iov[i].iov_base + skip, <int>min(iov[i].iov_len - skip, <size_t>0x40000000))
            if w <= 0:
                w = self.failed(w, False)
                return <ssize_t>gone if gone else w
            gone += w
            if <size_t>w < iov[i].iov_len - skip:
                break
            skip = 0
        return gone

    cdef int flush(self) noexcept:
        cdef int r = io_flush(&self.io)
        if r > 0:
            self.want = 2
            return TLS_WANT_WRITE
        if r < 0:
            self.dead = True
            return TLS_ERROR
        return 0

    cdef bint unsent(self) noexcept:
        return self.io.pend != NULL

    cdef bint pending(self) noexcept:
        return SSL_pending(self.ssl) > 0 or io_record_ready(&self.io)

    cdef bint drained(self) noexcept:
        return (self.io.drained and not self.context.ktls and not self.dead and not self.pending()
                and not SSL_get_shutdown(self.ssl) & SSL_RECEIVED_SHUTDOWN)   # it came with the last bytes: the next read tells

    cdef void shutdown(self) noexcept:
        if self.closed or self.dead or not self.handshaken:
            return
        if self.io.pend != NULL and io_flush(&self.io) != 0:
            return                      # the stream would be cut inside a record: close_notify would be a lie
        self.closed = True
        if SSL_shutdown(self.ssl) < 0:
            ERR_clear_error()
        io_flush(&self.io)

    cdef bint ktls_send(self) noexcept:
        return self.context.ktls and BIO_get_ktls_send(SSL_get_wbio(self.ssl)) != 0

    cdef bint ktls_recv(self) noexcept:
        return self.context.ktls and BIO_get_ktls_recv(SSL_get_rbio(self.ssl)) != 0

    # what rules and logs ask

    cdef const char *version(self) noexcept:
        return SSL_get_version(self.ssl)

    cdef const char *cipher(self) noexcept:
        cdef const SSL_CIPHER *c = SSL_get_current_cipher(self.ssl)
        return SSL_CIPHER_get_name(c) if c != NULL else NULL

    cdef int key_bits(self, int *algorithm_bits) noexcept:
        cdef const SSL_CIPHER *c = SSL_get_current_cipher(self.ssl)
        algorithm_bits[0] = 0
        return SSL_CIPHER_get_bits(c, algorithm_bits) if c != NULL else 0

    cdef const char *sni(self) noexcept:
        return SSL_get_servername(self.ssl, TLSEXT_NAMETYPE_host_name)

    cdef void alpn(self, const uint8_t **name, uint32_t *n) noexcept:
        SSL_get0_alpn_selected(self.ssl, name, <unsigned int *>n)

    cdef void session_id(self, const uint8_t **id, uint32_t *n) noexcept:
        cdef SSL_SESSION *s = SSL_get_session(self.ssl)
        n[0] = 0
        if s != NULL:
            id[0] = SSL_SESSION_get_id(s, <unsigned int *>n)

    cdef bint resumed(self) noexcept:
        return SSL_session_reused(self.ssl) != 0

    cdef bint has_peer_certificate(self) noexcept:
        return SSL_get0_peer_certificate(self.ssl) != NULL

    cdef long verify_result(self) noexcept:
        return SSL_get_verify_result(self.ssl)

    cdef bytes peer_der(self):
        return der(SSL_get0_peer_certificate(self.ssl))

    cdef bytes own_der(self):
        return der(SSL_get_certificate(self.ssl))

    # the same for Python (tests, tools): numbers are TlsResult's

    def do_handshake(self):
        """1 done, else a negative TlsResult."""
        return self.handshake()

    def recv(self, size_t n):
        """bytes, b"" at the end, or a negative TlsResult."""
        cdef bytes room = PyBytes_FromStringAndSize(NULL, n)
        cdef ssize_t r = self.read(PyBytes_AS_STRING(room), n)
        return room[:r] if r >= 0 else r

    def send(self, *pieces):
        """Bytes taken of all pieces together, or a negative TlsResult."""
        cdef iovec iov[16]
        cdef int i
        if not 0 < len(pieces) <= 16:
            raise ValueError("1 to 16 pieces")
        for i in range(<int>len(pieces)):
            iov[i].iov_base = PyBytes_AS_STRING(pieces[i])
            iov[i].iov_len = len(pieces[i])
        return self.writev(iov, <int>len(pieces))

    def close_notify(self):
        """As shutdown()."""
        self.shutdown()

    def info(self):
        """What is known of the session: dict of version, cipher, sni, alpn, resumed, verify, truncated, reason, failure..."""
        cdef const uint8_t *p = NULL
        cdef uint32_t n = 0
        cdef const char *cipher = self.cipher()
        cdef const char *sni = self.sni()
        cdef const char *reason = ERR_reason_error_string(self.error_code) if self.error_code else NULL
        self.alpn(&p, &n)
        return {
            "version": self.version().decode(),
            "cipher": cipher.decode() if cipher != NULL else None,
            "sni": <bytes>sni if sni != NULL else None,
            "alpn": p[:n] if n else None,
            "resumed": self.resumed(),
            "verify": self.verify_result(),
            "ca_err": self.io.ca_err,
            "crt_err": self.io.crt_err,
            "peer": self.peer_der(),
            "own": self.own_der(),
            "truncated": self.truncated,
            "pending": self.pending(),
            "drained": self.drained(),
            "unsent": self.unsent(),
            "reason": reason.decode() if reason != NULL else "",
            "failure": failure_text(self.failure).decode() if self.failure else "",
        }


cdef void gather(iovec *iov, int count, size_t skip, size_t n) noexcept nogil:
    """Copy `n` bytes of the pieces, the first `skip` left out, into `gathered`."""
    cdef int i
    cdef size_t at = 0, part
    for i in range(count):
        if skip >= iov[i].iov_len:
            skip -= iov[i].iov_len
            continue
        part = min(iov[i].iov_len - skip, n - at)
        memcpy(gathered + at, <char *>iov[i].iov_base + skip, part)
        at += part
        skip = 0


cdef bytes der(X509 *x):
    """DER of a certificate, or None."""
    cdef int n
    cdef uint8_t *p
    cdef bytes out
    if x == NULL:
        return None
    n = i2d_X509(x, NULL)
    out = PyBytes_FromStringAndSize(NULL, n)
    p = <uint8_t *>PyBytes_AS_STRING(out)
    i2d_X509(x, &p)
    return out


cdef object kernel_tls = None


def ktls_available():
    """Whether the kernel has its tls module: asked once, on a connected pair of sockets."""
    global kernel_tls
    if kernel_tls is None:
        kernel_tls = probe_ktls()
    return kernel_tls


def probe_ktls():
    """Try to attach the "tls" upper layer protocol (Documentation/networking/tls.rst) to a loopback connection."""
    import socket
    try:
        with socket.create_server(("127.0.0.1", 0)) as lsock, socket.create_connection(lsock.getsockname()) as c:
            c.setsockopt(socket.IPPROTO_TCP, 31, b"tls")
    except OSError:
        return False
    return True


def live():
    """Leak counters of this process: {"ssl": sessions, "ssl_ctx": contexts, "blocks": receive blocks held}."""
    return {"ssl": live_sessions, "ssl_ctx": ctx_live(), "blocks": io_blocks_held()}


def verify_error_text(long number):
    """OpenSSL's words for a verify error number."""
    return X509_verify_cert_error_string(number).decode()
