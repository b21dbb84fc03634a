"""The table of actions and what their parsers share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from haproxy_py.rules.logformat import Format
from haproxy_py.rules.logparse import FormatError, parse_format
from haproxy_py.rules.scope import Scope

HTTP_REQUEST = "http-request"
HTTP_RESPONSE = "http-response"
HTTP_AFTER = "http-after-response"
TCP_CONNECTION = "tcp-request connection"
TCP_SESSION = "tcp-request session"
TCP_CONTENT = "tcp-request content"
TCP_RESPONSE = "tcp-response content"
HTTP_SETS = (HTTP_REQUEST, HTTP_RESPONSE, HTTP_AFTER)
TCP_SETS = (TCP_CONNECTION, TCP_SESSION, TCP_CONTENT, TCP_RESPONSE)

Parser = Callable[[list[str], int, Scope, str], tuple[Any, int]]


class ActionError(ValueError):
    """An action that cannot be compiled; str() is HAProxy's complaint without place."""


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action in one rule set. `starred`: its word carries an argument, set-var(txn.x)."""

    name: str
    rules: str
    parse: Parser
    starred: bool
    source: str
    module: str


ACTIONS: dict[tuple[str, str], ActionRow] = {}


def action(name: str, *, rules: tuple[str, ...], source: str, starred: bool = False) -> Callable[[Parser], Parser]:
    """Register a parser for an action of these rule sets. A duplicate fails at import."""

    def register(parse: Parser) -> Parser:
        module = getattr(parse, "__module__", None) or ""
        for one in rules:
            other = ACTIONS.get((one, name))
            if other:
                raise RuntimeError(f"action {name!r} of {one} registered by {other.module} and {module}")
            ACTIONS[one, name] = ActionRow(name, one, parse, starred, source, module)
        return parse

    return register


def action_names(rules: str) -> list[str]:
    """Words of a rule set, `(*)` behind those that carry an argument."""
    return sorted(row.name + ("(*)" if row.starred else "") for (one, _), row in ACTIONS.items() if one == rules)


def is_condition(word: str) -> bool:
    """Whether a word opens a condition."""
    return word in ("if", "unless")


def arguments(words: list[str], i: int, count: int, complaint: str) -> tuple[list[str], int]:
    """Exactly `count` words from i on. Raises ActionError(complaint)."""
    found = words[i : i + count]
    if len(found) < count or any(not word for word in found) or is_condition(found[0]) and count == 1 and not words[i:]:
        raise ActionError(complaint)
    return found, i + count


def format_of(text: str, scope: Scope) -> Format:
    """A format for HTTP. Raises ActionError."""
    try:
        return parse_format(text, scope, http=True)
    except FormatError as error:
        raise ActionError(str(error)) from None
