"""From the text of a log format to nodes (manual 8.2.6). Complaints are HAProxy's."""

from __future__ import annotations

from haproxy_py.rules import hints
from haproxy_py.rules.acl import misplaced
from haproxy_py.rules.expr import ExprError, parse_expr
from haproxy_py.rules.logaliases import ALIASES, FLAG_LETTERS, IN_HTTP, MANDATORY, alias
from haproxy_py.rules.logencode import CBOR, CBOR_BIN, JSON, EncodedFormat
from haproxy_py.rules.logformat import ExprNode, Format, LogNode, TextNode
from haproxy_py.rules.registry import NEEDS
from haproxy_py.rules.scope import Scope

ENCODINGS = {("+json",): JSON, ("+cbor",): CBOR, ("+bin", "+cbor"): CBOR_BIN}
TYPES = ("str", "sint", "bool")
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
        self.item = ("", "")  # name and type of the variable at hand
        self.names: dict[int, tuple[str, str]] = {}  # by index in nodes
        self.asked: int | None = None
        self.encoding: int | None = None  # of the whole line
        self.spaces = not base & IN_HTTP  # log formats merge them

    def flush(self) -> None:
        """Turn the plain text so far into a node."""
        if self.plain:
            self.nodes.append(TextNode("".join(self.plain).encode("utf-8", "surrogateescape")))
            self.plain = []

    def node(self, made: LogNode) -> None:
        self.flush()
        self.names[len(self.nodes)] = self.item
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
        self.item = ("", "")
        if text[i] == "(":
            i = self.name_and_type(i)
        if text[i] == "{":
            end = text.find("}", i)
            if end < 0 or end + 1 >= len(text):
                raise FormatError(f"truncated line after '{text[i + 1:]}'")
            self.asked = ENCODINGS.get(tuple(sorted(text[i + 1 : end].split(",")))) if self.encodes(text[i + 1 : end]) else None
            flags = self.arguments(text[i + 1 : end], flags)
            i = end + 1
            if self.asked is not None and (text[i] != "o" or text[i + 1 : i + 2].isalnum()):
                raise FormatError("an encoding for one item alone ('%{+json}alias') is known to HAProxy, not supported yet")
        if text[i] == "[":
            return self.expression(i + 1, flags)
        return self.named(i, flags)

    def encodes(self, words: str) -> bool:
        """Whether these arguments ask for an encoding, other than the ones for the whole line that are built."""
        wanted = {word[1:] for word in words.split(",")} & {"json", "cbor", "bin"}
        if wanted and tuple(sorted(words.split(","))) not in ENCODINGS:
            raise FormatError(f"the arguments '{words}' are known to HAProxy, not supported yet")
        return bool(wanted)

    def name_and_type(self, i: int) -> int:
        """`(name)`, `(name:type)`, `(:type)` behind the %; returns the index behind it."""
        end = self.text.find(")", i)
        if end < 0 or end + 1 >= len(self.text):
            raise FormatError(f"truncated line after '{self.text[i + 1:]}'")
        name, _, kind = self.text[i + 1 : end].partition(":")
        if kind and kind not in TYPES:
            raise FormatError(f"unexpected output type '{kind}' at position {i}")
        self.item = (name, kind)
        return end + 1

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
            self.encoding = self.asked if self.asked is not None else self.encoding
        elif name in ALIASES:
            self.node(alias(name, flags))
        else:
            complaint = (
                f"no such format variable '{name or self.text[i]}'. If you wanted to emit the '%' character verbatim, "
                "you need to use '%%'"
            )
            raise FormatError(hints.unknown("log-format alias", name, (), complaint))
        return end


def encoded(text: str, parser: _Parser, encoding: int) -> Format:
    """The line as one object of its named items; what stands between them is not shown."""
    kept = [(node, parser.names[i]) for i, node in enumerate(parser.nodes) if parser.names.get(i, ("", ""))[0]]
    nodes = [plain(node) for node, _ in kept]
    return EncodedFormat(text, nodes, [item for _, item in kept], encoding, any(node.name in _URI for node in nodes))


def plain(node: LogNode) -> LogNode:
    """The same variable without quotes, escapes and "-" for nothing."""
    if isinstance(node, ExprNode):
        return ExprNode(node.expr, 0)
    return alias(node.name, node.flags & FLAG_LETTERS["X"])


def parse_format(text: str, scope: Scope, *, http: bool = False, raw: bool = False) -> Format:
    """Compile a format. http: for fields and locations (controls encoded, nothing quoted); raw: bytes as they are (health
    checks); else for logs ("-" for empty).

    Raises: FormatError.
    """
    parser = _Parser(text, scope, 0 if raw else IN_HTTP if http else MANDATORY)
    parser.spaces = not (http or raw)
    nodes = parser.run()
    if parser.encoding is not None and not (http or raw):
        return encoded(text, parser, parser.encoding)
    return Format(text, nodes, any(node.name in _URI for node in nodes))
