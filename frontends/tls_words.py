"""TLS words of bind lines (manual 5.1): what each stores. tls_options makes the context from them.

Files are read here, when their word is read, so that a fault is reported with its line as HAProxy does.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace

from frontends import certificates
from frontends.certificates import Entry
from haproxy_py.config.errors import ConfigError, Faults, Where
from haproxy_py.config.line import Line
from haproxy_py.config.model import Bind, Config, Setting
from haproxy_py.config.registry import BIND_OPTIONS, bind_option
from haproxy_py.engine.tls_params import SYSTEM_CA
from haproxy_py.tls import words
from haproxy_py.tls.pem import PemError
from haproxy_py.tls.words import CRT_BASE, NO_TICKETS, PREFER_CLIENT, authorities, located

SSL: Setting[bool] = Setting("ssl", False)
CERTIFICATES: Setting[list[Entry]] = Setting("crt", list)
ALPN: Setting[tuple[bytes, ...] | None] = Setting("alpn", None)
CIPHERS: Setting[str | None] = Setting("ciphers", None)
CIPHERSUITES: Setting[str | None] = Setting("ciphersuites", None)
CURVES: Setting[str | None] = Setting("curves", None)
ECDHE: Setting[str | None] = Setting("ecdhe", None)
SIGALGS: Setting[str | None] = Setting("sigalgs", None)
CLIENT_SIGALGS: Setting[str | None] = Setting("client-sigalgs", None)
VERIFY: Setting[int] = Setting("verify", 0)
CA_FILE: Setting[bytes | None] = Setting("ca-file", None)
CA_SYSTEM: Setting[bool] = Setting("ca-file @system-ca", False)
CA_VERIFY_FILE: Setting[bytes | None] = Setting("ca-verify-file", None)
CRL_FILE: Setting[bytes | None] = Setting("crl-file", None)
CA_IGNORE: Setting[frozenset[int]] = Setting("ca-ignore-err", frozenset())
CRT_IGNORE: Setting[frozenset[int]] = Setting("crt-ignore-err", frozenset())
TICKET_SECRETS: Setting[list[bytes] | None] = Setting("tls-ticket-keys", None)
STRICT_SNI: Setting[bool] = Setting("strict-sni", False)
NO_CA_NAMES: Setting[bool] = Setting("no-ca-names", False)
KTLS: Setting[bool] = Setting("ktls", False)
SOURCE = "manual 5.1"
VERIFY_WORDS = {"none": 0, "optional": 1, "required": 2}
# What a crt-list line may set for its certificates.
IN_LIST = frozenset(
    {"alpn", "ca-file", "ca-verify-file", "ciphers", "ciphersuites", "client-sigalgs", "crl-file", "curves", "ecdhe",
     "no-alpn", "no-ca-names", "npn", "sigalgs", "ssl-min-ver", "ssl-max-ver", "verify"}
)  # fmt: skip


def argument(line: Line, at: int, missing: str) -> str:
    """The word behind the option at `at`; fails with `missing`."""
    if at + 1 >= len(line.words):
        line.fail(f"'{line.words[at]}' : {missing}")
    return line.words[at + 1]


def _flag(name: str, setting: Setting[bool], value: bool = True) -> None:
    def set_flag(line: Line, bind: Bind, at: int) -> int:
        bind[setting] = value
        return at + 1

    bind_option(name, source=SOURCE)(set_flag)


for _name, _setting, _value in (
    ("ssl", SSL, True), ("strict-sni", STRICT_SNI, True), ("no-strict-sni", STRICT_SNI, False),
    ("no-ca-names", NO_CA_NAMES, True), ("prefer-client-ciphers", PREFER_CLIENT, True), ("tls-tickets", NO_TICKETS, False),
):  # fmt: skip
    _flag(_name, _setting, _value)
for _name, _fn in words.COMMON_OPTIONS.items():
    bind_option(_name, source=SOURCE)(_fn)


def _text(setting: Setting[str | None], missing: str) -> None:
    def set_text(line: Line, bind: Bind, at: int) -> int:
        bind[setting] = argument(line, at, missing)
        return at + 2

    bind_option(setting.name, source=SOURCE)(set_text)


_text(CIPHERS, "missing cipher suite")
_text(CIPHERSUITES, "missing cipher suite")
_text(CURVES, "missing curve suite")
_text(ECDHE, "missing named curve")
_text(SIGALGS, "missing signature algorithm list")
_text(CLIENT_SIGALGS, "missing signature algorithm list")


@bind_option("crt", source=SOURCE)
def crt(line: Line, bind: Bind, at: int) -> int:
    """`crt FILE|DIR`: may be given several times."""
    return _crt(line, bind, at, False)


@bind_option("default-crt", source=SOURCE)
def default_crt(line: Line, bind: Bind, at: int) -> int:
    """As `crt`, and it is what clients without a fitting name see."""
    return _crt(line, bind, at, True)


def _crt(line: Line, bind: Bind, at: int, default: bool) -> int:
    try:
        made = certificates.load(line, argument(line, at, "missing certificate location"))
    except PemError as wrong:
        line.fail(str(wrong))
    bind[CERTIFICATES] = bind[CERTIFICATES] + [replace(entry, default=default) for entry in made]
    return at + 2


@bind_option("crt-list", source=SOURCE)
def crt_list(line: Line, bind: Bind, at: int) -> int:
    """`crt-list FILE`: certificates with settings and names of their own."""
    path = located(line.config, CRT_BASE, argument(line, at, "missing certificate location"))

    def check(own: tuple[str, ...], where: Where) -> None:
        apply(own, Bind(where), line.config, line.faults, where)

    try:
        bind[CERTIFICATES] = bind[CERTIFICATES] + certificates.load_list(line, path, check)
    except PemError as wrong:
        line.fail(f"'crt-list' : {wrong}")
    return at + 2


def apply(own: tuple[str, ...], bind: Bind, config: Config, faults: Faults, where: Where) -> None:
    """Obey the option words of a crt-list line. Raises PemError."""
    inner = Line(list(own), where, faults, config)
    at = 0
    while at < len(own):
        row = BIND_OPTIONS.find(own[at]) if own[at] in IN_LIST else None
        if row is None:
            raise PemError(f"parsing [{where}]: unknown ssl keyword {own[at]}")
        try:
            at = row.call(inner, bind, at)
        except ConfigError as wrong:
            raise PemError(f"parsing [{where}]: {wrong.text}") from None


@bind_option("alpn", source=SOURCE)
def alpn(line: Line, bind: Bind, at: int) -> int:
    """`alpn NAMES`: protocols to offer, best first."""
    bind[ALPN] = words.alpn_names(line, argument(line, at, "missing the comma-delimited ALPN protocol suite"))
    return at + 2


@bind_option("no-alpn", source=SOURCE)
def no_alpn(line: Line, bind: Bind, at: int) -> int:
    """No protocol is agreed on."""
    bind[ALPN] = ()
    return at + 1


@bind_option("npn", source=SOURCE)
def npn(line: Line, bind: Bind, at: int) -> int:
    """What browsers had before ALPN: no TLS library offers it any more."""
    argument(line, at, "missing the comma-delimited NPN protocol suite")
    line.warn("'npn' : not offered any more, use 'alpn' instead.")
    return at + 2


@bind_option("verify", source=SOURCE)
def verify(line: Line, bind: Bind, at: int) -> int:
    """`verify none|optional|required`: certificates of clients."""
    word = argument(line, at, "missing verify method")
    if word not in VERIFY_WORDS:
        line.fail(f"'verify' : unknown verify method '{word}', only 'none', 'optional', and 'required' are supported")
    bind[VERIFY] = VERIFY_WORDS[word]
    return at + 2


@bind_option("ca-file", source=SOURCE)
def ca_file(line: Line, bind: Bind, at: int) -> int:
    """`ca-file FILE|DIR|@system-ca`: who may sign clients' certificates."""
    path = argument(line, at, "missing CAfile path")
    bind[CA_SYSTEM] = path == SYSTEM_CA
    bind[CA_FILE] = None if path == SYSTEM_CA else authorities(line, "ca-file", path)
    return at + 2


