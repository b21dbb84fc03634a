"""Rules as configuration keywords (manual 4.2): http-request, http-response, http-after-response, tcp-request, tcp-response,
redirect, use_backend. Each proxy's rules are lists of compiled Rule in Settings, in the order written.
"""

from __future__ import annotations

from haproxy_py.config import known
from haproxy_py.config.errors import GLUED, ConfigError, Faults, Where
from haproxy_py.config.keywords.proxy import MODE
from haproxy_py.config.line import Line
from haproxy_py.config.model import Config, Proxy, Setting
from haproxy_py.config.registry import ANY_PROXY, FRONTEND, proxy_keyword, whole_file_check
from haproxy_py.config.units import UnitError, parse_time
from haproxy_py.rules.acl import condition
from haproxy_py.rules.actions.redirect import parse_redirect
from haproxy_py.rules.actionset import (
    ACTIONS,
    HTTP_AFTER,
    HTTP_REQUEST,
    HTTP_RESPONSE,
    TCP_CONNECTION,
    TCP_CONTENT,
    TCP_RESPONSE,
    TCP_SESSION,
    ActionError,
    ActionRow,
    action_names,
    is_condition,
)  # fmt: skip
from haproxy_py.rules.logparse import FormatError, parse_format
from haproxy_py.rules.order import note_order
from haproxy_py.rules.rule import Rule, Switch
from haproxy_py.rules.scope import Scope


def _rules(name: str) -> Setting[list[Rule]]:
    return Setting(name, list)


HTTP_REQUEST_RULES = _rules(HTTP_REQUEST)
HTTP_RESPONSE_RULES = _rules(HTTP_RESPONSE)
HTTP_AFTER_RULES = _rules(HTTP_AFTER)
REDIRECT_RULES = _rules("redirect")
CAPTURE_HEADER = "capture header"  # keyword of a rule that stands for capture request|response header
TCP_CONNECTION_RULES = _rules(TCP_CONNECTION)
TCP_SESSION_RULES = _rules(TCP_SESSION)
TCP_CONTENT_RULES = _rules(TCP_CONTENT)
TCP_RESPONSE_RULES = _rules(TCP_RESPONSE)
USE_BACKEND: Setting[list[Switch]] = Setting("use_backend", list)
INSPECT_DELAY: Setting[int | None] = Setting("tcp-request inspect-delay", None)  # ms
RESPONSE_INSPECT_DELAY: Setting[int | None] = Setting("tcp-response inspect-delay", None)  # ms

RULES_OF = {
    HTTP_REQUEST: HTTP_REQUEST_RULES, HTTP_RESPONSE: HTTP_RESPONSE_RULES, HTTP_AFTER: HTTP_AFTER_RULES,
    TCP_CONNECTION: TCP_CONNECTION_RULES, TCP_SESSION: TCP_SESSION_RULES, TCP_CONTENT: TCP_CONTENT_RULES,
    TCP_RESPONSE: TCP_RESPONSE_RULES,
}  # fmt: skip
_PLACE = {HTTP_REQUEST: "http-request", HTTP_RESPONSE: "http-response", HTTP_AFTER: "http-response",
          TCP_CONTENT: "tcp-request content", TCP_RESPONSE: "tcp-response content"}  # fmt: skip
# Words that end their rule set: nothing behind them runs when they stand without condition.
_FINAL = frozenset({"allow", "deny", "tarpit", "redirect", "return", "reject", "auth"})


def place_of(rules: str, proxy: Proxy) -> str:
    """Where a rule set's expressions run, for the checks of what they may look at."""
    if rules not in _PLACE:
        return rules
    sides = (("fe", proxy.is_frontend or proxy.kind == "defaults"), ("be", proxy.is_backend or proxy.kind == "defaults"))
    return "|".join(f"{side} {_PLACE[rules]}" for side, has in sides if has)


def _find(rules: str, word: str) -> ActionRow | None:
    """The action of a word; `set-var(x)` is found by what stands before the parenthesis."""
    row = ACTIONS.get((rules, word))
    if row is not None and not row.starred:
        return row
    row = ACTIONS.get((rules, word.partition("(")[0]))
    return row if row and row.starred and "(" in word else None


def _known_action(rules: str, word: str) -> bool:
    """Whether HAProxy has this action in this rule set."""
    listed = known.words("actions-" + rules.replace(" ", "-"))
    bare = word.partition("(")[0]
    if bare.startswith("lua."):
        return True
    return any(bare == one.partition(" ")[0].rstrip("*").removesuffix("(") or (one.endswith("*") and bare.startswith(one[:-1]))
               for one in listed)  # fmt: skip


def _quoted(rules: str) -> str:
    return ", ".join(f"'{name}'" for name in action_names(rules))


def anonymous_defaults(line: Line, proxy: Proxy, keyword: str) -> None:
    """Rules are inherited from named defaults sections only."""
    if proxy.kind == "defaults" and not proxy.name:
        line.fail(f"'{keyword}' not allowed in anonymous 'defaults' section.")


