from haproxy_py.rules.rule import Action
from haproxy_py.rules.sample import Expr

class Capture(Action):
    def __init__(
        self, slots: list[str], length: int, response: bool, name: str | None = ..., expr: Expr | None = ...
    ) -> None: ...

class CaptureCookie(Action):
    def __init__(self, begin: str, length: int, response: bool) -> None: ...
