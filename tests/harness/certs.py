"""Certificates for tests, made with `cryptography` in memory: nothing is read from or left on disk.

    ca = Authority.new()
    cert = ca.issue("a.example", "*.b.example")        # cert.cert_pem, cert.key_pem, cert.bundle
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
DAY = datetime.timedelta(days=1)


def ec_key() -> ec.EllipticCurvePrivateKey:
    """A fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    """One RSA key for the whole run: making them is slow."""
    return rsa.generate_private_key(65537, 2048)


def key_pem(key: Key, password: bytes | None = None) -> bytes:
    """PKCS#8 PEM, encrypted when a password is given."""
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


@dataclass(frozen=True)
class Issued:
    """A leaf: PEM of the certificate, of its key, of the authority; serial number."""

    cert: x509.Certificate
    cert_pem: bytes
    key_pem: bytes
    ca_pem: bytes

    @property
    def bundle(self) -> bytes:
        """Certificate and key, as HAProxy's crt wants them."""
        return self.cert_pem + self.key_pem


@dataclass(frozen=True)
class Authority:
    """A certificate authority."""

    cert: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def new(cls, name: str = "Test CA") -> Authority:
        """A self-signed one."""
        key = ec_key()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = start(subject, subject, key.public_key(), 0)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        return cls(builder.sign(key, hashes.SHA256()), key)

    @property
    def pem(self) -> bytes:
        return self.cert.public_bytes(serialization.Encoding.PEM)

    def issue(self, *names: str, key: Key | None = None, expired: bool = False, cn: str | None = None) -> Issued:
        """A leaf for `names` (subject alternative names); the first is its CN unless `cn` says otherwise."""
        key = key or ec_key()
        common = cn if cn is not None else names[0]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
        builder = start(subject, self.cert.subject, key.public_key(), 30 if expired else 0)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
        cert = builder.sign(self.key, hashes.SHA256())
        return Issued(cert, cert.public_bytes(serialization.Encoding.PEM), key_pem(key), self.pem)

    def revoke(self, *issued: Issued) -> bytes:
        """A revocation list in PEM."""
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.cert.subject)
        builder = builder.last_update(now - DAY).next_update(now + 10 * DAY)
        for one in issued:
            entry = x509.RevokedCertificateBuilder().serial_number(one.cert.serial_number).revocation_date(now - DAY)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def start(subject: x509.Name, issuer: x509.Name, public: object, days_ago: int) -> x509.CertificateBuilder:
    """Names, key, serial and validity: from yesterday for ten days, moved `days_ago` into the past."""
    now = datetime.datetime.now(datetime.UTC) - days_ago * DAY
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    builder = builder.public_key(public)  # type: ignore[arg-type]
    return builder.serial_number(x509.random_serial_number()).not_valid_before(now - DAY).not_valid_after(now + 10 * DAY)
