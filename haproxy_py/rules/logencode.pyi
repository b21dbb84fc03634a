"""Types of rules.logencode for Python."""

from haproxy_py.rules.logformat import Format, LogNode

JSON: int
CBOR: int
CBOR_BIN: int

class EncodedFormat(Format):
    def __init__(self, text: str, nodes: list[LogNode], names: list[tuple[str, str]], encoding: int, wants_uri: bool = ...) -> None: ...
