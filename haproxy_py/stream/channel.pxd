"""One direction of a stream: bytes from one connection to the other through one buffer or a pipe, framed by an H1Body."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t, int64_t
from haproxy_py.engine.buffers cimport Pipe
from haproxy_py.engine.conn cimport Conn
from haproxy_py.engine.http1 cimport H1Body
from haproxy_py.engine.worker cimport Worker

cdef enum Moved:
    X_DONE = 1           # the message has ended and every byte of it is with the other side
    X_BLOCK = 2          # waiting: for `src` to send or for `dst` to take
    X_EOF = 3            # the source ended before the message did
    X_BUDGET = 4         # did enough for now: call again in the next round
    X_BAD = -1           # framing fault in what the source sent
    X_SRC = -2           # hard error on the source
    X_DST = -3           # hard error on the destination
    X_NOMEM = -4

cdef struct Chan:
    char *buf            # receive buffer, or the bytes of a reply of our own
    char *small          # the buffer with the kept head, while a big one is in use
    bint owned           # buf is the channel's and goes back to the pool with it
    uint32_t size        # usable bytes of buf
    uint32_t base        # where the body area starts: a kept head lies before it
    uint32_t off         # first byte not yet sent
    uint32_t end         # end of the bytes that may be sent
    uint32_t raw         # end of the bytes received (what is behind `end` belongs to the next message)
    char *head           # a rewritten head, sent before anything of buf; a buffer of the pool
    uint32_t head_off
    uint32_t head_end
    H1Body body
    Pipe *pipe
    uint64_t sent        # bytes the destination took
    uint64_t received    # bytes the source gave
    uint8_t full_reads   # reads in a row that filled the buffer: the sign that splicing pays
    bint wrapped         # sent bytes were overwritten: the message cannot be sent again from the start
    bint no_more         # option http-no-delay: never let the kernel wait for the rest of a message

cdef void chan_init(Chan *c) noexcept nogil
cdef bint chan_take(Chan *c, Worker w) noexcept                         # a buffer of its own; False: out of memory
cdef void chan_give(Chan *c, Worker w) noexcept                         # give back the buffers it owns
cdef void chan_release(Chan *c, Worker w) noexcept                      # buffers, rewritten head and pipe
cdef int64_t chan_frame(Chan *c) noexcept nogil                         # frame bytes [end, raw): new end; X_BAD on a fault
cdef int chan_flush(Chan *c, Conn dst) noexcept                         # 1 all sent, 0 blocked, X_DST
cdef int chan_move(Chan *c, Conn src, Conn dst, Worker w, uint32_t budget) noexcept    # Moved
cdef inline bint chan_pending(Chan *c) noexcept nogil:
    """Bytes wait for the destination."""
    return c.off < c.end or c.head_off < c.head_end or (c.pipe != NULL and c.pipe.filled > 0)
