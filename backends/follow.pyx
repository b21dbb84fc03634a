"""What this process must do when the life of a server has changed, wherever that was decided.

Shared memory says what is so (ServerShared); each worker holds streams, queues and idle connections of its own. A change
moves GlobalShared.life and its backend's generation; a worker that hears of it walks the servers of such backends: streams
are ended (ServerShared.ended), who waits for a server that is down chooses again, idle connections to a
server in maintenance or to an old address are closed, and whoever waits is served.
"""

from libc.stdint cimport uint8_t, uint32_t
cimport haproxy_py.engine.sys as sys
from haproxy_py.engine.shm cimport ADM_MAINT, SRV_STARTING, Segment
from backends.backend cimport Backend
from backends.server cimport Server, ServerUser


cdef class Follower:
    """Args: segment; backends: Backend objects of this process (the list itself: backends added later are followed too)."""

    def __init__(self, Segment segment not None, list backends not None):
        self.segment = segment
        self.backends = backends
        self.warming = set()
        self.hurried = set()
        self.seen = sys.ha_load32(&segment.shared.life)

    cdef int look(self) noexcept:
        cdef uint32_t life = sys.ha_load32(&self.segment.shared.life)
        cdef Backend b
        cdef int moved = 0
        if life == self.seen:
            return 0
        self.seen = life
        for b in self.backends:
            if b.followed != b.slot.shared.generation:
                b.followed = b.slot.shared.generation
                moved += self.look_at(b)
        if self.heard is not None and (self.warming or self.hurried):
            try:
                self.heard()
            except Exception:
                pass                        # who listens must not keep a worker from following
        return moved

    cdef int look_at(self, Backend b) noexcept:
        cdef Server s
        cdef int moved = 0
        for s in b.servers:
            self.look_at_server(s)
            if s.slot.shared.qcur:
                moved += b.requeue(s)
        return moved + b.wake_queues()

    cdef void look_at_server(self, Server s) noexcept:
        cdef ServerUser u
        if s.ended != s.slot.shared.ended:
            s.ended = s.slot.shared.ended
            for u in list(s.streams):
                u.server_ended(<uint8_t>s.slot.shared.end_cause)
        if s.slot.shared.state == SRV_STARTING:
            self.warming.add(s.slot)
        if s.hurry != s.slot.shared.hurry:
            s.hurry = s.slot.shared.hurry
            self.hurried.add(s.slot)
        if s.slot.shared.admin & ADM_MAINT or s.pool_generation != s.slot.shared.generation:
            s.pool_generation = s.slot.shared.generation
            s.close_idle()

    def look_again(self) -> None:
        """Forget what was seen: the next look() walks every server."""
        cdef Backend b
        for b in self.backends:
            b.followed = b.slot.shared.generation - 1
        self.seen = self.segment.shared.life - 1

    def follow(self) -> int:
        """look() for Python: streams of this process that were moved to another queue."""
        return self.look()
