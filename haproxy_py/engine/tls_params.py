"""What a TLS context is made from: plain values, no files (frontends.tls_options and backends.tls_options fill them)."""

from __future__ import annotations

from dataclasses import dataclass, field

TLS10, TLS11, TLS12, TLS13 = 0x0301, 0x0302, 0x0303, 0x0304
VERIFY_NONE, VERIFY_OPTIONAL, VERIFY_REQUIRED = 0, 1, 2
SYSTEM_CA = "@system-ca"


class TlsSetupError(ValueError):
    """A value that OpenSSL refused.

    what: which one ("ciphers", "ciphersuites", "curves", "sigalgs", "client-sigalgs", "certificate", "key", "mismatch",
    "ca-file", "crl-file", "dhparam", "versions"); value: what was given; reason: OpenSSL's words, may be empty.
    """

    def __init__(self, what: str, value: str, reason: str = "") -> None:
        super().__init__(f"{what}: {value}: {reason}" if reason else f"{what}: {value}")
        self.what = what
        self.value = value
        self.reason = reason


@dataclass(frozen=True, slots=True)
class TlsParams:
    """Settings of one context. Text goes to OpenSSL as it is; None leaves OpenSSL's default.

    alpn: names in order of preference. *_pem: concatenated PEM objects. ca_pem None with verify set: SYSTEM_CA in
    ca_system. *_ignore: numbers of verify errors that do not end the handshake. lifetime: seconds. cachesize: sessions.
    max_record: bytes of plaintext per record, 512..16384. session_id: separates the sessions of unlike contexts, <= 32 bytes.
    """

    min_version: int = TLS12
    max_version: int = TLS13
    off_versions: frozenset[int] = frozenset()
    ciphers: str | None = None
    ciphersuites: str | None = None
    curves: str | None = None
    sigalgs: str | None = None
    client_sigalgs: str | None = None
    alpn: tuple[bytes, ...] = ()
    verify: int = VERIFY_NONE
    ca_pem: bytes | None = None
    ca_verify_pem: bytes | None = None
    ca_system: bool = False
    crl_pem: bytes | None = None
    ca_names: bool = True
    ca_ignore: frozenset[int] = frozenset()
    crt_ignore: frozenset[int] = frozenset()
    prefer_client_ciphers: bool = False
    tickets: bool = True
    session_reuse: bool = True
    num_tickets: int = 2
    lifetime: int = 300
    max_record: int = 16384
    security_level: int | None = None
    dh_pem: bytes | None = None
    dh_auto: bool = False
    ktls: bool = False
    strict_eof: bool = False
    session_id: bytes = b"pyhaproxy"


@dataclass(frozen=True, slots=True)
class CertificateParams:
    """A certificate as PEM: the leaf first, then its chain. names: what it answers to in SNI, "*.x" for wildcards."""

    cert_pem: bytes
    key_pem: bytes
    chain_pem: bytes = b""
    dh_pem: bytes | None = None
    ocsp_der: bytes | None = None
    file: str = ""


@dataclass(frozen=True, slots=True)
class GroupParams:
    """Certificates that one name selects: at most one per key type. own: settings of a crt-list line, else None."""

    certificates: tuple[CertificateParams, ...]
    own: TlsParams | None = None


@dataclass(frozen=True, slots=True)
class ServerNames:
    """groups[0] is the default. names: (name or wildcard, index of its group, or -2 for an excluded one)."""

    groups: tuple[GroupParams, ...]
    names: tuple[tuple[bytes, int], ...] = field(default=())
    strict: bool = False
