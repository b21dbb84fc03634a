"""TLS words of bind lines and the context that they make (manual 5.1).

    context = server_context(bind, config)     # TlsContext, or None for a bind line without `ssl`

A whole-file check makes every context while the configuration is still open, so that all faults are known after loading
and no file is read later; server_context then only hands it over.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace

from frontends import certificates
from frontends.certificates import Entry
from haproxy_py.config.errors import ConfigError, Faults, Where
from haproxy_py.config.keywords.proxy import MODE
from haproxy_py.config.line import Line
from haproxy_py.config.model import Bind, Config, Item, Setting
from haproxy_py.config.registry import BIND_OPTIONS, bind_option, whole_file_check
from haproxy_py.engine.tls import TlsContext
from haproxy_py.engine.tls_cache import SessionCache
from haproxy_py.engine.tls_params import SYSTEM_CA, TlsParams, TlsSetupError
from haproxy_py.engine.tls_tickets import TicketKeys
from haproxy_py.tls import versions, words
from haproxy_py.tls.pem import PemError
from haproxy_py.tls.words import CRT_BASE, DEFAULT_TEXTS, NO_TICKETS, PREFER_CLIENT, authorities, located

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
CONTEXT: Setting[TlsContext | None] = Setting("TLS context", None)
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
        _apply(own, Bind(where), line.config, line.faults, where)

    try:
        bind[CERTIFICATES] = bind[CERTIFICATES] + certificates.load_list(line, path, check)
    except PemError as wrong:
        line.fail(f"'crt-list' : {wrong}")
    return at + 2


def _apply(own: tuple[str, ...], bind: Bind, config: Config, faults: Faults, where: Where) -> None:
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


# -- from words to a context ---------------------------------------------------------------------------------------------


def _said(bind: Bind, config: Config, setting: Setting[str | None]) -> str | None:
    own = bind[setting]
    return own if own is not None else config.globals[DEFAULT_TEXTS["ssl-default-bind-" + setting.name]]


def parameters(bind: Bind, config: Config, http: bool) -> TlsParams:
    """The engine's parameters of a bind line; `http`: offer http/1.1 when no `alpn` is given (manual: the default)."""
    general = config.globals
    default = general[words.BIND_DEFAULTS] or Item(bind.where)
    allowed = versions.Range(bind, default)
    curves = bind[CURVES] if bind[CURVES] is not None else bind[ECDHE]
    return TlsParams(
        min_version=allowed.low,
        max_version=allowed.high,
        off_versions=allowed.off,
        ciphers=_said(bind, config, CIPHERS),
        ciphersuites=_said(bind, config, CIPHERSUITES),
        curves=curves if curves is not None else _said(bind, config, CURVES),
        sigalgs=_said(bind, config, SIGALGS),
        client_sigalgs=_said(bind, config, CLIENT_SIGALGS),
        alpn=_alpn(bind, http),
        verify=bind[VERIFY],
        ca_pem=bind[CA_FILE],
        ca_system=bind[CA_SYSTEM],
        ca_verify_pem=bind[CA_VERIFY_FILE],
        crl_pem=bind[CRL_FILE],
        ca_names=not bind[NO_CA_NAMES],
        ca_ignore=bind[CA_IGNORE],
        crt_ignore=bind[CRT_IGNORE],
        prefer_client_ciphers=bind[PREFER_CLIENT] or default[PREFER_CLIENT],
        tickets=not (bind[NO_TICKETS] or default[NO_TICKETS]),
        lifetime=general[words.LIFETIME],
        max_record=words.max_record(config),
        security_level=general[words.SECURITY_LEVEL],
        dh_pem=general[words.DH_PEM],
        dh_auto=general[words.DH_BITS] > 0,
        ktls=bind[KTLS],
        session_id=hashlib.sha256(f"{bind.where} {bind.address.text if bind.address else ''}".encode()).digest(),
    )


def _alpn(bind: Bind, http: bool) -> tuple[bytes, ...]:
    said = bind[ALPN]
    if said is not None:
        return said
    return (b"http/1.1",) if http else ()


def _proxy_of(bind: Bind, config: Config) -> tuple[str, bool]:
    """Name of the proxy that a bind line belongs to, and whether it speaks HTTP."""
    for proxy in config.proxies:
        if any(one is bind for one in proxy.binds):
            return proxy.name, proxy[MODE] == "http"
    return "", False


