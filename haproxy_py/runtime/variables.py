"""Process-wide variables on the runtime socket: get var, set var (management manual 9.3).

The value is computed once, by the worker that serves the socket, and stored in all of them.
"""

from __future__ import annotations

import socket
from typing import Any

from haproxy_py.rules import process_vars
from haproxy_py.rules.expr import ExprError, parse_expr
from haproxy_py.rules.logparse import FormatError, parse_format
from haproxy_py.rules.scope import Scope
from haproxy_py.runtime.call import Call
from haproxy_py.runtime.operations import operation
from haproxy_py.runtime.registry import Answer, Level, command

NO_NAME = "Missing process-wide variable identifier.\n"
NO_EXPRESSION = "'set var': parsing failed, needs an expression or format argument.\n"


@operation("set variable", change=True)
def put(instance: Any, name: str, kind: str, number: int, text: str) -> None:
    """text: each byte as a character."""
    process_vars.put(name, kind, number, text.encode("latin-1"))


def shown(kind: str, number: int, text: bytes) -> str:
    """`type=sint value=<3>`."""
    if kind in ("bool", "sint"):
        value = str(number)
    elif kind in ("ipv4", "ipv6"):
        value = socket.inet_ntop(socket.AF_INET if kind == "ipv4" else socket.AF_INET6, text)
    else:
        value = text.hex().upper() if kind == "bin" else text.decode("utf-8", "surrogateescape")
    return f"type={kind} value=<{value}>"


@command("get var", "get var <name>", "retrieve contents of a process-wide variable", level=Level.OPERATOR)
def get_var(call: Call) -> str:
    """`get var proc.NAME`."""
    if not call.arg(0):
        raise Answer(NO_NAME)
    found = process_vars.look(call.arg(0))
    if found is None:
        raise Answer("Variable not found.\n")
    return f"{call.arg(0)}: {shown(*found)}\n"


@command(
    "set var", "set var <name> [fmt|expr] {<fmt>|<expr>}", "set variable from an expression or a format",
    level=Level.OPERATOR, experimental=True,
)  # fmt: skip
async def set_var(call: Call) -> None:
    """`set var proc.NAME [expr] EXPRESSION` or `set var proc.NAME fmt FORMAT`."""
    name, words = call.arg(0), call.args[1:]
    if not name:
        raise Answer(NO_NAME)
    kind = words.pop(0) if words[:1] in (["fmt"], ["expr"]) else "expr"
    try:
        process_vars.check_name(name)
        value = _computed(call, kind, words)
    except (ExprError, FormatError) as wrong:
        raise Answer(f"{str(wrong).partition(', did you mean')[0]}\n") from None
    except ValueError as wrong:
        raise Answer(f"'set var': {wrong}\n") from None
    await call.service.everywhere("set variable", name, value[0], value[1], value[2].decode("latin-1"))


def _computed(call: Call, kind: str, words: list[str]) -> tuple[str, int, bytes]:
    """Raises: ExprError, FormatError, Answer."""
    if not words:
        raise Answer(NO_EXPRESSION)
    scope = Scope(config=call.instance.config)
    if kind == "fmt":
        return "str", 0, process_vars.rendered(parse_format(" ".join(words), scope, http=True))
    expr, _, _ = parse_expr(words, 0, scope)
    found = process_vars.evaluate(expr)
    if found is None:
        raise Answer("'set var': the expression has no value.\n")
    return found
