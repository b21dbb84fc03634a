"""What certificates and OCSP responses say, read with `cryptography`. Imported only when a certificate is loaded."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID


def load(pem: bytes) -> x509.Certificate:
    """One PEM block. Raises: ValueError."""
    return x509.load_pem_x509_certificate(pem)


def dns_names(cert: x509.Certificate) -> tuple[bytes, ...]:
    """DNS names of the subject alternative name, then the common names, without repeats."""
    names: dict[bytes, None] = {}
    try:
        san = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        for text in san.get_values_for_type(x509.DNSName):
            names[text.lower().encode("utf-8", "replace")] = None
    except (x509.ExtensionNotFound, ValueError):
        pass
    for attribute in cert.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        value = attribute.value
        names[value.lower().encode() if isinstance(value, str) else value.lower()] = None
    return tuple(name for name in names if 0 < len(name) <= 255)


def key_kind(cert: x509.Certificate) -> str:
    """Which of HAProxy's three kinds a certificate's key is."""
    try:
        public = cert.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "other"
    for kind, cls in (("rsa", rsa.RSAPublicKey), ("ecdsa", ec.EllipticCurvePublicKey), ("dsa", dsa.DSAPublicKey)):
        if isinstance(public, cls):
            return kind
    return "other"


def matches(cert: x509.Certificate, key: bytes) -> bool:
    """Whether the key is the certificate's; True where `cryptography` cannot tell (OpenSSL checks again)."""
    try:
        private = serialization.load_pem_private_key(key, None)
        return bool(private.public_key() == cert.public_key())
    except UnsupportedAlgorithm:
        return True


def staple_fault(der: bytes) -> str:
    """Why an OCSP response cannot be stapled, in HAProxy's words; "" when it can."""
    try:
        response = ocsp.load_der_ocsp_response(der)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            return "OCSP response status not successful"
        if response.certificate_status is not ocsp.OCSPCertStatus.GOOD:
            return "OCSP single response: certificate status not good"
        until = response.next_update
    except ValueError as wrong:
        return f"Unable to parse OCSP response ({wrong})"
    if until is not None and until < datetime.datetime.now(datetime.UTC).replace(tzinfo=until.tzinfo):
        return "OCSP single response: no longer valid"
    return ""
