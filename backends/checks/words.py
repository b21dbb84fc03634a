"""What the words of `http-check` and `tcp-check` rules share: taking them one by one, formats, expressions, statuses."""

from __future__ import annotations

import re

from backends.checks.pattern import Pattern
from backends.checks.rules import Connect, Text
from backends.checks.status import BY_NAME, Status
from haproxy_py.config.address import parse_address
from haproxy_py.config.errors import ConfigError
from haproxy_py.config.keywords.bind import protocol
from haproxy_py.config.line import Line
from haproxy_py.config.model import Proxy
from haproxy_py.rules.acl import misplaced
from haproxy_py.rules.actionset import ACTIONS, HTTP_REQUEST, ActionError
from haproxy_py.rules.expr import ExprError, parse_expr
from haproxy_py.rules.logformat import Format
from haproxy_py.rules.logparse import FormatError, parse_format
from haproxy_py.rules.registry import NEEDS
from haproxy_py.rules.rule import Action
from haproxy_py.rules.sample import Expr
from haproxy_py.rules.scope import Scope

CONNECTS = "'comment', 'port', 'addr', 'send-proxy', 'ssl', 'sni', 'alpn' or 'via-socks4', 'linger', 'default'"
VARIABLES = "Expects 'set-var(<var-name>)', 'set-var-fmt(<var-name>)' or 'unset-var(<var-name>)'"
OK_STATUSES = ("L4OK", "L6OK", "L7OK", "L7OKC")
ERROR_STATUSES = ("L7OKC", "L7RSP", "L7STS", "L6RSP", "L4CON")
TOUT_STATUSES = ("L7TOUT", "L6TOUT", "L4TOUT")
MUXES = ("none", "h1")  # what tcp-check can name, and what http-check can
INT_MAX = 2**31 - 1
STATUS_WORDS = {"ok-status": OK_STATUSES, "error-status": ERROR_STATUSES, "tout-status": TOUT_STATUSES}


class Words:
    """The words behind `http-check KIND`, taken one after the other."""

    def __init__(self, line: Line, name: str, proxy: Proxy | None) -> None:
        self.line = line
        self.name = name
        self.left = line.args[1:]
        self.scope = Scope.of(line, proxy, "check")

    def __bool__(self) -> bool:
        return bool(self.left)

    def next(self) -> str:
        return self.left.pop(0)

    def value(self, complaint: str) -> str:
        """The next word, which must be there and not empty."""
        if not self.left or not self.left[0]:
            self.fail(complaint)
        return self.left.pop(0)

    def fail(self, text: str) -> None:
        self.line.fail(f"'{self.name}' : {text}.")

    def format(self, text: str, *, bare: bool = False) -> Format:
        """A log-format. bare: complaints do not quote it."""
        try:
            return parse_format(text, self.scope, raw=True)
        except FormatError as wrong:
            self.fail(str(wrong) if bare else f"'{text}' invalid log-format string ({wrong})")
            raise AssertionError from wrong

    def text(self, text: str, *, bare: bool = False) -> Text:
        """A log-format, or the plain text that it amounts to."""
        made = self.format(text, bare=bare)
        return made if made.fixed is None else made.fixed.decode("utf-8", "surrogateescape")

    def expression(self, what: str) -> Expr:
        """The expression that comes next. what: how complaints call it."""
        used = len(self.scope.used)
        try:
            expr, _, behind = parse_expr(self.left, 0, self.scope)
        except ExprError as wrong:
            self.fail(f"error detected while parsing {what} expression : {wrong}")
            raise AssertionError from wrong
        row = misplaced(self.scope.used[used:], "check")
        if row is not None:
            needs = NEEDS[row.needs][1]
            told = f" fetch method '{self.left[0]}' extracts information from '{needs}', none of which is available here"
            self.fail(f"error detected while parsing {what} expression : {told}")
        self.left = self.left[behind:]
        return expr


def status_word(words: Words, option: str, allowed: tuple[str, ...]) -> Status:
    """ok-status, error-status, tout-status."""
    text = words.value(f"'{option}' expects a string as argument.")
    if text not in allowed:
        choice = ", ".join(f"'{name}'" for name in allowed[:-1]) + f" or '{allowed[-1]}'"
        words.fail(f"'{option}' only supports {choice} status (got '{text}').")
    return BY_NAME[text]


