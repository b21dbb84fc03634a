"""From the text of a log format to nodes (manual 8.2.6). Complaints are HAProxy's."""

from __future__ import annotations

from haproxy_py.rules import hints
from haproxy_py.rules.acl import misplaced
from haproxy_py.rules.expr import ExprError, parse_expr
from haproxy_py.rules.logaliases import ALIASES, FLAG_LETTERS, IN_HTTP, MANDATORY, alias
from haproxy_py.rules.logformat import ExprNode, Format, LogNode, TextNode
from haproxy_py.rules.registry import NEEDS
from haproxy_py.rules.scope import Scope

_URI = frozenset({"r", "HM", "HP", "HPO", "HQ", "HU", "HV"})


class FormatError(ValueError):
    """A format that cannot be compiled; str() is HAProxy's complaint without place."""


def expression_end(text: str, start: int) -> int:
    """Index of the `]` that ends the expression at text[start:]; quotes and arguments protect theirs. -1: none."""
    depth, quote, i = 0, "", start
    while i < len(text):
        c = text[i]
        if c == "\\" and quote != "'":
            i += 1
        elif quote:
            quote = "" if c == quote else quote
        elif depth and c in "'\"":
            quote = c
        elif c == "(":
            depth += 1
        elif c == ")":
            depth = max(0, depth - 1)
        elif c == "]" and not depth:
            return i
        i += 1
    return -1


class _Parser:
    """One pass over a format."""

    def __init__(self, text: str, scope: Scope, base: int) -> None:
        self.text = text
        self.scope = scope
        self.flags = base
        self.nodes: list[LogNode] = []
        self.plain: list[str] = []
        self.spaces = not base & IN_HTTP  # log formats merge them

    def flush(self) -> None:
        """Turn the plain text so far into a node."""
        if self.plain:
            self.nodes.append(TextNode("".join(self.plain).encode("utf-8", "surrogateescape")))
            self.plain = []

    def node(self, made: LogNode) -> None:
        self.flush()
        self.nodes.append(made)

    def char(self, c: str) -> None:
        """A character of plain text."""
        if self.spaces and c == " " and ((self.plain and self.plain[-1] == " ") or (not self.plain and not self.nodes)):
            return
        self.plain.append(c)

    def run(self) -> list[LogNode]:
        i = 0
        while i < len(self.text):
            if self.text[i] != "%":
                self.char(self.text[i])
                i += 1
            else:
                i = self.variable(i + 1)
        self.flush()
        return self.nodes

    def variable(self, i: int) -> int:
        """What stands behind a %; returns the index behind it."""
        text, flags = self.text, self.flags
        if i >= len(text):
            raise FormatError("truncated line after '%'")
        if text[i] == "%":
            self.char("%")
            return i + 1
        if text[i] == "{":
            end = text.find("}", i)
            if end < 0 or end + 1 >= len(text):
                raise FormatError(f"truncated line after '{text[i + 1:]}'")
            flags = self.arguments(text[i + 1 : end], flags)
            i = end + 1
        if text[i] == "(":
            raise FormatError("names and types of variables ('%(name:type)') are known to HAProxy, not supported yet")
        if text[i] == "[":
            return self.expression(i + 1, flags)
        return self.named(i, flags)

    def arguments(self, words: str, flags: int) -> int:
        """Apply +Q,-X ... to flags; letters that mean nothing are passed over, as HAProxy does."""
        for word in words.split(","):
            bit = FLAG_LETTERS.get(word[1:], 0)
            if word[:1] == "+":
                flags |= bit
            elif word[:1] == "-":
                flags &= ~bit
        return flags

    def expression(self, i: int, flags: int) -> int:
        """%[...]"""
        end = expression_end(self.text, i)
        shown = self.text[i:]
        if not shown.strip():
            raise FormatError("failed to parse sample expression <> : missing fetch method")
        if end < 0:
            raise FormatError(f"missing ']' after '{shown}'")
        if self.text[:end].endswith(","):
            raise FormatError(f"failed to parse sample expression <{shown}> : unknown converter ''")
        used = len(self.scope.used)
        try:
            expr, _, _ = parse_expr([self.text[i:end].strip(" ")], 0, self.scope)
        except ExprError as error:
            raise FormatError(f"failed to parse sample expression <{shown}> : {error}") from None
        wrong = misplaced(self.scope.used[used:], self.scope.place) if self.scope.place else None
        if wrong:
            raise FormatError(
                f"sample fetch <{wrong.name}> may not be reliably used here because it needs "
                f"'{NEEDS[wrong.needs][1]}' which is not available here"
            )
        self.node(ExprNode(expr, flags))
        return end + 1

    def named(self, i: int, flags: int) -> int:
        """%name"""
        end = i
        while end < len(self.text) and self.text[end].isascii() and self.text[end].isalnum():
            end += 1
        name = self.text[i:end]
        if name == "o":
            self.flags = flags
        elif name in ALIASES:
            self.node(alias(name, flags))
        else:
            complaint = (
                f"no such format variable '{name or self.text[i]}'. If you wanted to emit the '%' character verbatim, "
                "you need to use '%%'"
            )
            raise FormatError(hints.unknown("log-format alias", name, (), complaint))
        return end


def parse_format(text: str, scope: Scope, *, http: bool = False, raw: bool = False) -> Format:
    """Compile a format. http: for fields and locations (controls encoded, nothing quoted); raw: bytes as they are (health
    checks); else for logs ("-" for empty).

    Raises: FormatError.
    """
    parser = _Parser(text, scope, 0 if raw else IN_HTTP if http else MANDATORY)
    parser.spaces = not (http or raw)
    nodes = parser.run()
    return Format(text, nodes, any(node.name in _URI for node in nodes))
