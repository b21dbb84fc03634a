"""What a supervisor waits for: its signals, a deadline, and descriptors of those who talk to it. No event loop: poll(2).

The signals stay blocked in the process and are read from a descriptor, so none can be lost, not even over an exec.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterable

from haproxy_py.process import kernel

READ, WRITE = select.POLLIN, select.POLLOUT
Handler = Callable[[int], None]  # called with poll's events


class Desk:
    """Args: signals: blocked ones that next() tells."""

    def __init__(self, signals: Iterable[int]) -> None:
        self._signals = kernel.signal_descriptor(signals)
        self._handlers: dict[int, tuple[int, Handler]] = {}

    def watch(self, fd: int, events: int, handler: Handler) -> None:
        """Call handler when `fd` has one of `events`; a second call changes what is waited for."""
        self._handlers[fd] = events, handler

    def forget(self, fd: int) -> None:
        """Wait for it no more."""
        self._handlers.pop(fd, None)

    def next(self, deadline: float | None) -> int:
        """The next signal, serving descriptors meanwhile; 0 when `deadline` (monotonic seconds) has come or a descriptor
        was served."""
        found = kernel.take_signal(self._signals)
        if found:
            return found
        poll = select.poll()
        poll.register(self._signals, READ)
        for fd, (events, _) in self._handlers.items():
            poll.register(fd, events)
        wait = None if deadline is None else max(0.0, (deadline - time.monotonic()) * 1000)
        for fd, events in poll.poll(wait):
            known = self._handlers.get(fd)
            if known is not None:
                known[1](events)
        return kernel.take_signal(self._signals)

    def close(self) -> None:
        """In a forked child: it has its own."""
        os.close(self._signals)
        self._handlers.clear()
