"""Ring buffers (manual 3.9): the latest messages, in memory that every worker shares; made before the fork.

A message is four bytes of length and its text; when room is wanted the oldest ones go. A reader that comes too late misses
messages, which are counted: nothing ever waits for a reader. A worker that is killed while it writes leaves the ring as it
was before (tail moves last), and its lock is taken over.
"""

import mmap
import os

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE, PyBytes_FromStringAndSize
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.shm cimport spin_lock, spin_unlock


cdef class Ring:
    """Args: size, maxlen: bytes; a longer message is cut. format: number of sender.pxd. file: descriptor to map, -1: none.
    room: bytes to allocate if more than size: what a forwarder in another process may still have to send."""

    def __init__(self, str name, uint32_t size, uint32_t maxlen, int format, str description="", int file=-1, uint32_t room=0):
        cdef unsigned char[:] view
        self.name = name
        self.size = size
        self.room = max(size, room)
        self.maxlen = min(maxlen, size - 4)
        self.format = format
        self.description = description or name
        self.servers = []
        if file >= 0:
            os.ftruncate(file, sizeof(RingHead) + self.room)
        self.area = mmap.mmap(file, sizeof(RingHead) + self.room)
        view = self.area
        self.state = <RingHead *>&view[0]
        self.bytes = <char *>&view[sizeof(RingHead)]
        self.eventfd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def __dealloc__(self):
        if self.eventfd > 0:
            sys.close(self.eventfd)

    cdef void put(self, uint64_t at, const char *p, uint32_t n) noexcept:
        cdef uint32_t i = <uint32_t>(at % self.room)
        cdef uint32_t first = self.room - i if n > self.room - i else n
        memcpy(self.bytes + i, p, first)
        memcpy(self.bytes, p + first, n - first)

    cdef void get(self, uint64_t at, char *p, uint32_t n) noexcept:
        cdef uint32_t i = <uint32_t>(at % self.room)
        cdef uint32_t first = self.room - i if n > self.room - i else n
        memcpy(p, self.bytes + i, first)
        memcpy(p + first, self.bytes, n - first)

    cdef void append(self, const char *text, uint32_t n) noexcept:
        """Add a message; its line ends are the reader's business."""
        cdef RingHead *r = self.state
        cdef int i
        cdef uint32_t old = 0
        cdef uint64_t one = 1
        if n > self.maxlen:
            n = self.maxlen
        spin_lock(&r.lock)
        while r.tail + 4 + n - r.head > self.room:
            self.get(r.head, <char *>&old, 4)
            for i in range(<int>r.readers):
                if r.sent[i] <= r.head:
                    r.lost += 1
                    break
            r.head += 4 + old
        self.put(r.tail, <const char *>&n, 4)
        self.put(r.tail + 4, text, n)
        r.tail += 4 + n
        spin_unlock(&r.lock)
        if r.asleep and sys.ha_cas32(&r.asleep, 1, 0):
            sys.write(self.eventfd, <const char *>&one, 8)

    # the door for Python

    def write(self, bytes text) -> None:
        """Add a message."""
        self.append(PyBytes_AS_STRING(text), <uint32_t>PyBytes_GET_SIZE(text))

    def read(self, uint64_t position, uint32_t most=65536) -> tuple:
        """Messages from `position` on (0: the oldest), about `most` bytes of them; (messages, position behind them)."""
        cdef RingHead *r = self.state
        cdef uint32_t n = 0, done = 0
        cdef list found = []
        cdef bytes text
        spin_lock(&r.lock)
        if position < r.head or position > r.tail:
            position = r.head
        while position < r.tail and done < most:
            self.get(position, <char *>&n, 4)
            text = PyBytes_FromStringAndSize(NULL, n)
            self.get(position + 4, PyBytes_AS_STRING(text), n)
            found.append(text)
            position += 4 + n
            done += 4 + n
        spin_unlock(&r.lock)
        return found, position

    def oldest(self) -> int:
        """Position of the oldest message that the stated size has room for."""
        cdef RingHead *r = self.state
        cdef uint64_t position
        cdef uint32_t n = 0
        spin_lock(&r.lock)
        position = r.head
        while r.tail - position > self.size:
            self.get(position, <char *>&n, 4)
            position += 4 + n
        spin_unlock(&r.lock)
        return position

    def sleep(self, int reader) -> bool:
        """Ask for the eventfd at the next message. False: there are messages already."""
        cdef RingHead *r = self.state
        sys.ha_cas32(&r.asleep, 0, 1)
        return r.sent[reader] >= r.tail

    def place(self, int reader) -> int:
        """Where forwarder `reader` goes on."""
        return self.state.sent[reader]

    def serve(self, servers: list) -> None:
        """Say who is to get the messages: at most RING_READERS of ring_keywords.RingServer. Before the fork."""
        self.servers = servers
        self.state.readers = len(servers)

    def reached(self, int reader, uint64_t position) -> None:
        """Forwarder `reader` has sent everything before `position`."""
        self.state.sent[reader] = position

    @property
    def end(self) -> int:
        return self.state.tail

    @property
    def lost(self) -> int:
        return self.state.lost
