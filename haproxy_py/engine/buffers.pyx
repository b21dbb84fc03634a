"""Pools of fixed-size buffers and of pipes. An idle connection holds neither; what is given back is kept for the next
taker up to a limit and returned to the system beyond it, so that a burst does not mark the process for ever.
"""

from libc.stdlib cimport malloc, free
from libc.stdint cimport uint32_t, uint64_t
cimport haproxy_py.engine.sys as sys

cdef enum:
    KEEP_BUFFERS = 1024       # 16 MiB of 16 KiB buffers at most
    KEEP_PIPES = 64


cdef class BufferPool:
    """Blocks of `size` bytes, at most `keep` of them kept; the free list runs through the blocks themselves."""

    def __cinit__(self, uint32_t size=16384, uint32_t keep=KEEP_BUFFERS):
        if size < 1024:
            raise ValueError("a buffer has at least 1024 bytes")
        self.size = size
        self.keep = keep

    def __dealloc__(self):
        cdef void *block
        while self.free != NULL:
            block = self.free
            self.free = (<void **>block)[0]
            free(block)

    cdef char *take(self) noexcept:
        cdef void *block = self.free
        if block != NULL:
            self.free = (<void **>block)[0]
            self.pooled -= 1
        else:
            block = malloc(self.size)
            if block == NULL:
                return NULL
        self.in_use += 1
        return <char *>block

    cdef void give(self, char *buf) noexcept:
        if buf == NULL:
            return
        self.in_use -= 1
        if self.pooled >= self.keep:
            free(buf)
            return
        (<void **>buf)[0] = self.free
        self.free = buf
        self.pooled += 1


cdef class PipePool:
    """Pipes for splice(2), `wanted` bytes each where the kernel allows it."""

    def __cinit__(self, uint32_t wanted=262144):
        self.wanted = wanted

    def __dealloc__(self):
        cdef Pipe *p
        while self.free != NULL:
            p = self.free
            self.free = p.next
            destroy(p)

    cdef Pipe *take(self) noexcept:
        cdef Pipe *p = self.free
        cdef int fds[2]
        cdef int got
        if p != NULL:
            self.free = p.next
            self.pooled -= 1
        else:
            p = <Pipe *>malloc(sizeof(Pipe))
            if p == NULL:
                return NULL
            if sys.pipe2(fds, sys.O_NONBLOCK | sys.O_CLOEXEC) < 0:
                free(p)
                return NULL
            p.rd = fds[0]
            p.wr = fds[1]
            got = sys.fcntl(fds[0], sys.F_SETPIPE_SZ, self.wanted)
            p.capacity = <uint32_t>got if got > 0 else 65536
            p.filled = 0
        p.next = NULL
        self.in_use += 1
        return p

    cdef void give(self, Pipe *p) noexcept:
        if p == NULL:
            return
        self.in_use -= 1
        if p.filled or self.pooled >= KEEP_PIPES:
            destroy(p)
            return
        p.next = self.free
        self.free = p
        self.pooled += 1


cdef void destroy(Pipe *p) noexcept:
    sys.close(p.rd)
    sys.close(p.wr)
    free(p)
