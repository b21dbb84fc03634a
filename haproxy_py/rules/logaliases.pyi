from haproxy_py.rules.logformat import LogNode

class NumberNode(LogNode): ...
class PortNode(LogNode): ...

ALIASES: dict[str, tuple[type[LogNode], int]]
HTTP_ONLY: frozenset[str]
FLAG_LETTERS: dict[str, int]
MANDATORY: int
IN_HTTP: int

def alias(name: str, flags: int) -> LogNode: ...
