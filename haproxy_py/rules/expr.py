"""From words to an expression: fetch, arguments, converters (manual 7.3). Complaints are HAProxy's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from haproxy_py.rules import hints
from haproxy_py.rules.args import ArgError, split_args, typed_args
from haproxy_py.rules.registry import CONVERTERS, FETCHES, ConverterRow
from haproxy_py.rules.sample import TYPES, Expr
from haproxy_py.rules.scope import Scope

_ENDS = "(,"
# Types that sample_cast can turn each type into (manual 7.3); "any" goes wherever the value allows at run time.
_CASTS = {
    "any": set(TYPES),
    "bool": {"bool", "sint", "str", "bin"},
    "sint": {"bool", "sint", "addr", "ipv4", "ipv6", "str", "bin"},
    "addr": {"addr", "ipv4", "ipv6", "str", "bin"},
    "ipv4": {"addr", "ipv4", "ipv6", "sint", "str", "bin"},
    "ipv6": {"addr", "ipv4", "ipv6", "str", "bin"},
    "str": {"bool", "sint", "addr", "ipv4", "ipv6", "str", "bin", "meth"},
    "bin": {"str", "bin"},
    "meth": {"str", "bin", "meth"},
}
_REFERRING = frozenset({"be", "fe", "srv", "prx", "tab", "usr"})


class ExprError(ValueError):
    """An expression that cannot be compiled; str() is HAProxy's complaint without place."""


def name_end(text: str, start: int = 0) -> int:
    """Index behind the keyword that starts at `start`."""
    return next((i for i in range(start, len(text)) if text[i] in _ENDS), len(text))


def castable(kind: str, wanted: str) -> bool:
    """Whether a sample of type `kind` can be turned into `wanted`."""
    return wanted == "any" or wanted in _CASTS[kind]


def _arguments(word: str, at: int, grammar: str, user: str, scope: Scope) -> tuple[list[object], int]:
    """Arguments at word[at:], if it opens a list. Names of proxies are noted in the scope."""
    raw: list[str] = []
    if word[at : at + 1] == "(":
        raw, at = split_args(word, at)
    values = typed_args(grammar, raw)
    for i, kind in enumerate(grammar.split()):
        if kind.rstrip("?") in _REFERRING and (values[i] or kind == "usr?"):
            if kind == "srv" and "/" not in str(values[i]) and scope.proxy:
                values[i] = f"{scope.proxy.name}/{values[i]}"
            scope.refer(kind.rstrip("?"), str(values[i] or ""), i + 1, user)
    return values, at


def _refers(grammar: str, values: list[object]) -> bool:
    return any(k.rstrip("?") in _REFERRING and v is not None for k, v in zip(grammar.split(), values, strict=False))


def _make_fetch(word: str, name: str, scope: Scope, user: str, written: str) -> tuple[Any, str, int, bool]:
    """Fetch object, its type, the index behind it, and whether it holds names. written: the word in the file, hdr_beg."""
    row = FETCHES.get(name)
    if row is None:
        raise ExprError(hints.unknown("sample fetch", name, FETCHES, f"unknown fetch method '{name}'"))
    label = user or f"fetch method '{name}'"
    try:
        values, at = _arguments(word, name_end(word), row.args, label, scope)
    except ArgError as error:
        raise ExprError(f"{label} : {error}") from None
    made = row.make()
    made.keyword = name
    try:
        made.setup(values, **row.init)
    except ValueError as error:
        raise ExprError(f"invalid args in fetch method '{name}' : {error}") from None
    scope.used.append(row if row.name == written else replace(row, name=written))
    return made, row.type, at, _refers(row.args, values)


def _make_converter(row: ConverterRow, word: str, at: int, kind: str, scope: Scope) -> tuple[Any, str, int, bool]:
    """Converter object, type behind it, the index behind it, and whether it holds names."""
    if not castable(kind, row.takes):
        raise ExprError(f"converter '{row.name}' cannot be applied")
    try:
        values, at = _arguments(word, at, row.args, f"converter '{row.name}'", scope)
    except ArgError as error:
        raise ExprError(_arg_complaint(row, str(error))) from None
    made = row.make()
    made.keyword = row.name
    try:
        made.setup(values, **row.init)
    except ValueError as error:
        raise ExprError(f"invalid args in converter '{row.name}' : {error}") from None
    return made, (kind if row.gives == "same" else row.gives), at, _refers(row.args, values)


def _arg_complaint(row: ConverterRow, text: str) -> str:
    """HAProxy names the argument's number in front when it can."""
    if "at position " in text:
        return f"invalid arg {text.partition('at position ')[2].partition(',')[0]} in converter '{row.name}' : {text}"
    if text.startswith("missing arguments (got "):
        number = text[len("missing arguments (got ") :].split("/", 1)[0]
        return f"invalid arg {int(number) + 1} in converter '{row.name}' : {text}"
    return f"invalid args in converter '{row.name}' : {text}"


def parse_expr(
    words: list[str], index: int, scope: Scope, user: str = "", fetch_name: str = "", follow: bool = True
) -> tuple[Expr, str, int]:
    """Compile the expression that starts at words[index].

    Args: user: how complaints call the keyword ("ACL keyword 'hdr'"); fetch_name: the fetch behind an ACL keyword.
    Returns: (expression, type of its result, index of the first word behind it). Unless `follow` is off (patterns follow an
    ACL's), a following word that is the name of a converter belongs to it, as HAProxy still has it.  Raises: ExprError.
    """
    word = words[index] if index < len(words) else ""
    name = word[: name_end(word)]
    if not name:
        raise ExprError("missing fetch method")
    fetch, kind, at, binds = _make_fetch(word, fetch_name or name, scope, user, name)
    text = word
    steps: list[tuple[Any, int]] = []
    index += 1
    while True:
        if at >= len(word):
            after = words[index] if follow and index < len(words) else ""
            if not after or after[: name_end(after)] not in CONVERTERS:
                break
            word, at, index = after, 0, index + 1
            text += "," + after
        elif word[at] != ",":
            raise ExprError(f"missing comma after {'converter' if steps else 'fetch keyword'} '{word[:at]}'")
        else:
            at += 1
            if at >= len(word):
                break
        end = name_end(word, at)
        row = CONVERTERS.get(word[at:end])
        if row is None:
            complaint = hints.unknown("converter", word[at:end], CONVERTERS, f"unknown converter '{word[at:end]}'")
            raise ExprError(f"{user} : {complaint}." if user else complaint)
        try:
            made, out, at, held = _make_converter(row, word, end, kind, scope)
        except ExprError as error:
            raise ExprError(f"{user} : {error}." if user else str(error)) from None
        steps.append((made, TYPES[row.takes]))
        kind, binds = out, binds or held
    expr = Expr(fetch, steps, TYPES[kind], text)
    if binds:
        scope.bind_later(expr)
    return expr, kind, index
