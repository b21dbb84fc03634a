"""Ring buffers of messages that all workers share (see ring.pyx)."""

from libc.stdint cimport uint32_t, uint64_t

cdef enum:
    RING_READERS = 8

cdef struct RingHead:
    uint32_t lock
    uint32_t asleep                # a forwarder waits for the eventfd
    uint64_t head                  # positions count bytes from the beginning of time: the oldest message,
    uint64_t tail                  # behind the newest one
    uint64_t lost                  # messages that went before every forwarder had sent them
    uint64_t readers               # forwarders
    uint64_t sent[RING_READERS]    # where the forwarders are; 0: none yet

cdef class Ring:
    cdef readonly str name
    cdef public str description
    cdef public int format         # of sender.pxd, LogFormatName
    cdef readonly uint32_t maxlen
    cdef readonly uint32_t size      # bytes of messages that it says to hold
    cdef uint32_t room               # and those that it holds until they are sent
    cdef readonly int eventfd
    cdef readonly list servers       # ring_keywords.RingServer
    cdef object area
    cdef RingHead *state
    cdef char *bytes
    cdef void append(self, const char *text, uint32_t n) noexcept
    cdef void put(self, uint64_t at, const char *p, uint32_t n) noexcept
    cdef void get(self, uint64_t at, char *p, uint32_t n) noexcept
