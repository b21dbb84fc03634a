"""Moving bytes: flush what waits, read more, frame it, flush again; by splice(2) when both sides are plain and much is left.

Back-pressure is not reading: a channel holds at most one buffer or one pipe, and while the destination does not take,
nothing is read from the source. The body area of a buffer lies behind the kept head (`base`), so the head stays readable
until the stream ends.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t, int64_t
from libc.string cimport memmove, memset
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.sys cimport iovec, ssize_t
from haproxy_py.engine.conn cimport Conn, IO_EOF, IO_AGAIN, IO_ERROR
from haproxy_py.engine.http1 cimport h1_body_init, h1_body_step, B_NONE, B_LENGTH, B_UNTIL_CLOSE, B_TUNNEL
from haproxy_py.engine.worker cimport Worker

cdef enum:
    SPLICE_MIN = 32768        # bytes left of a body from which on splicing pays
    GROW_MIN = 65536          # ... and from which on a TLS transfer takes a big buffer
    FULL_READS = 3            # tunnel: reads in a row that filled the buffer before splicing starts


cdef void chan_init(Chan *c) noexcept nogil:
    memset(c, 0, sizeof(Chan))
    h1_body_init(&c.body, B_NONE, 0)


cdef bint chan_take(Chan *c, Worker w) noexcept:
    c.buf = w.buffers.take()
    c.owned = c.buf != NULL
    c.size = w.buffers.size
    c.base = c.off = c.end = c.raw = 0
    return c.owned


cdef void chan_give(Chan *c, Worker w) noexcept:
    if c.small != NULL:
        w.big_buffers.give(c.buf)
        c.buf = c.small
        c.small = NULL
    if c.owned:
        w.buffers.give(c.buf)
        c.owned = False
    c.buf = NULL


cdef void grow(Chan *c, Worker w) noexcept:
    """Much is left and one side is TLS: records go through the kernel several at a time."""
    cdef char *big = w.big_buffers.take()
    if big == NULL:
        return
    c.small = c.buf
    c.buf = big
    c.size = w.big_buffers.size
    c.base = c.off = c.end = c.raw = 0


cdef void chan_release(Chan *c, Worker w) noexcept:
    chan_give(c, w)
    if c.head != NULL:
        w.buffers.give(c.head)
        c.head = NULL
    c.head_off = c.head_end = 0
    if c.pipe != NULL:
        w.pipes.give(c.pipe)
        c.pipe = NULL


cdef int64_t chan_frame(Chan *c) noexcept nogil:
    cdef uint32_t n = c.raw - c.end
    cdef uint32_t used = 0
    cdef int64_t keep
    cdef H1Body *b = &c.body
    if n == 0 or b.done:
        return c.end
    if b.mode == B_LENGTH:
        if n >= b.left:
            n = <uint32_t>b.left
            b.done = 1
        b.left -= n
        b.payload += n
        c.end += n
        return c.end
    if b.mode == B_TUNNEL or b.mode == B_UNTIL_CLOSE:
        b.payload += n
        c.end = c.raw
        return c.end
    keep = h1_body_step(b, c.buf + c.end, n, &used)
    if keep < 0:
        return X_BAD
    if keep < used:
        memmove(c.buf + c.end + keep, c.buf + c.end + used, n - used)
        c.raw -= used - <uint32_t>keep
    c.end += <uint32_t>keep
    return c.end


cdef int chan_flush(Chan *c, Conn dst) noexcept:
    cdef iovec iov[2]
    cdef int count
    cdef ssize_t n
    cdef uint32_t part
    # More of a body of known length is on its way: let the kernel fill its segments, as HAProxy does.
    cdef bint more = c.body.mode == B_LENGTH and c.body.left > 0 and not c.no_more
    while True:
        if c.head_off < c.head_end:
            count = 1
            iov[0].iov_base = c.head + c.head_off
            iov[0].iov_len = c.head_end - c.head_off
            if c.off < c.end:
                iov[1].iov_base = c.buf + c.off
                iov[1].iov_len = c.end - c.off
                count = 2
            if not dst.may_write:
                return X_DST if dst.error else 0
            n = dst.sendv(iov, count, more)
            if n < 0:
                return 0 if n == IO_AGAIN else X_DST
            c.sent += n
            part = c.head_end - c.head_off
            if n < part:
                c.head_off += <uint32_t>n
            else:
                c.head_off = c.head_end
                c.off += <uint32_t>(n - part)
        elif c.off < c.end:
            if not dst.may_write:
                return X_DST if dst.error else 0
            n = dst.send(c.buf + c.off, c.end - c.off, more)
            if n < 0:
                return 0 if n == IO_AGAIN else X_DST
            c.sent += n
            c.off += <uint32_t>n
        else:
            return 1


cdef inline bint splice_pays(Chan *c, Conn src, Conn dst, Worker w) noexcept:
    """Whether the rest should go through a pipe. Both sides plain, nothing of this message left in the buffer."""
    if not w.splice or src.tls is not None or dst.tls is not None or src.rdhup:
        return False
    if c.body.mode == B_LENGTH:
        return c.body.left >= SPLICE_MIN
    return (c.body.mode == B_TUNNEL or c.body.mode == B_UNTIL_CLOSE) and c.full_reads >= FULL_READS


cdef int splice_move(Chan *c, Conn src, Conn dst, Worker w, uint32_t budget) noexcept:
    """Through the pipe until one side blocks; 0: the pipe is empty and the buffer path goes on."""
    cdef ssize_t n
    cdef uint64_t want
    cdef uint32_t moved = 0
    cdef H1Body *b = &c.body
    while True:
        if c.pipe.filled:
            if not dst.may_write:
                return X_DST if dst.error else X_BLOCK
            n = sys.splice(c.pipe.rd, NULL, dst.fd, NULL, c.pipe.filled,
                           sys.SPLICE_F_MOVE | sys.SPLICE_F_NONBLOCK |
                           (sys.SPLICE_F_MORE if b.mode == B_LENGTH and b.left else 0))
            if n > 0:
                c.pipe.filled -= <uint32_t>n
                c.sent += n
                moved += <uint32_t>n
                if c.pipe.filled:
                    continue
            elif n < 0 and sys.errno == sys.EAGAIN:
                dst.may_write = False
                return X_BLOCK
            elif n < 0 and sys.errno == sys.EINTR:
                continue
            else:
                dst.fail_send(sys.errno if n < 0 else sys.EPIPE)
                return X_DST
        if b.done:
            return X_DONE
        if moved >= budget:
            return X_BUDGET
        if b.mode == B_LENGTH and b.left == 0:
            b.done = 1
            return X_DONE
        if src.eof:
            return 0
        if not src.may_read:
            return X_BLOCK
        want = c.pipe.capacity
        if b.mode == B_LENGTH and b.left < want:
            want = b.left
        n = sys.splice(src.fd, NULL, c.pipe.wr, NULL, want, sys.SPLICE_F_MOVE | sys.SPLICE_F_NONBLOCK)
        if n > 0:
            c.pipe.filled += <uint32_t>n
            c.received += n
            b.payload += n
            if b.mode == B_LENGTH:
                b.left -= n
                if b.left == 0:
                    b.done = 1
            continue
        if n == 0:
            src.eof = True
            src.may_read = False
            return 0
        if sys.errno == sys.EAGAIN:
            src.may_read = False
            return X_BLOCK
        if sys.errno == sys.EINVAL:          # this kind of socket cannot be spliced: copy from now on
            w.splice = False
            return 0
        if sys.errno != sys.EINTR:
            src.fail(sys.errno)
            return X_SRC


cdef int chan_move(Chan *c, Conn src, Conn dst, Worker w, uint32_t budget) noexcept:
    cdef int r
    cdef ssize_t n
    cdef uint32_t room, moved = 0
    while True:
        if c.off < c.end or c.head_off < c.head_end:
            r = chan_flush(c, dst)
            if r <= 0:
                return X_BLOCK if r == 0 else r
        if c.pipe != NULL:
            r = splice_move(c, src, dst, w, budget)
            if r != 0:
                if r == X_BLOCK and c.pipe.filled == 0 and c.body.mode != B_LENGTH:
                    w.pipes.give(c.pipe)      # a quiet tunnel holds no pipe
                    c.pipe = NULL
                    c.full_reads = 0
                return r
            w.pipes.give(c.pipe)
            c.pipe = NULL
            c.full_reads = 0
        if c.body.done:
            return X_DONE
        if moved >= budget:
            return X_BUDGET
        if src.eof:
            return end_of_source(c)
        if not src.has_pending():
            return X_BLOCK
        if c.end != c.base:                   # all sent: start again behind the kept head
            c.wrapped = True
            if c.raw > c.end:                 # the beginning of a line that could not be judged yet
                memmove(c.buf + c.base, c.buf + c.end, c.raw - c.end)
            c.raw = c.base + (c.raw - c.end)
            c.off = c.end = c.base
            if (c.body.left >= GROW_MIN and c.body.mode == B_LENGTH and c.raw == c.base and c.owned and c.small == NULL
                    and (src.tls is not None or dst.tls is not None)):
                grow(c, w)
        if c.raw == c.end and splice_pays(c, src, dst, w):
            c.pipe = w.pipes.take()
            c.wrapped = True
            if c.pipe != NULL:
                continue
        if c.buf == NULL:
            if not chan_take(c, w):
                return X_NOMEM
        room = c.size - c.raw
        n = src.recv(c.buf + c.raw, room)
        if n > 0:
            c.full_reads = <uint8_t>(c.full_reads + (c.full_reads < 100)) if n == room else 0
            c.raw += <uint32_t>n
            c.received += n
            moved += <uint32_t>n
            if chan_frame(c) < 0:
                return X_BAD
        elif n == IO_EOF:
            return end_of_source(c)
        elif n == IO_AGAIN:
            return X_BLOCK
        else:
            return X_SRC


cdef inline int end_of_source(Chan *c) noexcept nogil:
    """The source has ended: that ends a close-delimited message and cuts any other short."""
    if c.body.done:
        return X_DONE
    if c.body.mode == B_UNTIL_CLOSE:
        c.body.done = 1
        return X_DONE
    return X_EOF