def outcome_word(words: Words, word: str) -> dict[str, object]:
    """The words that both kinds of `expect` share; {} for any other word."""
    if word in STATUS_WORDS:
        return {word.replace("-", "_"): status_word(words, word, STATUS_WORDS[word])}
    if word == "comment":
        return {"comment": words.value("'comment' expects a string as argument.")}
    if word in ("on-success", "on-error"):
        return {word.replace("-", "_"): words.format(words.value(f"'{word}' expects a string as argument"))}
    if word == "status-code":
        if not words or not words.left[0]:
            words.fail("'status-code' expects an expression as argument")
        return {"code": words.expression("status-code")}
    return {}


def min_recv(words: Words, otherwise: int) -> int:
    """The bytes that `min-recv` asks for, -1: no matter. otherwise: for a word that is no number, where HAProxy does not complain."""
    text = words.value("'min-recv' expects a integer as argument.")
    if not re.fullmatch(r"-?[0-9]+", text):
        return otherwise
    if len(text) > 10 or not -1 <= int(text) <= INT_MAX:
        words.line.fail(f"'{words.name}' : 'min-recv' expects -1 or an integer from 0 to INT_MAX.")
    return int(text)


def regex_word(words: Words, text: str) -> Pattern:
    """A regex over bytes."""
    try:
        return Pattern(text)
    except ValueError as wrong:
        words.line.fail(f"'{words.name}' : {wrong}.")


def _port(words: Words) -> dict[str, object]:
    text = words.value("'port' expects a port number or a sample expression as argument.")
    if re.fullmatch(r"[0-9]{1,6}", text):
        if not 1 <= int(text) <= 65535:
            words.fail(f"expects a valid TCP port (from range 1 to 65535) or a sample expression, got {text}.")
        return {"port": int(text)}
    words.left.insert(0, text)
    return {"port_expr": words.expression("port")}


def _addr(words: Words) -> dict[str, object]:
    text = words.value("'addr' expects <ipv4|ipv6> as argument.")
    try:
        address = parse_address(text, words.line.config.env)
    except ConfigError as wrong:
        words.fail(f"'addr' : {wrong.text}.")
        raise AssertionError from wrong
    if address.host is None:
        words.fail(f"'addr' : invalid address: '{address.name}' in '{text}'.")
    return {"addr": address.host} | ({"port": address.port} if address.port else {})


def _proto(words: Words) -> dict[str, object]:
    text = words.value("'proto' expects a MUX protocol as argument.")
    try:
        name = protocol(words.line, text)
    except ConfigError as wrong:
        words.fail(f"{wrong.text.replace(':  ', ': ').removesuffix('.')}.")
        raise AssertionError from wrong
    kind = words.name.split()[0]
    if name != MUXES[kind == "http-check"]:
        words.fail(f"'proto' : invalid MUX protocol '{text}' for {kind}")
    return {"proto": name}


def connect_words(words: Words) -> Connect:
    """http-check connect, tcp-check connect."""
    said: dict[str, object] = {}
    while words:
        word = words.next()
        if word in ("default", "ssl", "send-proxy", "linger"):
            said[word.replace("-", "_")] = True
        elif word == "via-socks4":
            words.line.fail(f"'{words.name}' : 'via-socks4' is known to HAProxy, not supported yet.")
        elif word == "port":
            said |= _port(words)
        elif word == "addr":
            said |= _addr(words)
        elif word == "proto":
            said |= _proto(words)
        elif word in ("sni", "comment"):
            said[word] = words.value(f"'{word}' expects a string as argument.")
        elif word == "alpn":
            said["alpn"] = tuple(words.value("'alpn' expects a list of protocols as argument.").split(","))
        else:
            words.fail(f"expects {CONNECTS} but got '{word}' as argument.")
    return Connect(**said)  # type: ignore[arg-type]


def is_variable(word: str) -> bool:
    """Whether a rule is about variables."""
    return word.startswith(("set-var", "unset-var"))


def variable_word(words: Words, word: str) -> Action:
    """set-var(NAME) EXPR, set-var-fmt(NAME) FORMAT, unset-var(NAME)."""
    kind = "unset-var" if word.startswith("unset-var") else "set-var-fmt" if word.startswith("set-var-fmt") else "set-var"
    if not word.startswith(kind + "("):
        words.fail(f"'{kind}' : invalid or incomplete action '{word}'. {VARIABLES}")
    if not word.endswith(")"):
        words.fail(f"'{kind}' : incomplete argument after action '{word}'. {VARIABLES}")
    try:
        action: Action = ACTIONS[HTTP_REQUEST, kind].parse([word, *words.left], 1, words.scope, "check")[0]
    except ActionError as wrong:
        words.fail(f"'{kind}' : {wrong}")
        raise AssertionError from wrong
    return action
