"""Types of backends.follow for Python."""

from collections.abc import Callable

from backends.backend import Backend
from haproxy_py.engine.shm import Segment

class Follower:
    backends: list[Backend]
    heard: Callable[[], None] | None
    def __init__(self, segment: Segment, backends: list[Backend]) -> None: ...
    def follow(self) -> int: ...
