"""Types of backends.follow for Python."""

from collections.abc import Callable

from backends.backend import Backend
from haproxy_py.engine.shm import Segment, ServerSlot

class Follower:
    backends: list[Backend]
    heard: Callable[[], None] | None
    warming: set[ServerSlot]
    hurried: set[ServerSlot]
    def __init__(self, segment: Segment, backends: list[Backend]) -> None: ...
    def look_again(self) -> None: ...
    def follow(self) -> int: ...
