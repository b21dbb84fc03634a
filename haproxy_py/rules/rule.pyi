from typing import Any

class Cond: ...

class Action:
    keyword: str
    def resolve(self, world: Any) -> None: ...

class Rule:
    where: Any
    action: Action
    def __init__(self, action: Action, cond: Cond | None, where: Any) -> None: ...
    @property
    def keyword(self) -> str: ...
    @property
    def unconditional(self) -> bool: ...

class RuleSet:
    rules: list[Rule]
    def __init__(self, rules: list[Rule]) -> None: ...
    def __len__(self) -> int: ...

class LogFormat:
    nodes: list[Any]
    text: str

class Switch:
    name: str | None
    where: Any
    def __init__(self, name: str | None, format: LogFormat | None, cond: Cond | None, where: Any) -> None: ...

class UseBackend:
    rules: list[Switch]
    def __init__(self, rules: list[Switch]) -> None: ...
