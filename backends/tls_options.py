"""TLS words of server and default-server lines and the context that they make (manual 5.2).

    tls = client_context(server, config)       # ServerTls, or None for a server without `ssl`

As for bind lines, a whole-file check makes every context while the configuration is open.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from backends.tls_use import SSL, has_settings
from haproxy_py.config.errors import SERVER, ConfigError, Faults
from haproxy_py.config.line import Line
from haproxy_py.config.model import Config, Item, Proxy, Server, Setting
from haproxy_py.config.registry import server_option, whole_file_check
from haproxy_py.engine.tls import TlsContext
from haproxy_py.engine.tls_params import (
    SYSTEM_CA,
    VERIFY_NONE,
    VERIFY_REQUIRED,
    CertificateParams,
    TlsParams,
    TlsSetupError,
)
from haproxy_py.tls import versions, words
from haproxy_py.tls.pem import PemError
from haproxy_py.tls.words import CRT_BASE, DEFAULT_TEXTS, NO_TICKETS, authorities, located

SNI: Setting[str] = Setting("sni", "")  # sample expression as written; "": none
VERIFY: Setting[int | None] = Setting("verify", None)  # None: ssl-server-verify
VERIFYHOST: Setting[str] = Setting("verifyhost", "")
CA_FILE: Setting[bytes | None] = Setting("ca-file", None)
CA_SYSTEM: Setting[bool] = Setting("ca-file @system-ca", False)
CRL_FILE: Setting[bytes | None] = Setting("crl-file", None)
CRT: Setting[CertificateParams | None] = Setting("crt", None)
ALPN: Setting[tuple[bytes, ...]] = Setting("alpn", ())
CIPHERS: Setting[str | None] = Setting("ciphers", None)
CIPHERSUITES: Setting[str | None] = Setting("ciphersuites", None)
CURVES: Setting[str | None] = Setting("curves", None)
SIGALGS: Setting[str | None] = Setting("sigalgs", None)
CLIENT_SIGALGS: Setting[str | None] = Setting("client-sigalgs", None)
NO_REUSE: Setting[bool] = Setting("no-ssl-reuse", False)
CONTEXT: Setting[TlsContext | None] = Setting("TLS context", None, inherit=False)
SOURCE = "manual 5.2"
NO_CA = (
    "verify is enabled by default but no CA file specified. If you're running on a LAN where you're certain to trust the "
    "server's certificate, please set an explicit 'verify none' statement on the 'server' line, or use 'ssl-server-verify "
    "none' in the global section to disable server-side verifications by default."
)


@dataclass(frozen=True, slots=True)
class ServerTls:
    """How connections to a server speak TLS. sni: the expression of its `sni` word, "" without one."""

    context: TlsContext
    sni: str


def argument(line: Line, at: int, missing: str) -> str:
    """The word behind the option at `at`; fails with `missing`."""
    if at + 1 >= len(line.words):
        line.fail(f"'{line.words[at]}' : {missing}.")
    return line.words[at + 1]


def _flag(name: str, setting: Setting[bool], value: bool = True) -> None:
    def set_flag(line: Line, server: Server, at: int) -> int:
        server[setting] = value
        return at + 1

    server_option(name, source=SOURCE)(set_flag)


for _name, _setting, _value in (
    ("ssl", SSL, True), ("no-ssl", SSL, False), ("no-ssl-reuse", NO_REUSE, True), ("ssl-reuse", NO_REUSE, False),
    ("tls-tickets", NO_TICKETS, False),
):  # fmt: skip
    _flag(_name, _setting, _value)


def _common(name: str, fn: words.OptionFn) -> None:
    def with_full_stop(line: Line, server: Server, at: int) -> int:
        try:
            return fn(line, server, at)
        except ConfigError as wrong:
            line.fail(wrong.text + ".")

    server_option(name, source=SOURCE)(with_full_stop)


for _name, _fn in words.COMMON_OPTIONS.items():
    _common(_name, _fn)


def _text(setting: Setting[str | None], missing: str) -> None:
    def set_text(line: Line, server: Server, at: int) -> int:
        server[setting] = argument(line, at, missing)
        return at + 2

    server_option(setting.name, source=SOURCE)(set_text)


_text(CIPHERS, "missing cipher suite")
_text(CIPHERSUITES, "missing cipher suite")
_text(CURVES, "missing curve suite")
_text(SIGALGS, "missing signature algorithm list")
_text(CLIENT_SIGALGS, "missing signature algorithm list")


@server_option("sni", source=SOURCE)
def sni(line: Line, server: Server, at: int) -> int:
    """`sni EXPRESSION`: its value names the server in the handshake."""
    if at + 1 >= len(line.words) or not line.words[at + 1]:
        line.fail("'sni' : missing sni expression.")
    server[SNI] = line.words[at + 1]
    return at + 2


@server_option("no-sni", source=SOURCE)
def no_sni(line: Line, server: Server, at: int) -> int:
    """Takes back what default-server said."""
    server[SNI] = ""
    return at + 1


@server_option("verify", source=SOURCE)
def verify(line: Line, server: Server, at: int) -> int:
    """`verify none|required`: the server's certificate."""
    word = argument(line, at, "missing verify method")
    if word not in ("none", "required"):
        line.fail(f"'verify' : unknown verify method '{word}', only 'none' and 'required' are supported.")
    server[VERIFY] = VERIFY_NONE if word == "none" else VERIFY_REQUIRED
    return at + 2


