"""Types of resolvers.wire for Python."""

READ: int
BROKEN: int
OTHER_NAME: int

def read(
    data: bytes, name: bytes, services: bool
) -> tuple[int, list[tuple[int, str, int, int]], list[tuple[str, tuple[int, str, int, int]]]]: ...