def compile_rule(line: Line, proxy: Proxy, rules: str, words: list[str]) -> Rule:
    """One rule of an HTTP set: words[0] is the action."""
    word = words[0] if words else ""
    row = _find(rules, word)
    if row is None:
        if word and _known_action(rules, word):
            line.fail(f"'{rules} {word}' is known to HAProxy, not supported yet.")
        got = f"'{word}'" if word else "'' (missing argument)"
        near = known.maybe(word, [name.removesuffix("(*)") for name in action_names(rules)]) if word else ""
        line.fail(f"'{rules}' expects {_quoted(rules)}, but got {got}{near or '.'}", GLUED)
    scope = Scope.of(line, proxy, place_of(rules, proxy))
    try:
        made, i = row.parse(words, 1, scope, rules)
    except ActionError as error:
        where = f"{proxy.kind if proxy.kind != 'listen' else 'proxy'} '{proxy.name}'"
        line.fail(f"error detected in {where} while parsing '{rules} {word}' rule : {error}.")
    made.keyword = row.name
    if i < len(words) and not is_condition(words[i]):
        line.fail(
            f"'{rules} {word}' expects either 'if' or 'unless' followed by a condition but found '{words[i]}'.", GLUED
        )
    return Rule(made, condition(words[i:], scope, f"an '{rules} {word}' condition"), line.where)


def _http_rule(line: Line, proxy: Proxy, rules: str) -> None:
    anonymous_defaults(line, proxy, rules)
    setting = RULES_OF[rules]
    before = proxy[setting]
    if before and before[-1].keyword in _FINAL and before[-1].unconditional:
        line.warn(f"previous '{rules}' action is final and has no condition attached, further entries are NOOP.", GLUED)
    rule = compile_rule(line, proxy, rules, line.args)
    note_order(line, proxy, rules)
    before.append(rule)


@proxy_keyword("http-request", sections=ANY_PROXY, args=(0, None), source="manual 4.2")
def http_request(line: Line, proxy: Proxy) -> None:
    """http-request <action> [options...] [if|unless <condition>]"""
    _http_rule(line, proxy, HTTP_REQUEST)


@proxy_keyword("http-response", sections=ANY_PROXY, args=(0, None), source="manual 4.2")
def http_response(line: Line, proxy: Proxy) -> None:
    """http-response <action> [options...] [if|unless <condition>]"""
    _http_rule(line, proxy, HTTP_RESPONSE)


@proxy_keyword("http-after-response", sections=ANY_PROXY, args=(0, None), source="manual 4.2")
def http_after_response(line: Line, proxy: Proxy) -> None:
    """http-after-response <action> [options...] [if|unless <condition>]"""
    _http_rule(line, proxy, HTTP_AFTER)


def _delay(line: Line, proxy: Proxy, setting: Setting[int | None], words: list[str]) -> None:
    """inspect-delay <time>"""
    told = f"'{setting.name}' expects a positive delay in milliseconds, in {proxy.title}"
    if len(words) < 2 or not words[1]:
        line.fail(told)
    try:
        line.set(proxy, setting, parse_time(words[1], "ms"))
    except UnitError as wrong:
        line.fail(f"{told} (unexpected character '{wrong.char}')" if wrong.kind == "char" else wrong.words(setting.name))


def _tcp_rule(line: Line, proxy: Proxy, rules: str, words: list[str]) -> None:
    """words[0] is the action."""
    word = words[0] if words else ""
    row = _find(rules, word)
    if row is None:
        if word and _known_action(rules, word):
            line.fail(f"'{rules} {word}' is known to HAProxy, not supported yet.")
        line.fail(f"'{rules}' expects {_quoted(rules)} in {proxy.title} (got '{word}').")
    scope = Scope.of(line, proxy, place_of(rules, proxy))
    try:
        made, i = row.parse(words, 1, scope, rules)
    except ActionError as error:
        line.fail(f"'{rules} {word}' : {error}" if word == "capture" else str(error))
    made.keyword = row.name
    if i < len(words) and not is_condition(words[i]):
        line.fail(f"'{rules} {word}' only accepts 'if' or 'unless', in {proxy.title} (got '{words[i]}')")
    made_if = condition(words[i:], scope, f"a '{rules}' condition")
    note_order(line, proxy, rules)
    proxy[RULES_OF[rules]].append(Rule(made, made_if, line.where))


@proxy_keyword("tcp-request", sections=ANY_PROXY, args=(0, None), source="manual 4.2")
def tcp_request(line: Line, proxy: Proxy) -> None:
    """tcp-request inspect-delay <time> | connection|session|content <action> [if|unless <condition>]"""
    anonymous_defaults(line, proxy, "tcp-request")
    stage, words = line.arg(0), line.args[1:]
    if not stage:
        line.fail(f"missing argument for 'tcp-request' in {proxy.title}")
    if stage == "inspect-delay":
        _delay(line, proxy, INSPECT_DELAY, line.args)
        return
    if stage not in ("connection", "session", "content"):
        line.fail(f"'tcp-request' expects 'inspect-delay', 'connection', or 'content' in {proxy.title} (got '{stage}')")
    if stage != "content" and proxy.kind == "backend":
        line.warn(f"tcp-request {stage} is not allowed because {proxy.kind} {proxy.name} is not a frontend")
        return
    _tcp_rule(line, proxy, f"tcp-request {stage}", words)


