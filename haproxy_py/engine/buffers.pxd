"""Pooled buffers and pipes. A buffer is a plain block of `size` bytes; who took it gives it back."""

from libc.stdint cimport uint32_t, uint64_t

cdef struct Pipe:
    int rd
    int wr
    uint32_t capacity
    uint32_t filled
    Pipe *next

cdef class BufferPool:
    cdef readonly uint32_t size           # tune.bufsize
    cdef uint32_t keep                    # free ones that stay here
    cdef readonly uint64_t in_use
    cdef readonly uint64_t pooled
    cdef void *free
    cdef char *take(self) noexcept        # NULL: out of memory
    cdef void give(self, char *buf) noexcept

cdef class PipePool:
    cdef readonly uint64_t in_use
    cdef readonly uint64_t pooled
    cdef uint32_t wanted
    cdef Pipe *free
    cdef Pipe *take(self) noexcept        # NULL: no descriptors left; the caller copies instead
    cdef void give(self, Pipe *p) noexcept   # closed, not pooled, if anything is left in it
