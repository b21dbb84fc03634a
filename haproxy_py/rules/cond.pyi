from typing import Any

from haproxy_py.rules.matchers import Matcher
from haproxy_py.rules.rule import Cond
from haproxy_py.rules.sample import Expr

class AclExpr:
    expr: Expr
    matcher: Matcher
    def __init__(self, expr: Expr, matcher: Matcher) -> None: ...
    def resolve(self, world: Any) -> None: ...

class Acl:
    name: str
    lines: list[AclExpr]
    owner: Any
    rows: list[Any]
    def __init__(self, name: str) -> None: ...

class Term:
    acl: Acl
    negated: bool
    def __init__(self, acl: Acl, negated: bool) -> None: ...

class Tree(Cond):
    alternatives: list[list[Term]]
    unless: bool
    def __init__(self, alternatives: list[list[Term]], unless: bool) -> None: ...
