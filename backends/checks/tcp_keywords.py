"""`option tcp-check` and `tcp-check ...` (manual 4.2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from backends.checks.keywords import HTTP_CHECK_STEPS, KIND
from backends.checks.rules import Connect
from backends.checks.tcp import Act, Comment, Hear, Say, TcpStep
from backends.checks.words import Words, connect_words, is_variable, min_recv, outcome_word, regex_word, variable_word
from haproxy_py.config.errors import Faults
from haproxy_py.config.keywords.server_names import is_srv
from haproxy_py.config.keywords.server_options import CHECK, CHECK_PORT
from haproxy_py.config.line import Line
from haproxy_py.config.model import Config, Proxy, Setting
from haproxy_py.config.registry import BACKEND, proxy_keyword, whole_file_check

TCP_CHECK_STEPS: Setting[list[TcpStep]] = Setting("tcp-check", list)
SUPPORTED = "'comment', 'connect', 'send', 'send-binary', 'expect', 'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)'"
EXPECTS = "min-recv, [!]string', '[!]rstring', '[!]string-lf', '[!]binary', '[!]rbinary', '[!]binary-lf' or comment"
KINDS = ("string", "binary", "rstring", "rbinary", "string-lf", "binary-lf")


@proxy_keyword("option tcp-check", sections=BACKEND, args=0, source="manual 4.2")
def option_tcp_check(line: Line, proxy: Proxy) -> None:
    """option tcp-check: replaces any other kind of check."""
    proxy[KIND] = "tcp-check"


@proxy_keyword("tcp-check", sections=BACKEND, args=(0, None), source="manual 4.2")
def tcp_check(line: Line, proxy: Proxy) -> None:
    """tcp-check WORD ...: one step of the script."""
    word = line.arg(0)
    if word in STEPS:
        _add(line, proxy, STEPS[word](Words(line, f"tcp-check {word}", proxy)))
    elif is_variable(word):
        _add(line, proxy, Act(variable_word(Words(line, f"tcp-check {word}", proxy), word)))
    else:
        line.fail(f"'tcp-check' only supports {SUPPORTED}. but got '{word}'")


def _add(line: Line, proxy: Proxy, step: TcpStep) -> None:
    steps = proxy[TCP_CHECK_STEPS]
    rules = [each for each in steps if not isinstance(each, (Comment, Act))]
    if isinstance(step, Connect) and rules and not isinstance(rules[0], Connect):
        line.fail(
            "'tcp-check connect' : first step MUST also be a 'connect', optionally preceded by a 'set-var', an 'unset-var' "
            "or a 'comment', when there is a 'connect' step in the tcp-check ruleset."
        )
    if steps and isinstance(steps[-1], Comment) and not isinstance(step, Comment) and not step.comment:
        step = replace(step, comment=steps[-1].text)
    steps.append(step)


def _comment(words: Words) -> Comment:
    return Comment(words.value("expects a string as argument"))


def _with_comment(words: Words) -> str:
    """[comment TEXT] at the end of a rule."""
    if not words:
        return ""
    word = words.next()
    if word != "comment":
        words.fail(f"expects 'comment' but got '{word}' as argument.")
    text = words.value("'comment' expects a string as argument.")
    if words:
        words.fail(f"expects 'comment' but got '{words.next()}' as argument.")
    return text


def _send(words: Words) -> Say:
    data = words.value("expects a string as argument.").encode("utf-8", "surrogateescape")
    return Say(data, _with_comment(words))


def _send_binary(words: Words) -> Say:
    return Say(_hex(words, words.value("expects a hexadecimal string as argument.")), _with_comment(words))


def _send_lf(words: Words) -> Say:
    made = words.format(words.value("'string' expects a send-lf as argument"))
    return Say(b"", _with_comment(words), made)


def _send_binary_lf(words: Words) -> Say:
    made = words.format(words.value("'string' expects a send-binary-lf as argument"))
    return Say(b"", _with_comment(words), made, binary=True)


def _hex(words: Words, text: str) -> bytes:
    if len(text) % 2 or not re.fullmatch(r"[0-9A-Fa-f]*", text):
        words.fail(f"'{text}' is not a hexadecimal string of whole bytes (two digits each).")
    return bytes.fromhex(text)


def _expect(words: Words) -> Hear:
    said: dict[str, object] = {}
    if not words:
        words.line.fail(f"'{words.name}' : expects at least a matching pattern as arguments.")
    while words:
        word = words.next()
        shared = outcome_word(words, word)
        if shared:
            said |= shared
        elif word == "min-recv":
            said["min_recv"] = min_recv(words, -1)
        elif "kind" not in said:
            said |= _pattern(words, word)
        else:
            words.fail(f"'only supports {EXPECTS} but got '{word}' as argument.")
    return Hear(**said)  # type: ignore[arg-type]


def _pattern(words: Words, word: str) -> dict[str, object]:
    negated = word.startswith("!")
    kind = word.removeprefix("!") or (words.next() if words else "")
    if kind not in KINDS:
        words.fail(f"'only supports {EXPECTS} but got '{kind}' as argument.")
    if not words or not words.left[0]:
        words.line.fail(f"'{words.name}' : '{kind}' expects a <pattern> as argument.")
    text = words.next()
    said: dict[str, object] = {"kind": kind, "negated": negated}
    if kind.endswith("-lf"):
        return said | {"format": words.format(text)}
    if kind.startswith("r"):
        return said | {"regex": regex_word(words, text)}
    return said | {"data": _hex(words, text) if kind == "binary" else text.encode("utf-8", "surrogateescape")}


STEPS: dict[str, Callable[[Words], TcpStep]] = {
    "comment": _comment, "connect": connect_words, "send": _send, "send-binary": _send_binary, "expect": _expect,
    "send-lf": _send_lf, "send-binary-lf": _send_binary_lf,
}  # fmt: skip


@whole_file_check
def unused_rules(config: Config, faults: Faults) -> None:
    """Warn of tcp-check rules that nothing runs, as HAProxy does."""
    for proxy in config.proxies:
        if proxy.is_backend and proxy[KIND] != "tcp-check" and proxy[TCP_CHECK_STEPS]:
            faults.warning(f"{proxy.title} uses tcp-check rules without 'option tcp-check', so the rules are ignored.")


@whole_file_check
def missing_ports(config: Config, faults: Faults) -> None:
    """A server without a port needs one in every connect rule; haproxy_py.config.checks sees to checks without rules."""
    for proxy in config.proxies:
        steps = [*(proxy[TCP_CHECK_STEPS] if proxy[KIND] == "tcp-check" else []), *(proxy[HTTP_CHECK_STEPS] if proxy[KIND] == "httpchk" else [])]
        connects = [step for step in steps if isinstance(step, Connect)]
        told = _missing(connects)
        for server in proxy.servers if steps and told else ():
            named = server.address.family in ("inet", "inet6") and not is_srv(server.address.name or "")
            if server[CHECK] and named and not (server.address.port or server[CHECK_PORT]):
                faults.alert(f"config: proxy '{proxy.name}': server '{server.name}' has neither service port nor check port{told}.")


def _missing(connects: list[Connect]) -> str:
    """How the complaint goes on; "": every rule names a port."""
    ports = [bool(each.port or each.port_expr is not None) for each in connects]
    if not ports or not ports[0]:
        return " nor tcp_check rule 'connect' with port information"
    return "" if all(ports) else ", and a tcp_check rule 'connect' with no port information"
