# distutils: libraries = ssl crypto
"""The socket side of a TLS session.

Reading: OpenSSL asks for 5 header bytes, then for a record's rest. One recv() fills a receive block of two records, from
which both are served; a block belongs to a session only while something is left in it, so an idle session owns none and
nothing is copied to keep a partial record. A large remainder is received straight into OpenSSL's buffer, the next record
behind it into the block, with one readv().

Writing: records that OpenSSL produces during one call gather in one process-wide area and leave with one send() when the
call ends. What the kernel does not take is kept in `pend`, in order, before anything newer.

Invariant: the gathering area is empty whenever control is outside of the engine's TLS functions; it belongs to one session
at a time (the interpreter lock orders them).
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport malloc, free, realloc
from libc.string cimport memcpy, memmove
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.sys cimport iovec, ssize_t
from haproxy_py.engine.openssl cimport (
    BIO, BIO_METHOD, BIO_meth_new, BIO_meth_set_write, BIO_meth_set_read, BIO_meth_set_ctrl, BIO_get_new_index, BIO_new,
    BIO_set_data, BIO_get_data, BIO_set_init, BIO_set_retry_read, BIO_clear_retry_flags, BIO_TYPE_SOURCE_SINK,
    BIO_CTRL_FLUSH, BIO_CTRL_EOF, BIO_CTRL_DUP)

cdef extern from "<sys/uio.h>" nogil:
    ssize_t readv(int fd, iovec *iov, int count)

cdef enum:
    POOLED = 8             # free receive blocks kept
    DIRECT = 2048          # from this size on a remainder bypasses the block

cdef char *out_area = NULL
cdef uint32_t out_len = 0
cdef char *pool[POOLED]
cdef uint32_t pool_count = 0
cdef uint32_t blocks_held = 0
cdef BIO_METHOD *method = NULL


cdef char *block_take() noexcept nogil:
    global pool_count, blocks_held
    cdef char *b
    if pool_count:
        pool_count -= 1
        b = pool[pool_count]
    else:
        b = <char *>malloc(RBLOCK)
    if b != NULL:
        blocks_held += 1
    return b


cdef void block_give(char *b) noexcept nogil:
    global pool_count, blocks_held
    blocks_held -= 1
    if pool_count < POOLED:
        pool[pool_count] = b
        pool_count += 1
    else:
        free(b)


cdef uint32_t io_blocks_held() noexcept nogil:
    return blocks_held


cdef void io_settle(TlsIo *io) noexcept nogil:
    if io.rblock != NULL and io.rpos == io.rend:
        block_give(io.rblock)
        io.rblock = NULL


cdef bint io_record_ready(TlsIo *io) noexcept nogil:
    cdef uint32_t have = io.rend - io.rpos
    cdef uint8_t *p
    if io.rblock == NULL or have < 5:
        return False
    p = <uint8_t *>io.rblock + io.rpos
    return have >= 5 + ((<uint32_t>p[3] << 8) | p[4])


cdef ssize_t receive(TlsIo *io, char *dest, uint32_t n) noexcept nogil:
    """One readv() into `dest` (n bytes; may be 0) and the empty block; > 0 bytes, 0 end, -1 blocked or error."""
    cdef iovec iov[2]
    cdef int first = 0 if n else 1
    cdef ssize_t r
    iov[0].iov_base = dest
    iov[0].iov_len = n
    iov[1].iov_base = io.rblock
    iov[1].iov_len = RBLOCK
    while True:
        r = readv(io.fd, &iov[first], 2 - first)
        if r >= 0 or sys.errno != sys.EINTR:
            break
    io.drained = r < <ssize_t>(n + RBLOCK)
    if r == 0:
        io.eof = True
    elif r > 0:
        io.received += r
    elif sys.errno == sys.EAGAIN:
        io.blocked = True
    else:
        io.err = sys.errno
    return r


cdef int on_read(BIO *b, char *out, int want) noexcept nogil:
    """OpenSSL wants `want` bytes: from the block, else from the socket."""
    cdef TlsIo *io = <TlsIo *>BIO_get_data(b)
    cdef uint32_t n = <uint32_t>want, have
    cdef ssize_t r
    BIO_clear_retry_flags(b)
    have = io.rend - io.rpos
    if io.rblock == NULL or have == 0:
        if io.eof or io.err:
            return 0 if io.eof else -1
        if io.rblock == NULL:
            io.rblock = block_take()
            if io.rblock == NULL:
                io.err = sys.ENOMEM
                return -1
        io.rpos = 0
        io.rend = 0
        r = receive(io, out, n if n >= DIRECT else 0)
        if r <= 0:
            if io.blocked:
                BIO_set_retry_read(b)
            return <int>r
        if n >= DIRECT:
            if <uint32_t>r <= n:
                return <int>r
            io.rend = <uint32_t>r - n
            return want
        io.rend = <uint32_t>r
        have = io.rend
    if have > n:
        have = n
    memcpy(out, io.rblock + io.rpos, have)
    io.rpos += have
    return <int>have


cdef int keep(TlsIo *io, const char *data, uint32_t n) noexcept nogil:
    """Append to pend. 0, or -1: out of memory."""
    cdef uint32_t room
    cdef char *grown
    if io.pend_pos and io.pend_end + n > io.pend_room:
        memmove(io.pend, io.pend + io.pend_pos, io.pend_end - io.pend_pos)
        io.pend_end -= io.pend_pos
        io.pend_pos = 0
    if io.pend_end + n > io.pend_room:
        room = io.pend_end + n
        grown = <char *>realloc(io.pend, room)
        if grown == NULL:
            io.err = sys.ENOMEM
            return -1
        io.pend = grown
        io.pend_room = room
    memcpy(io.pend + io.pend_end, data, n)
    io.pend_end += n
    return 0


cdef ssize_t send_some(TlsIo *io, const char *data, uint32_t n) noexcept nogil:
    """Bytes taken by the kernel (0: none now), or -1 and io.err."""
    cdef ssize_t r
    cdef uint32_t done = 0
    while done < n:
        r = sys.send(io.fd, <void *>(data + done), n - done, sys.MSG_NOSIGNAL)
        if r >= 0:
            done += <uint32_t>r
        elif sys.errno == sys.EAGAIN:
            break
        elif sys.errno != sys.EINTR:
            io.err = sys.errno
            return -1
    io.sent += done
    return done


cdef int io_flush(TlsIo *io) noexcept nogil:
    global out_len
    cdef ssize_t r
    cdef uint32_t n
    if io.err:
        out_len = 0
        return -1
    if io.pend != NULL:
        r = send_some(io, io.pend + io.pend_pos, io.pend_end - io.pend_pos)
        if r < 0:
            return -1
        io.pend_pos += <uint32_t>r
        if io.pend_pos < io.pend_end:
            return 1
        free(io.pend)
        io.pend = NULL
        io.pend_pos = io.pend_end = io.pend_room = 0
    if out_len:
        n = out_len
        out_len = 0
        r = send_some(io, out_area, n)
        if r < 0:
            return -1
        if <uint32_t>r < n:
            return 1 if keep(io, out_area + r, n - <uint32_t>r) == 0 else -1
    return 0


cdef int on_write(BIO *b, const char *data, int count) noexcept nogil:
    """OpenSSL hands over ciphertext; it is always taken, so OpenSSL never has to keep a record."""
    global out_len
    cdef TlsIo *io = <TlsIo *>BIO_get_data(b)
    cdef uint32_t n = <uint32_t>count
    BIO_clear_retry_flags(b)
    if io.err:
        return -1
    io.queued += n
    if io.pend == NULL and out_len + n > OUT_ROOM and io_flush(io) < 0:
        return -1
    if io.pend != NULL or n > OUT_ROOM:
        return count if keep(io, data, n) == 0 else -1
    memcpy(out_area + out_len, data, n)
    out_len += n
    return count


cdef long on_ctrl(BIO *b, int command, long number, void *p) noexcept nogil:
    if command == BIO_CTRL_EOF:
        return (<TlsIo *>BIO_get_data(b)).eof
    return 1 if command == BIO_CTRL_FLUSH or command == BIO_CTRL_DUP else 0


cdef BIO *io_bio(TlsIo *io) noexcept nogil:
    cdef BIO *b
    if method == NULL or out_area == NULL:
        return NULL
    b = BIO_new(method)
    if b != NULL:
        BIO_set_data(b, io)
        BIO_set_init(b, 1)
    return b


cdef void io_free(TlsIo *io) noexcept nogil:
    if io.rblock != NULL:
        block_give(io.rblock)
        io.rblock = NULL
    if io.pend != NULL:
        free(io.pend)
        io.pend = NULL


cdef int prepare() except -1:
    """Once per process, at import: the method table and the gathering area."""
    global method, out_area
    out_area = <char *>malloc(OUT_ROOM)
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, b"pyhaproxy socket")
    if out_area == NULL or method == NULL:
        raise MemoryError
    BIO_meth_set_write(method, on_write)
    BIO_meth_set_read(method, on_read)
    BIO_meth_set_ctrl(method, on_ctrl)
    return 0


prepare()
