"""Work that must not hold up traffic: a piece at once in each turn of the reactor, the rest between its rounds of events."""

import traceback
from collections import deque

from libc.stdint cimport uint64_t
from haproxy_py.engine.reactor cimport Reactor, Source


cdef class Bites(Source):
    """Life: made, attach()ed to the reactor of the worker that checks, detach()ed; do() in between."""

    cdef object left
    cdef uint64_t turn

    def __cinit__(self):
        self.left = deque()

    def __len__(self):
        """The pieces that wait."""
        return len(self.left)

    def attach(self, Reactor reactor not None) -> None:
        """Whose rounds they are."""
        self.reactor = reactor

    def detach(self) -> None:
        """Forget what is left."""
        self.left.clear()
        if self.reactor is not None:
            self.reactor.forget(self)
            self.reactor = None

    def do(self, work) -> None:
        """Do it now, if it is the first of this turn; else soon, in order. Without a reactor: now."""
        if self.reactor is None or (not self.left and self.turn != self.reactor.turns):
            if self.reactor is not None:
                self.turn = self.reactor.turns
            work()
            return
        self.left.append(work)
        if len(self.left) == 1:
            self.reactor.soon(self)

    cdef void on_deadline(self) noexcept:
        try:
            if self.left:
                self.left.popleft()()
        except Exception as wrong:              # one piece's fault is not the next one's
            traceback.print_exception(wrong)
        if self.left and self.reactor is not None:
            self.reactor.soon(self)
