"""The keywords of health checks: `option httpchk`, `http-check ...`, and the check-* words of servers (manual 4.2, 5.2).

`check`, `inter`, `rise`, `fall`, `port`, `addr` and their like are generic server options (haproxy_py.config.keywords).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from backends.checks.rules import Connect, Expect, FieldMatch, Send, Step
from backends.checks.status import BY_NAME, Status
from haproxy_py.config.errors import Faults
from haproxy_py.config.line import Line
from haproxy_py.config.model import Config, Proxy, Server, Setting
from haproxy_py.config.registry import BACKEND, proxy_keyword, server_option, whole_file_check

T = TypeVar("T")
HTTPCHK: Setting[bool] = Setting("option httpchk", False)
HTTPCHK_SEND: Setting[Send | None] = Setting("option httpchk request", None)
HTTP_CHECK_STEPS: Setting[list[Step]] = Setting("http-check", list)
DISABLE_ON_404: Setting[bool] = Setting("http-check disable-on-404", False)
SEND_STATE: Setting[bool] = Setting("http-check send-state", False)
CHECK_COMMENT: Setting[str] = Setting("http-check comment", "", inherit=False)
CHECK_SSL: Setting[bool | None] = Setting("check-ssl", None)  # None: as the server, if its own port is checked
CHECK_SEND_PROXY: Setting[bool | None] = Setting("check-send-proxy", None)  # None: as check-ssl
CHECK_SNI: Setting[str] = Setting("check-sni", "")
CHECK_ALPN: Setting[tuple[str, ...]] = Setting("check-alpn", ())

HTTP_CHECKS = (
    "'disable-on-404', 'send-state', 'comment', 'connect', 'send', 'expect', 'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)'"
)
EXPECTS = "min-recv, [!]string', '[!]rstring', '[!]string-lf', '[!]status', '[!]rstatus', [!]hdr, [!]fhdr or comment"
SENDS = "'comment', 'meth', 'uri', 'uri-lf', 'ver', 'hdr', 'body' or 'body-lf'"
CONNECTS = "'comment', 'port', 'addr', 'send-proxy', 'ssl', 'sni', 'alpn' or 'via-socks4', 'linger', 'default'"
OK_STATUSES = ("L4OK", "L6OK", "L7OK", "L7OKC")
ERROR_STATUSES = ("L7OKC", "L7RSP", "L7STS", "L6RSP", "L4CON")
TOUT_STATUSES = ("L7TOUT", "L6TOUT", "L4TOUT")
MATCHES = ("status", "rstatus", "string", "rstring", "hdr", "fhdr")
METHODS = ("str", "beg", "end", "sub", "reg")
# What a log-format of a check may use: it has no stream, so everything else of chapter 8 is empty there.
VARIABLES = ("%%", "%b", "%s", "%H", "%[srv_name]", "%[be_name]", "%[hostname]")
_FORMAT = re.compile(r"%%|%\[[^]]*\]|%(?:\{[^}]*\})?[A-Za-z]*")


@proxy_keyword("option httpchk", sections=BACKEND, args=(0, 3), source="manual 4.2")
def option_httpchk(line: Line, proxy: Proxy) -> None:
    """option httpchk [URI | METHOD URI [VERSION]]."""
    args = line.args
    method, uri, version = ("", *args, "", "")[:3] if len(args) == 1 else (*args, "", "", "")[:3]
    said = Send(method, uri.replace("%", "%%"), version)
    if "\r" in said.version or "\n" in said.version:
        line.fail(
            "'option httpchk' : hiding headers or body at the end of the version string is unsupported."
            "Use 'http-check send' directive instead.."
        )
    proxy[HTTPCHK] = True
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
        _add_step(line, proxy, STEPS[word](Words(line, f"http-check {word}")))
    elif word.startswith(("set-var", "unset-var")):
        line.fail(f"'http-check {word}' is known to HAProxy, not supported yet.")
    else:
        line.fail(f"'http-check' only supports {HTTP_CHECKS}. but got '{word}'")


def _add_step(line: Line, proxy: Proxy, step: Step) -> None:
    """Append a step if it may stand there: connect, send, expect..., connect, send, expect... (HAProxy's complaints)."""
    steps = proxy[HTTP_CHECK_STEPS]
    if not step.comment and proxy[CHECK_COMMENT]:
        step = type(step)(**{name: getattr(step, name) for name in step.__slots__} | {"comment": proxy[CHECK_COMMENT]})
        proxy[CHECK_COMMENT] = ""
    word = type(step).__name__.lower()
    lacking = _lacking(steps, step) if proxy[HTTPCHK] else ""  # without the option, the rules are ignored whole
    if proxy[HTTPCHK] and isinstance(step, Connect) and steps and not isinstance(steps[0], Connect):
        line.fail(
            "'http-check connect' : first step MUST also be a 'connect', optionally preceded by a 'set-var', an 'unset-var' "
            "or a 'comment', when there is a 'connect' step in the tcp-check ruleset."
        )
    if lacking:
        line.fail(
            f"'http-check {word}' : unable to add http-check {word} rule at step {_step(proxy, steps)} (missing {lacking} rule).."
        )
    steps.append(step)


def _step(proxy: Proxy, steps: list[Step]) -> int:
    """The number that HAProxy gives to a misplaced step: its own implicit connect, or request, counts."""
    if not isinstance(steps[0], Connect):
        return len(steps) + 1
    waiting = proxy[HTTPCHK] and not any(isinstance(step, Send) for step in steps)
    return len(steps) + waiting


def _lacking(steps: list[Step], step: Step) -> str:
    """The kind of step that must come between the last one and this one; "" when this one may follow."""
    if not steps:
        return ""
    last = steps[-1]
    if isinstance(step, Send):
        return "" if isinstance(last, Connect) else "connect"
    if isinstance(step, Expect):
        return "send" if isinstance(last, Connect) else ""
    return "expect" if isinstance(last, (Connect, Send)) else ""


class Words:
    """The words behind `http-check KIND`, taken one after the other."""

    def __init__(self, line: Line, name: str) -> None:
        self.line = line
        self.name = name
        self.left = line.args[1:]

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

    def unsupported(self, word: str) -> None:
        self.line.fail(f"'{self.name}' : '{word}' is known to HAProxy, not supported yet.")


def _checked_format(words: Words, text: str) -> str:
    """A log-format with nothing in it that a check cannot fill."""
    for found in _FORMAT.findall(text):
        if found not in VARIABLES:
            words.fail(f"'{found}' in a log-format of a check is not supported yet (only {', '.join(VARIABLES)})")
    return text


def expanded(text: str, backend: str, server: str, hostname: str) -> str:
    """Fill the log-format of a check's field or URI."""
    values = {"%%": "%", "%b": backend, "%s": server, "%H": hostname}
    values |= {"%[srv_name]": server, "%[be_name]": backend, "%[hostname]": hostname}
    return _FORMAT.sub(lambda found: values.get(found[0], ""), text)


def _send(words: Words) -> Send:
    said: dict[str, str] = {}
    fields: list[tuple[str, str]] = []
    strings = {"comment": "comment", "meth": "method", "uri": "uri", "uri-lf": "uri", "ver": "version", "body": "body"}
    while words:
        word = words.next()
        if word in strings:
            value = words.value(f"'{word}' expects a string as argument.")
            if word == "uri":
                value = value.replace("%", "%%")
            said[strings[word]] = _checked_format(words, value) if word == "uri-lf" else value
        elif word == "hdr":
            if len(words.left) < 2 or not words.left[0] or not words.left[1]:
                words.line.fail(f"'{words.name}' : 'hdr' expects <name> and <value> as arguments.")
            fields.append((words.next(), _checked_format(words, words.next())))
        elif word == "body-lf":
            words.unsupported(word)
        else:
            words.fail(f"expects {SENDS} but got '{word}' as argument.")
    return Send(fields=tuple(fields), **said)


def _port(words: Words, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= 65535:
        words.fail(f"expects a valid TCP port (from range 1 to 65535) or a sample expression, got {text}.")
    return int(text)


def connect_words(words: Words) -> Connect:
    said: dict[str, object] = {}
    while words:
        word = words.next()
        if word in ("default", "ssl", "send-proxy", "linger"):
            said[word.replace("-", "_")] = True
        elif word == "port":
            said["port"] = _port(words, words.value("'port' expects a port number as argument."))
        elif word in ("addr", "sni", "comment"):
            said[word] = words.value(f"'{word}' expects a string as argument.")
        elif word == "alpn":
            said["alpn"] = tuple(words.value("'alpn' expects a list of protocols as argument.").split(","))
        elif word in ("via-socks4", "proto"):
            words.unsupported(word)
        else:
            words.fail(f"expects {CONNECTS} but got '{word}' as argument.")
    return Connect(**said)  # type: ignore[arg-type]


def status_word(words: Words, option: str, allowed: tuple[str, ...]) -> Status:
    text = words.value(f"'{option}' expects a string as argument.")
    if text not in allowed:
        choice = ", ".join(f"'{name}'" for name in allowed[:-1]) + f" or '{allowed[-1]}'"
        words.fail(f"'{option}' only supports {choice} status (got '{text}').")
    return BY_NAME[text]


def _expect(words: Words) -> Expect:
    said: dict[str, object] = {}
    allowed = {"ok-status": OK_STATUSES, "error-status": ERROR_STATUSES, "tout-status": TOUT_STATUSES}
    if not words:
        words.line.fail(f"'{words.name}' : expects at least a matching pattern as arguments.")
    while words:
        word = words.next()
        if word in allowed:
            said[word.replace("-", "_")] = status_word(words, word, allowed[word])
        elif word == "comment":
            said["comment"] = words.value("'comment' expects a string as argument.")
        elif word == "min-recv":
            text = words.value("'min-recv' expects a integer as argument.")
            said["min_recv"] = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0
        elif word in ("on-success", "on-error", "status-code"):
            words.unsupported(word)
        elif "kind" not in said:
            said |= _match(words, word)
        else:
            words.fail(f"'only supports {EXPECTS} but got '{word}' as argument.")
    return Expect(**said)  # type: ignore[arg-type]


def _match(words: Words, word: str) -> dict[str, object]:
    """[!] MATCH PATTERN; the mark may stand alone or be glued to the match."""
    negated = word.startswith("!")
    kind = word.removeprefix("!") or (words.next() if words else "")
    if kind in ("string-lf",):
        words.unsupported(kind)
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
    return said | {"text": pattern}


def _field_match(words: Words, kind: str) -> dict[str, object]:
    said: dict[str, object] = {}
    for part in ("name", "value"):
        if not words or words.left[0] not in (part, f"{part}-lf"):
            if part == "name":
                words.fail(f"'{kind}' expects a <name> argument as name pattern.")
            break
        if words.next().endswith("-lf"):
            words.unsupported(f"{part}-lf")
        method = "str"
        if words and words.left[0] == "-m":
            words.next()
            method = words.value(f"'{kind}' expects a matching method as '-m' argument.")
            if method not in METHODS:
                words.fail(f"unsupported {kind} pattern match method '{method}' (str, beg, end, sub or reg expected).")
        text = words.value(f"'{kind}' expects a <{part}> argument.")
        said[part] = FieldMatch(method, text, regex_word(words, text) if method == "reg" else None)
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


def regex_word(words: Words, text: str) -> re.Pattern[bytes]:
    try:
        return re.compile(text.encode("utf-8", "surrogateescape"))
    except (re.error, OverflowError, RecursionError) as wrong:
        at = getattr(wrong, "pos", 0) or 0
        message = getattr(wrong, "msg", str(wrong))
        words.line.fail(f"'{words.name}' : regex '{text}' is invalid (error={message}, erroffset={at}).")


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


@whole_file_check
def unused_rules(config: Config, faults: Faults) -> None:
    """Warn of http-check rules that nothing runs, as HAProxy does."""
    for proxy in config.proxies:
        if proxy.is_backend and not proxy[HTTPCHK] and proxy[HTTP_CHECK_STEPS]:
            faults.warning(f"backend '{proxy.name}' uses http-check rules without 'option httpchk', so the rules are ignored.")
