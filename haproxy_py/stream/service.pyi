"""Types of stream.service for Python; the C side is in service.pxd."""

from collections.abc import Iterator
from typing import Any

from haproxy_py.rules.rule import RuleSet

class Request:
    method: bytes
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    frontend: str
    txn: Any
    whole: bool
    def __init__(
        self,
        method: bytes,
        target: bytes,
        headers: list[tuple[bytes, bytes]],
        body: bytes,
        frontend: str,
        txn: object,
        whole: bool = True,
    ) -> None: ...
    def header(self, name: bytes) -> bytes: ...

class Answer:
    status: int
    fields: list[tuple[bytes, bytes]]
    body: bytes | Iterator[bytes]
    closes: bool
    reason: bytes | None
    def __init__(
        self,
        status: int,
        fields: list[tuple[bytes, bytes]],
        body: bytes | Iterator[bytes] = b"",
        closes: bool = False,
        reason: bytes | None = None,
    ) -> None: ...

class Service:
    name: bytes
    prefix: bytes | None
    rules: RuleSet | None
    response_rules: bool
    def respond(self, request: Request) -> Answer: ...

def holds(rules: RuleSet, txn: Any) -> bool: ...
def dechunked(body: bytes) -> bytes: ...