@proxy_keyword("tcp-response", sections=ANY_PROXY, args=(0, None), source="manual 4.2")
def tcp_response(line: Line, proxy: Proxy) -> None:
    """tcp-response inspect-delay <time> | content <action> [if|unless <condition>]"""
    anonymous_defaults(line, proxy, "tcp-response")
    stage = line.arg(0)
    if not stage:
        line.fail(f"missing argument for 'tcp-response' in {proxy.title}")
    if stage not in ("inspect-delay", "content"):
        line.fail(f"'tcp-response' expects 'inspect-delay' or 'content' in {proxy.title} (got '{stage}')")
    if proxy.kind == "frontend":
        line.fail(f"tcp-response {stage} is only allowed in 'backend' sections or 'defaults' section with a name")
    if stage == "inspect-delay":
        _delay(line, proxy, RESPONSE_INSPECT_DELAY, line.args)
    else:
        _tcp_rule(line, proxy, TCP_RESPONSE, line.args[1:])


@proxy_keyword("redirect", sections=ANY_PROXY, args=(0, None), source="manual 4.2")
def redirect(line: Line, proxy: Proxy) -> None:
    """redirect location|prefix|scheme <to> [code <code>] [options] [if|unless <condition>]: <to> is no format (manual 4.2)."""
    if proxy.kind == "defaults":
        line.fail("'redirect' not allowed in 'defaults' section.")
    scope = Scope.of(line, proxy, place_of(HTTP_REQUEST, proxy))
    try:
        made, i = parse_redirect(line.args, 0, scope, HTTP_REQUEST, True)
    except ActionError as error:
        where = f"{proxy.kind if proxy.kind != 'listen' else 'proxy'} '{proxy.name}'"
        line.fail(f"error detected in {where} while parsing redirect rule : {error}.")
    made.keyword = "redirect"
    rule = Rule(made, condition(line.args[i:], scope, "a redirect condition"), line.where)
    note_order(line, proxy, "redirect")
    proxy[REDIRECT_RULES].append(rule)


@proxy_keyword("use_backend", sections=FRONTEND, args=(0, None), source="manual 4.2")
def use_backend(line: Line, proxy: Proxy) -> None:
    """use_backend <name or format> [if|unless <condition>]"""
    if proxy.kind == "defaults":
        line.fail("'use_backend' not allowed in 'defaults' section.")
    name = line.arg(0)
    if not name:
        line.fail("'use_backend' expects a backend name.")
    rest = line.args[1:]
    if rest and not is_condition(rest[0]):
        line.fail(f"unexpected keyword '{rest[0]}' after switching rule, only 'if' and 'unless' are allowed.")
    scope = Scope.of(line, proxy, "use_backend")
    made_if = condition(rest, scope, "switching rule")
    try:
        made = parse_format(name, scope, http=True) if "%" in name else None
    except FormatError as error:
        raise ConfigError(f"failed to parse use_backend rule '{name}' : {error}.", line.where, "Parsing [{}]: ") from None
    fixed = made.fixed if made is not None else None
    if fixed is not None:
        name, made = fixed.decode("utf-8", "surrogateescape"), None
    note_order(line, proxy, "use_backend")
    proxy[USE_BACKEND].append(Switch(name if made is None else None, made, made_if, line.where))


@whole_file_check
def check_switches(config: Config, faults: Faults) -> None:
    """Fixed names of use_backend must be backends of the same mode."""
    for proxy in config.proxies:
        for rule in proxy[USE_BACKEND]:
            if rule.name is not None:
                _check_target(config, proxy, rule.name, rule.where, faults)


def _check_target(config: Config, proxy: Proxy, name: str, where: Where, faults: Faults) -> None:
    target = config.backend(name)
    if target is None:
        faults.alert(f"Proxy '{proxy.name}': unable to find required use_backend: '{name}'.")
    elif target[MODE] != proxy[MODE] and not (target[MODE] == "http" and proxy[MODE] == "tcp"):
        faults.alert(
            f"{target.title} ({target.where}) tries to use incompatible {target[MODE]} backend from {proxy[MODE]} "
            f"{proxy.title} in a 'use_backend' rule (see 'mode')."
        )


_HTTP_WORDS = (("http-request", HTTP_REQUEST_RULES), ("http-response", HTTP_RESPONSE_RULES),
               ("http-after-response", HTTP_AFTER_RULES), ("redirect", REDIRECT_RULES))  # fmt: skip


@whole_file_check
def drop_http_rules(config: Config, faults: Faults) -> None:
    """HTTP rules of a proxy in another mode are warned about and ignored."""
    for proxy in config.proxies:
        if proxy[MODE] == "http":
            continue
        for word, setting in _HTTP_WORDS:
            if any(rule.keyword != CAPTURE_HEADER for rule in proxy[setting]):
                faults.warning(f"'{word}' rules ignored for {proxy.title} as they require HTTP mode.")
            proxy[setting] = []