@server_option("verifyhost", source=SOURCE)
def verifyhost(line: Line, server: Server, at: int) -> int:
    """`verifyhost NAME`: what the certificate must be for when no SNI is sent."""
    server[VERIFYHOST] = argument(line, at, "missing hostname to verify against")
    return at + 2


@server_option("no-verifyhost", source=SOURCE)
def no_verifyhost(line: Line, server: Server, at: int) -> int:
    """Takes back what default-server said."""
    server[VERIFYHOST] = ""
    return at + 1


@server_option("ca-file", source=SOURCE)
def ca_file(line: Line, server: Server, at: int) -> int:
    """`ca-file FILE|DIR|@system-ca`: who may sign the server's certificate."""
    path = argument(line, at, "missing CAfile path")
    server[CA_SYSTEM] = path == SYSTEM_CA
    server[CA_FILE] = None if path == SYSTEM_CA else _authorities(line, "ca-file", path)
    return at + 2


@server_option("crl-file", source=SOURCE)
def crl_file(line: Line, server: Server, at: int) -> int:
    """`crl-file FILE`: certificates taken back."""
    server[CRL_FILE] = _authorities(line, "crl-file", argument(line, at, "missing CRLfile path"))
    return at + 2


def _authorities(line: Line, word: str, path: str) -> bytes:
    try:
        return authorities(line, word, path)
    except ConfigError as wrong:
        line.fail(wrong.text + ".")


@server_option("crt", source=SOURCE)
def crt(line: Line, server: Server, at: int) -> int:
    """`crt FILE`: the certificate to show when the server asks for one."""
    path = located(line.config, CRT_BASE, argument(line, at, "missing certificate file path"))
    try:
        server[CRT] = words.certificate(line.config, path).params
    except PemError as wrong:
        line.fail(str(wrong))
    return at + 2


@server_option("alpn", source=SOURCE)
def alpn(line: Line, server: Server, at: int) -> int:
    """`alpn NAMES`: protocols to offer to the server."""
    server[ALPN] = words.alpn_names(line, argument(line, at, "missing the comma-delimited ALPN protocol suite"))
    return at + 2


@server_option("no-alpn", source=SOURCE)
def no_alpn(line: Line, server: Server, at: int) -> int:
    """Takes back what default-server said."""
    server[ALPN] = ()
    return at + 1


@server_option("npn", source=SOURCE)
def npn(line: Line, server: Server, at: int) -> int:
    """What existed before ALPN: no TLS library offers it any more."""
    argument(line, at, "missing the comma-delimited NPN protocol suite")
    line.warn("'npn' : not offered any more, use 'alpn' instead.", SERVER)
    return at + 2


# -- from words to a context ---------------------------------------------------------------------------------------------


def _said(server: Server, config: Config, setting: Setting[str | None]) -> str | None:
    own = server[setting]
    return own if own is not None else config.globals[DEFAULT_TEXTS["ssl-default-server-" + setting.name]]