SETUP_WORDS: dict[str, Callable[[TlsSetupError], str]] = {
    "ciphers": lambda e: f"unable to set SSL cipher list to '{e.value}'",
    "ciphersuites": lambda e: f"unable to set TLS 1.3 cipher suites to '{e.value}'",
    "curves": lambda e: f"unable to set SSL curves list to '{e.value}'",
    "sigalgs": lambda e: f"unable to set SSL Signature Algorithm list to '{e.value}'",
    "client-sigalgs": lambda e: f"unable to set SSL Signature Algorithm list to '{e.value}'",
    "versions": lambda e: "all SSL/TLS versions are disabled",
    "mismatch": lambda e: f"unable to load SSL certificate from PEM file '{e.value}' ({e.reason})",
    "certificate": lambda e: f"unable to load SSL certificate from PEM file '{e.value}' ({e.reason})",
    "key": lambda e: f"unable to load SSL private key from PEM file '{e.value}' ({e.reason})",
}


def build(bind: Bind, config: Config, faults: Faults | None = None) -> TlsContext:
    """The context of a bind line. Raises ConfigError in HAProxy's words; warnings go to `faults`."""
    name, http = _proxy_of(bind, config)
    text = bind.address.text if bind.address else ""
    at = f"for bind '{text}' at [{bind.where}]"
    entries = bind[CERTIFICATES]
    if not entries:
        raise ConfigError(f"Proxy '{name}': no SSL certificate specified for bind '{text}' at [{bind.where}] (use 'crt').")
    allowed = versions.Range(bind, config.globals[words.BIND_DEFAULTS] or Item(bind.where))
    if faults is not None:
        for told in version_warnings(allowed, at):
            faults.warning(f"Proxy '{name}': {told}")
    if bind[VERIFY] and bind[CA_FILE] is None and bind[CA_VERIFY_FILE] is None and not bind[CA_SYSTEM]:
        raise ConfigError(f"Proxy '{name}': verify is enabled but no CA file specified {at}.")
    if allowed.empty:
        raise ConfigError(f"Proxy '{name}': all SSL/TLS versions are disabled {at}.")

    def own(entry: Entry) -> TlsParams | None:
        if not entry.own:
            return None
        mine = Bind(bind.where, values=dict(bind.values), address=bind.address)
        _apply(entry.own, mine, config, Faults(), entry.where or bind.where)
        return parameters(mine, config, http)

    try:
        names = certificates.group(entries, own, bind[STRICT_SNI])
        tickets = TicketKeys(bind[TICKET_SECRETS]) if bind[TICKET_SECRETS] else None
        return TlsContext.for_server(parameters(bind, config, http), names, tickets, _cache(config))
    except TlsSetupError as wrong:
        if wrong.what == "curves" and bind[CURVES] is None and bind[ECDHE] is not None:
            raise ConfigError(f"Proxy '{name}': unable to set elliptic named curve to '{wrong.value}' {at}.") from None
        worded = SETUP_WORDS[wrong.what](wrong) if wrong.what in SETUP_WORDS else str(wrong)
        raise ConfigError(f"Proxy '{name}': {worded} {at}.") from None


CACHE: Setting[SessionCache | None] = Setting("TLS session cache", None)


def _cache(config: Config) -> SessionCache | None:
    """The session cache of the whole process, made with the first context that wants it; 0 sessions: none."""
    slots = config.globals[words.CACHESIZE]
    cache = config.globals[CACHE]
    if cache is None and slots:
        cache = SessionCache(slots)
        if not config.globals.frozen:
            config.globals[CACHE] = cache
    return cache


def version_warnings(allowed: versions.Range, at: str) -> list[str]:
    """What HAProxy says about version words that contradict each other; `at`: "for bind ... at [...]"."""
    told = []
    if allowed.ignored:
        told.append(f"no-sslv3/no-tlsv1x are ignored {at}. Use only 'ssl-min-ver' and 'ssl-max-ver' to fix.")
    if allowed.ambiguous:
        low = versions.TEXT[allowed.low]
        told.append(
            f"Ambiguous configuration {at}: the ssl-min-ver value is not configured and the ssl-max-ver value is lower than "
            f"the default ssl-min-ver value (TLSv1.2). Setting the ssl-min-ver to {low}. Use 'ssl-min-ver' to fix this."
        )
    return told


def server_context(bind: Bind, config: Config) -> TlsContext | None:
    """The context of a bind line, None without `ssl`. Raises ConfigError (HAProxy's words, with file and line)."""
    if not bind[SSL]:
        return None
    return bind[CONTEXT] or build(bind, config)


@whole_file_check
def check_binds(config: Config, faults: Faults) -> None:
    """Make the context of every TLS bind line; twins of one line (a comma list) share it."""
    for proxy in config.proxies:
        made: dict[Where, TlsContext] = {}
        for bind in proxy.binds:
            if not bind[SSL]:
                continue
            try:
                context = made.get(bind.where) or build(bind, config, faults)
            except (ConfigError, PemError) as wrong:
                faults.alert(getattr(wrong, "text", str(wrong)))
                continue
            bind[CONTEXT] = made[bind.where] = context
