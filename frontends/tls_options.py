"""The TLS context of a bind line (manual 5.1).

    context = server_context(bind, config)     # TlsContext, or None for a bind line without `ssl`

A whole-file check makes every context while the configuration is still open, so that all faults are known after loading
and no file is read later; server_context then only hands it over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from frontends import certificates
from frontends.certificates import Entry
from frontends.tls_words import (
    ALPN,
    CA_FILE,
    CA_IGNORE,
    CA_SYSTEM,
    CA_VERIFY_FILE,
    CERTIFICATES,
    CIPHERS,
    CIPHERSUITES,
    CLIENT_SIGALGS,
    CRL_FILE,
    CRT_IGNORE,
    CURVES,
    ECDHE,
    KTLS,
    NO_CA_NAMES,
    SIGALGS,
    SSL,
    STRICT_SNI,
    TICKET_SECRETS,
    VERIFY,
    apply,
)
from haproxy_py.config.errors import ConfigError, Faults, Where
from haproxy_py.config.keywords.proxy import MODE
from haproxy_py.config.model import Bind, Config, Item, Setting
from haproxy_py.config.registry import whole_file_check
from haproxy_py.engine.tls import TlsContext
from haproxy_py.engine.tls_cache import SessionCache
from haproxy_py.engine.tls_params import TlsParams, TlsSetupError
from haproxy_py.engine.tls_tickets import TicketKeys
from haproxy_py.tls import versions, words
from haproxy_py.tls.pem import PemError
from haproxy_py.tls.words import DEFAULT_TEXTS, NO_TICKETS, PREFER_CLIENT

CONTEXT: Setting[TlsContext | None] = Setting("TLS context", None)
CACHE: Setting[SessionCache | None] = Setting("TLS session cache", None)


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
        apply(entry.own, mine, config, Faults(), entry.where or bind.where)
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
