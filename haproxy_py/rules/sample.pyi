from typing import Any

TYPE_NAMES: dict[int, str]
TYPES: dict[str, int]

class Fetch:
    keyword: str
    def setup(self, args: list[Any]) -> None: ...
    def resolve(self, world: Any) -> None: ...

class Converter:
    keyword: str
    def setup(self, args: list[Any]) -> None: ...
    def resolve(self, world: Any) -> None: ...

class Expr:
    fetch: Fetch
    convs: list[Converter]
    wants: list[int]
    out_type: int
    text: str
    def __init__(self, fetch: Fetch, steps: list[tuple[Converter, int]], out_type: int, text: str) -> None: ...
    def resolve(self, world: Any) -> None: ...
