"""Types of balancers.keys for Python; the C side is in keys.pxd."""

from typing import Any

class KeySource:
    function: int
    scattered: bool
    def key_of(self, txn: Any) -> bytes | None: ...

class SourceKey(KeySource): ...

class UriKey(KeySource):
    def __init__(self, *, whole: bool = False, path_only: bool = False, length: int = 0, depth: int = 0) -> None: ...

class ParamKey(KeySource):
    def __init__(self, name: bytes) -> None: ...

class HeaderKey(KeySource):
    def __init__(self, name: bytes, *, domain: bool = False) -> None: ...
