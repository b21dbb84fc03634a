from haproxy_py.rules.rule import Action
from haproxy_py.rules.sample import Expr

class CaptureField(Action):
    def __init__(self, name: str, index: int, response: bool) -> None: ...

class CaptureExpr(Action):
    index: int
    response: bool
    named: bool
    content: bool
    def __init__(self, expr: Expr, index: int, response: bool, named: bool, content: bool = ...) -> None: ...

class CaptureCookie(Action):
    length: int
    def __init__(self, begin: str, length: int, response: bool) -> None: ...
