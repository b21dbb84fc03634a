"""Types of engine.buffers for Python; the C side is in buffers.pxd."""

class BufferPool:
    size: int
    in_use: int
    pooled: int
    def __init__(self, size: int = 16384, keep: int = 1024) -> None: ...

class PipePool:
    in_use: int
    pooled: int
    def __init__(self, wanted: int = 262144) -> None: ...
