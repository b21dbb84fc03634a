"""Sessions by id in shared memory (see tls_cache.pyx)."""

class SessionCache:
    lookups: int
    misses: int
    def __init__(self, slots: int) -> None: ...
