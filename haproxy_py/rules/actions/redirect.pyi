from haproxy_py.rules.rule import Action
from haproxy_py.rules.scope import Scope

def parse_redirect(words: list[str], i: int, scope: Scope, rules: str, literal: bool = ...) -> tuple[Action, int]: ...
