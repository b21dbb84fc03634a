"""Certificates, keys and authorities from files, read once while the configuration loads (manual 5.1 `crt`, `ca-file`).

Faults are PemError, in HAProxy's words, without a place.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from haproxy_py.engine.tls_params import CertificateParams

EXTRA_FILES = frozenset({"bundle", "sctl", "ocsp", "issuer", "key"})
CA_SUFFIXES = (".pem", ".crt", ".cer", ".crl")
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----[^\n]*\n?", re.DOTALL)
_CERTIFICATES = (b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE")


class PemError(ValueError):
    """A file that cannot be used; the text is HAProxy's."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A loaded certificate. names: DNS names of SAN and CN, lower case; kind: "rsa", "ecdsa", "dsa" or "other"."""

    params: CertificateParams
    names: tuple[bytes, ...]
    kind: str
    serial: int
    warnings: tuple[str, ...] = ()


def blocks(pem: bytes) -> list[tuple[bytes, bytes]]:
    """(label, whole block with a final line end) of every PEM object, in order."""
    found = []
    for match in _BLOCK.finditer(pem):
        text = match.group(0)
        found.append((match.group(1), text if text.endswith(b"\n") else text + b"\n"))
    return found


def read(path: str, what: str) -> bytes:
    """A file's bytes; `what` is how the message begins."""
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as wrong:
        reason = getattr(wrong, "strerror", None) or str(wrong)
        raise PemError(f"{what} '{path}' : {reason}.") from None


def _key_block(found: list[tuple[bytes, bytes]]) -> bytes:
    return next((text for label, text in found if label.endswith(b"PRIVATE KEY")), b"")


def _encrypted(key: bytes) -> bool:
    return key.startswith(b"-----BEGIN ENCRYPTED ") or b"ENCRYPTED" in key[:200]


def _private_key(path: str, beside: str, found: list[tuple[bytes, bytes]], extra: frozenset[str]) -> bytes:
    """The key's block from the file itself, or else from BESIDE.key."""
    key, source, separate = _key_block(found), path, beside + ".key"
    if (not key or _encrypted(key)) and "key" in extra and os.path.isfile(separate):
        key, source = _key_block(blocks(read(separate, "unable to load private key from file"))), separate
    if not key:
        raise PemError(f"No Private Key found in '{separate}'.")
    if _encrypted(key):
        raise PemError(f"No Private Key found in '{separate}'. The key in '{source}' is encrypted: remove its passphrase.")
    return key


def load_certificate(path: str, extra: frozenset[str] = EXTRA_FILES, short: bool = False) -> Certificate:
    """A `crt` file: certificate, its chain, key, Diffie-Hellman parameters, and the files that belong to it.

    short: the names of these begin with PATH without its .crt (ssl-load-extra-del-ext).
    """
    # Imported here: `cryptography` takes 10 MiB, which a configuration without certificates need not pay.
    from haproxy_py import x509_facts as facts

    body = read(path, "unable to stat SSL certificate from file")
    found = blocks(body)
    chain = [text for label, text in found if label in _CERTIFICATES]
    if not chain:
        raise PemError(f"unable to load certificate from file '{path}': no start line.")
    try:
        cert = facts.load(chain[0].replace(b"X509 ", b"").replace(b"TRUSTED ", b""))
    except ValueError as wrong:
        raise PemError(f"unable to load certificate from file '{path}': {wrong}.") from None
    beside = path.removesuffix(".crt") if short else path
    key = _private_key(path, beside, found, extra)
    try:
        matches = facts.matches(cert, key)
    except (ValueError, TypeError) as wrong:
        raise PemError(f"unable to load private key from file '{path}': {wrong}.") from None
    if not matches:
        raise PemError(f"inconsistencies between private key and certificate loaded '{path}'.")
    staple, warnings = _staple(beside, extra)
    params = CertificateParams(
        cert_pem=chain[0],
        key_pem=key,
        chain_pem=b"".join(chain[1:]),
        dh_pem=next((text for label, text in found if label.endswith(b"DH PARAMETERS")), None),
        ocsp_der=staple,
        file=path,
    )
    return Certificate(params, facts.dns_names(cert), facts.key_kind(cert), cert.serial_number, warnings)


def _staple(path: str, extra: frozenset[str]) -> tuple[bytes | None, tuple[str, ...]]:
    """The response in PATH.ocsp and what is wrong with it: a bad one is ignored with a warning, an empty one is none."""
    from haproxy_py.x509_facts import staple_fault

    name = path + ".ocsp"
    if "ocsp" not in extra or not os.path.isfile(name):
        return None, ()
    body = read(name, "unable to load OCSP response from file")
    if not body:
        return None, ()
    fault = staple_fault(body)
    return (None, (f"Loading '{name}': {fault}. Content will be ignored.",)) if fault else (body, ())


def load_authorities(path: str) -> bytes:
    """A `ca-file` or `crl-file`: one file, or every .pem, .crt, .cer and .crl of a directory."""
    if os.path.isdir(path):
        names = sorted(n for n in os.listdir(path) if n.endswith(CA_SUFFIXES) and not n.startswith("."))
        body = b"".join(Path(path, name).read_bytes() + b"\n" for name in names)
    else:
        try:
            body = Path(path).read_bytes()
        except (OSError, ValueError) as wrong:
            reason = getattr(wrong, "strerror", None) or str(wrong)
            raise PemError(f"Couldn't open the ca-file '{path}' ({reason}).") from None
    kept = [text for label, text in blocks(body) if label in _CERTIFICATES or label == b"X509 CRL"]
    if not kept:
        raise PemError(f"Couldn't open the ca-file '{path}' (no certificate or crl found).")
    return b"".join(kept)


def load_dh(path: str) -> bytes:
    """Diffie-Hellman parameters (`ssl-dh-param-file`)."""
    try:
        found = blocks(Path(path).read_bytes())
    except (OSError, ValueError):
        found = []
    dh = next((text for label, text in found if label.endswith(b"DH PARAMETERS")), None)
    if dh is None:
        raise PemError(f"unable to load DH parameters from file <{path}>.")
    return dh