def _verify(server: Server, config: Config) -> int:
    said = server[VERIFY]
    if said is not None:
        return said
    return VERIFY_NONE if config.globals[words.SERVER_VERIFY] == "none" else VERIFY_REQUIRED


def parameters(server: Server, config: Config) -> TlsParams:
    """The engine's parameters of a server."""
    default = config.globals[words.SERVER_DEFAULTS] or Item(server.where)
    allowed = versions.Range(server, default)
    return TlsParams(
        min_version=allowed.low,
        max_version=allowed.high,
        off_versions=allowed.off,
        ciphers=_said(server, config, CIPHERS),
        ciphersuites=_said(server, config, CIPHERSUITES),
        curves=_said(server, config, CURVES),
        sigalgs=_said(server, config, SIGALGS),
        client_sigalgs=_said(server, config, CLIENT_SIGALGS),
        alpn=server[ALPN],
        verify=_verify(server, config),
        ca_pem=server[CA_FILE],
        ca_system=server[CA_SYSTEM],
        crl_pem=server[CRL_FILE],
        tickets=not (server[NO_TICKETS] or default[NO_TICKETS]),
        session_reuse=not server[NO_REUSE],
        max_record=words.max_record(config),
        security_level=config.globals[words.SECURITY_LEVEL],
    )


def build(
    server: Server, config: Config, proxy: str, faults: Faults | None = None, *, alpn: tuple[bytes, ...] | None = None
) -> TlsContext:
    """The context for connections to `server`. Raises ConfigError in HAProxy's words; warnings go to `faults`.

    alpn: what to offer instead of what the server's line says (health checks).
    """
    title = f"'server {proxy}/{server.name}' : "
    params = parameters(server, config)
    if alpn is not None:
        params = replace(params, alpn=alpn)
    if params.verify and params.ca_pem is None and not params.ca_system:
        raise ConfigError(title + NO_CA, server.where, SERVER)
    allowed = versions.Range(server, config.globals[words.SERVER_DEFAULTS] or Item(server.where))
    if allowed.ignored and faults is not None:
        told = "no-sslv3/no-tlsv1x are ignored for this server. Use only 'ssl-min-ver' and 'ssl-max-ver' to fix."
        faults.warning(title + told, server.where, SERVER)
    if allowed.empty:
        told = f"backend '{proxy}': all SSL/TLS versions are disabled for server '{server.name}'."
        raise ConfigError(title + told, server.where, SERVER)
    host = server[VERIFYHOST].encode("utf-8", "surrogateescape") if server[VERIFYHOST] and params.verify else None
    try:
        return TlsContext.for_client(params, server[CRT], host)
    except TlsSetupError as wrong:
        worded = {
            "ciphers": f"unable to set SSL cipher list to '{wrong.value}'.",
            "ciphersuites": f"unable to set TLS 1.3 cipher suites to '{wrong.value}'.",
            "curves": f"unable to set SSL curves list to '{wrong.value}'.",
            "sigalgs": f"unable to set SSL Signature Algorithm list to '{wrong.value}'.",
            "client-sigalgs": f"unable to set SSL Signature Algorithm list to '{wrong.value}'.",
        }.get(wrong.what, f"{wrong}.")
        raise ConfigError(title + worded, server.where, SERVER) from None


def client_context(server: Server, config: Config) -> ServerTls | None:
    """How to speak TLS to a server, None without TLS settings. Raises ConfigError (HAProxy's words, with file and line)."""
    if not server[SSL] and server[CONTEXT] is None:
        return None
    context = server[CONTEXT] or build(server, config, _owner(server, config))
    return ServerTls(context, server[SNI])


def _owner(server: Server, config: Config) -> str:
    return next((p.name for p in config.proxies if any(s is server for s in p.servers)), "")


@whole_file_check
def check_servers(config: Config, faults: Faults) -> None:
    """Make the context of every server that speaks TLS or may come to."""
    for proxy in config.proxies:
        for server in proxy.servers:
            if has_settings(proxy, server):
                _check(server, config, proxy, faults)


def _check(server: Server, config: Config, proxy: Proxy, faults: Faults) -> None:
    try:
        server[CONTEXT] = build(server, config, proxy.name, faults)
    except ConfigError as wrong:
        faults.alert(wrong.text, wrong.where, wrong.form)


