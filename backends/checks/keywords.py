"""The keywords of health checks: `option httpchk`, `http-check ...`, and the check-* words of servers (manual 4.2, 5.2).

`check`, `inter`, `rise`, `fall`, `port`, `addr` and their like are generic server options (haproxy_py.config.keywords).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from backends.checks.rules import Connect, Expect, FieldMatch, Send, SetVar, Step
from backends.checks.tcp import TcpStep
from backends.checks.words import Words, connect_words, is_variable, min_recv, outcome_word, regex_word, variable_word
from haproxy_py.config.errors import Faults
from haproxy_py.config.keywords.bind import protocol
from haproxy_py.config.keywords.server_options import CHECK
from haproxy_py.config.line import Line
from haproxy_py.config.model import Config, Proxy, Server, Setting
from haproxy_py.config.registry import BACKEND, proxy_keyword, server_option, whole_file_check

T = TypeVar("T")
KIND: Setting[str] = Setting("kind of check", "")  # the option's name: httpchk, tcp-check, mysql-check ...; "": a connect
SCRIPT: Setting[list[TcpStep]] = Setting("script of the kind", list)  # what a kind of its own says and expects
HTTPCHK_SEND: Setting[Send | None] = Setting("option httpchk request", None)
HTTP_CHECK_STEPS: Setting[list[Step]] = Setting("http-check", list)
DISABLE_ON_404: Setting[bool] = Setting("http-check disable-on-404", False)
SEND_STATE: Setting[bool] = Setting("http-check send-state", False)
CHECK_COMMENT: Setting[str] = Setting("http-check comment", "", inherit=False)
CHECK_SSL: Setting[bool | None] = Setting("check-ssl", None)  # None: as the server, if its own port is checked
CHECK_SEND_PROXY: Setting[bool | None] = Setting("check-send-proxy", None)  # None: as check-ssl
CHECK_REUSE_POOL: Setting[bool] = Setting("check-reuse-pool", False)
CHECK_SNI: Setting[str] = Setting("check-sni", "")
CHECK_ALPN: Setting[tuple[str, ...]] = Setting("check-alpn", ())
CHECK_PROTO: Setting[str] = Setting("check-proto", "")

HTTP_CHECKS = (
    "'disable-on-404', 'send-state', 'comment', 'connect', 'send', 'expect', 'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)'"
)
EXPECTS = "min-recv, [!]string', '[!]rstring', '[!]string-lf', '[!]status', '[!]rstatus', [!]hdr, [!]fhdr or comment"
SENDS = "'comment', 'meth', 'uri', 'uri-lf', 'ver', 'hdr', 'body' or 'body-lf'"
MATCHES = ("status", "rstatus", "string", "rstring", "string-lf", "hdr", "fhdr")
METHODS = ("str", "beg", "end", "sub", "reg")


@proxy_keyword("option httpchk", sections=BACKEND, args=(0, 3), source="manual 4.2")
def option_httpchk(line: Line, proxy: Proxy) -> None:
    """option httpchk [URI | METHOD URI [VERSION]]."""
    args = line.args
    method, uri, version = ("", *args, "", "")[:3] if len(args) == 1 else (*args, "", "", "")[:3]
    said = Send(method, uri, version)
    if "\r" in said.version or "\n" in said.version:
        line.fail(
            "'option httpchk' : hiding headers or body at the end of the version string is unsupported."
            "Use 'http-check send' directive instead.."
        )
    proxy[KIND] = "httpchk"
    _merge_first(proxy, said)


def _merge_first(proxy: Proxy, said: Send) -> None:
    """What the option says wins over what stood before it, a `http-check send` of the first connection included."""
    before = proxy[HTTPCHK_SEND]
    proxy[HTTPCHK_SEND] = before.merged(said) if before else said
    steps = proxy[HTTP_CHECK_STEPS]
    for at, step in enumerate(steps[:2]):
        if isinstance(step, Send):
            steps[at] = step.merged(said)
            return


@proxy_keyword("http-check", sections=BACKEND, args=(0, None), source="manual 4.2")
def http_check(line: Line, proxy: Proxy) -> None:
    """http-check WORD ...: one step, or a switch."""
    word = line.arg(0)
    if word in ("disable-on-404", "send-state"):
        if line.arg(1):
            line.fail(f"'http-check' cannot handle unexpected argument '{line.arg(1)}'.")
        proxy[DISABLE_ON_404 if word == "disable-on-404" else SEND_STATE] = True
    elif word == "comment":
        if not line.arg(1):
            line.fail("'http-check comment' : expects a string as argument.")
        proxy[CHECK_COMMENT] = line.arg(1)
    elif word in STEPS:
        _add_step(line, proxy, STEPS[word](Words(line, f"http-check {word}", proxy)))
    elif is_variable(word):
        _add_step(line, proxy, SetVar(variable_word(Words(line, f"http-check {word}", proxy), word)))
    else:
        line.fail(f"'http-check' only supports {HTTP_CHECKS}. but got '{word}'")


def _add_step(line: Line, proxy: Proxy, step: Step) -> None:
    """Append a step if it may stand there: connect, send, expect..., connect, send, expect... (HAProxy's complaints)."""
    steps = [each for each in proxy[HTTP_CHECK_STEPS] if not isinstance(each, SetVar)]
    if not step.comment and proxy[CHECK_COMMENT]:
        step = type(step)(**{name: getattr(step, name) for name in step.__slots__} | {"comment": proxy[CHECK_COMMENT]})
        proxy[CHECK_COMMENT] = ""
    if isinstance(step, SetVar):
        proxy[HTTP_CHECK_STEPS].append(step)
        return
    word = type(step).__name__.lower()
    lacking = _lacking(steps, step) if proxy[KIND] == "httpchk" else ""  # without the option, the rules are ignored whole
    if proxy[KIND] == "httpchk" and isinstance(step, Connect) and steps and not isinstance(steps[0], Connect):
        line.fail(
            "'http-check connect' : first step MUST also be a 'connect', optionally preceded by a 'set-var', an 'unset-var' "
            "or a 'comment', when there is a 'connect' step in the tcp-check ruleset."
        )
    if lacking:
        line.fail(
            f"'http-check {word}' : unable to add http-check {word} rule at step {_step(proxy, steps)} (missing {lacking} rule).."
        )
    proxy[HTTP_CHECK_STEPS].append(step)


def _step(proxy: Proxy, steps: Sequence[Step]) -> int:
    """The number that HAProxy gives to a misplaced step: its own implicit connect, or request, counts."""
    if not isinstance(steps[0], Connect):
        return len(steps) + 1
    waiting = proxy[KIND] == "httpchk" and not any(isinstance(step, Send) for step in steps)
    return len(steps) + waiting


def _lacking(steps: Sequence[Step], step: Step) -> str:
    """The kind of step that must come between the last one and this one; "" when this one may follow."""
    if not steps:
        return ""
    last = steps[-1]
    if isinstance(step, Send):
        return "" if isinstance(last, Connect) else "connect"
    if isinstance(step, Expect):
        return "send" if isinstance(last, Connect) else ""
    return "expect" if isinstance(last, (Connect, Send)) else ""


def _send(words: Words) -> Send:
    said: dict[str, object] = {}
    fields: list[tuple[str, object]] = []
    strings = {"comment": "comment", "meth": "method", "uri": "uri", "uri-lf": "uri", "ver": "version", "body": "body"}
    while words:
        word = words.next()
        if word in strings or word == "body-lf":
            value = words.value(f"'{word}' expects a string as argument.")
            said[strings.get(word, "body")] = words.text(value) if word.endswith("-lf") else value
        elif word == "hdr":
            if len(words.left) < 2 or not words.left[0] or not words.left[1]:
                words.line.fail(f"'{words.name}' : 'hdr' expects <name> and <value> as arguments.")
            fields.append((words.next(), words.text(words.next(), bare=True)))
        else:
            words.fail(f"expects {SENDS} but got '{word}' as argument.")
    return Send(fields=tuple(fields), **said)  # type: ignore[arg-type]


def _expect(words: Words) -> Expect:
    said: dict[str, object] = {}
    if not words:
        words.line.fail(f"'{words.name}' : expects at least a matching pattern as arguments.")
    while words:
        word = words.next()
        shared = outcome_word(words, word)
        if shared:
            said |= shared
        elif word == "min-recv":
            said["min_recv"] = max(0, min_recv(words, 0))
        elif "kind" not in said:
            said |= _match(words, word)
        else:
            words.fail(f"'only supports {EXPECTS} but got '{word}' as argument.")
    return Expect(**said)  # type: ignore[arg-type]


def _match(words: Words, word: str) -> dict[str, object]:
    """[!] MATCH PATTERN; the mark may stand alone or be glued to the match."""
    negated = word.startswith("!")
    kind = word.removeprefix("!") or (words.next() if words else "")
    if kind not in MATCHES:
        words.fail(f"'only supports {EXPECTS} but got '{kind}' as argument.")
    said: dict[str, object] = {"kind": kind, "negated": negated}
    if kind in ("hdr", "fhdr"):
        return said | _field_match(words, kind)
    if not words or not words.left[0]:
        words.line.fail(f"'{words.name}' : '{kind}' expects a <pattern> as argument.")
    pattern = words.next()
    if kind == "status":
        return said | {"codes": _codes(words, pattern)}
    if kind in ("rstatus", "rstring"):
        return said | {"regex": regex_word(words, pattern)}
    return said | {"text": words.text(pattern) if kind == "string-lf" else pattern}


def _field_match(words: Words, kind: str) -> dict[str, object]:
    said: dict[str, object] = {}
    for part in ("name", "value"):
        if not words or words.left[0] not in (part, f"{part}-lf"):
            if part == "name":
                words.fail(f"'{kind}' expects a <name> argument as name pattern.")
            break
        format = words.next().endswith("-lf")
        method = "str"
        if words and words.left[0] == "-m":
            words.next()
            method = words.value(f"'{kind}' expects a matching method as '-m' argument.")
            if method not in METHODS:
                words.fail(f"unsupported {kind} pattern match method '{method}' (str, beg, end, sub or reg expected).")
            if format and method == "reg":
                words.line.fail(f"'{words.name}' : '{kind}': log-format string is not supported with a regex matching method.")
        text = words.value(f"'{kind}' expects a <{part}> argument.")
        wanted = words.text(text) if format else text
        said[part] = FieldMatch(method, wanted, regex_word(words, text) if method == "reg" else None)
    return said


def _codes(words: Words, text: str) -> tuple[tuple[int, int], ...]:
    """Ranges of statuses: "200,201,300-310"."""
    found = []
    for part in text.split(","):
        low, dash, high = part.partition("-")
        for digits in (low, high) if dash else (low,):
            wrong = re.search(r"[^0-9]", digits)
            if wrong or not digits or len(digits) > 5:
                bad = wrong[0] if wrong else ","
                words.line.fail(f"'{words.name}' : invalid character '{bad}' in the list of status codes.")
        first, last = int(low), int(high if dash else low)
        if first > last:
            words.line.fail(f"'{words.name}' : invalid range of status codes '{part}'.")
        found.append((first, last))
    return tuple(found)


STEPS: dict[str, Callable[[Words], Step]] = {"connect": connect_words, "send": _send, "expect": _expect}


def _switch(name: str, setting: Setting[T], value: T) -> None:
    @server_option(name, source="manual 5.2")
    def option(line: Line, server: Server, i: int) -> int:
        server[setting] = value
        return i + 1


_switch("check-ssl", CHECK_SSL, True)
_switch("no-check-ssl", CHECK_SSL, False)
_switch("check-send-proxy", CHECK_SEND_PROXY, True)
_switch("no-check-send-proxy", CHECK_SEND_PROXY, False)
_switch("check-reuse-pool", CHECK_REUSE_POOL, True)
_switch("no-check-reuse-pool", CHECK_REUSE_POOL, False)


@server_option("check-sni", args=1, source="manual 5.2")
def check_sni(line: Line, server: Server, i: int) -> int:
    """check-sni NAME: the server name that a check over TLS asks for."""
    if not line.words[i + 1 : i + 2]:
        line.fail("'check-sni' : missing SNI.")
    server[CHECK_SNI] = line.words[i + 1]
    return i + 2


@server_option("check-alpn", args=1, source="manual 5.2")
def check_alpn(line: Line, server: Server, i: int) -> int:
    """check-alpn LIST: protocols that a check over TLS offers."""
    if not line.words[i + 1 : i + 2]:
        line.fail("'check-alpn' : missing the comma-delimited ALPN protocol suite.")
    names = tuple(line.words[i + 1].split(","))
    if not all(1 <= len(name) <= 255 for name in names):
        line.fail(f"'check-alpn' : '{line.words[i + 1]}' is not a list of protocols of 1 to 255 characters.")
    server[CHECK_ALPN] = names
    return i + 2


@server_option("check-proto", args=1, source="manual 5.2")
def check_proto(line: Line, server: Server, i: int) -> int:
    """check-proto NAME: the protocol that a check speaks without negotiation."""
    if not line.words[i + 1 : i + 2]:
        line.fail("'check-proto' : missing value.")
    server[CHECK_PROTO] = protocol(line, line.words[i + 1])
    return i + 2


@whole_file_check
def unused_rules(config: Config, faults: Faults) -> None:
    """Warn of http-check rules that nothing runs, as HAProxy does."""
    for proxy in config.proxies:
        if proxy.is_backend and proxy[KIND] != "httpchk" and proxy[HTTP_CHECK_STEPS]:
            faults.warning(f"{proxy.title} uses http-check rules without 'option httpchk', so the rules are ignored.")


@whole_file_check
def incompatible_protocols(config: Config, faults: Faults) -> None:
    """An HTTP check speaks h1, every other one no protocol of HAProxy's: `check-proto` cannot say otherwise."""
    for proxy in config.proxies:
        fits = ("", "h1" if proxy[KIND] == "httpchk" else "none")
        for server in proxy.servers:
            if proxy.is_backend and server[CHECK] and server[CHECK_PROTO] not in fits:
                told = f"proxy '{proxy.name}': server '{server.name}' uses an incompatible MUX protocol for the selected check type"
                faults.alert(f"config: {told}")