def _pem(setting: Setting[bytes | None], missing: str) -> None:
    def set_pem(line: Line, bind: Bind, at: int) -> int:
        bind[setting] = authorities(line, setting.name, argument(line, at, missing))
        return at + 2

    bind_option(setting.name, source=SOURCE)(set_pem)


_pem(CA_VERIFY_FILE, "missing CAfile path")
_pem(CRL_FILE, "missing CRLfile path")


def _ignore(setting: Setting[frozenset[int]]) -> None:
    def set_ignore(line: Line, bind: Bind, at: int) -> int:
        text = argument(line, at, "missing error IDs list")
        numbers: set[int] = set()
        for part in text.split(","):
            if part == "all":
                numbers |= set(range(1, 128))
            elif re.fullmatch("[0-9]{1,9}", part) and 0 < int(part) <= 94:
                numbers.add(int(part))
            elif re.fullmatch("[0-9]+", part):
                line.fail(f"'{setting.name}' : ID '{part}' out of range (1..94) in error IDs list '{text}'")
            else:
                line.fail(f"'{setting.name}' : error constant '{part}' unknown in error IDs list '{text}'")
        bind[setting] = bind[setting] | numbers
        return at + 2

    bind_option(setting.name, source=SOURCE)(set_ignore)


_ignore(CA_IGNORE)
_ignore(CRT_IGNORE)


@bind_option("tls-ticket-keys", source=SOURCE)
def tls_ticket_keys(line: Line, bind: Bind, at: int) -> int:
    """`tls-ticket-keys FILE`: keys in base64, one a line, at least three; the penultimate one makes new tickets."""
    path = argument(line, at, "missing TLS ticket keys file path")
    try:
        with open(path, "rb") as stream:
            rows = [row for row in stream.read().split(b"\n") if row]
    except (OSError, ValueError):
        line.fail(f"'{path}' : unable to load ssl tickets keys file")
    secrets = []
    for number, row in enumerate(rows, 1):
        try:
            secrets.append(base64.b64decode(row, validate=True))
        except binascii.Error:
            line.fail(f"'{path}' : unable to decode base64 key on line {number}")
        if len(secrets[-1]) not in (48, 80):
            line.fail(f"'{path}' : key size is not 48 or 80 bytes on line {number}")
    if len(secrets) < 3:
        line.fail(f"'{path}' : please supply at least 3 keys in the tls-tickets-file")
    bind[TICKET_SECRETS] = secrets
    return at + 2


@bind_option("ktls", source=SOURCE)
def ktls(line: Line, bind: Bind, at: int) -> int:
    """`ktls on|off`: let the kernel encrypt where it can; quietly off where it cannot."""
    word = argument(line, at, "missing 'on' or 'off'")
    if word not in ("on", "off"):
        line.fail(f"'ktls' : expects 'on' or 'off' (got '{word}')")
    bind[KTLS] = word == "on"
    return at + 2
