"""Types of backends.hash_key for Python."""

from balancers.keys import KeySource
from haproxy_py.rules.sample import Expr

class ExprKey(KeySource):
    def __init__(self, expr: Expr, *, filled: bool = False) -> None: ...
