from haproxy_py.rules.rule import LogFormat
from haproxy_py.rules.sample import Expr

class LogNode:
    name: str
    flags: int
    vanishes: bool

class TextNode(LogNode):
    text: bytes
    def __init__(self, text: bytes) -> None: ...

class ExprNode(LogNode):
    expr: Expr
    def __init__(self, expr: Expr, flags: int) -> None: ...

class Format(LogFormat):
    wants_uri: bool
    nodes: list[LogNode]
    def __init__(self, text: str, nodes: list[LogNode], wants_uri: bool = ...) -> None: ...
    @property
    def fixed(self) -> bytes | None: ...

class UniqueId:
    format: LogFormat
    header: bytes | None
    def __init__(self, format: LogFormat, header: bytes | None = ...) -> None: ...
