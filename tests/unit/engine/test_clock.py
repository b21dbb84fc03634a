"""The program's own clock: a fixed distance ahead of the monotonic one, the same in every worker."""

from __future__ import annotations

import os
import struct
import time

from haproxy_py.engine import clock

ROUNDING_S = 1e-5


def ahead() -> tuple[float, float]:
    """At least and at most so many seconds ahead of the monotonic clock."""
    before = time.monotonic()
    now = clock.now()
    after = time.monotonic()
    return now - after - ROUNDING_S, now - before + ROUNDING_S


def agree(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """The two may have seen the same distance."""
    return max(one[0], other[0]) <= min(one[1], other[1])


def test_it_goes_on_as_the_monotonic_clock() -> None:
    first = ahead()
    assert all(agree(first, ahead()) for _ in range(100))


def test_a_forked_worker_has_the_same() -> None:
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(write, struct.pack("dd", *ahead()))
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as told:
        low, high = struct.unpack("dd", told.read())
    os.waitpid(child, 0)
    assert agree(ahead(), (low, high))
