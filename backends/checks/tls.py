"""TLS of health checks: a context of asyncio's `ssl` made from the server's own TLS options (manual 5.2).

Contexts are made while the configuration is built, before privileges and the file system may be gone.
"""

from __future__ import annotations

import os
import ssl

from backends.tls_options import CA_FILE, CRT, VERIFY, VERIFYHOST
from haproxy_py.config.errors import SERVER, ConfigError
from haproxy_py.config.model import Config, Server
from haproxy_py.engine.tls_params import VERIFY_NONE, CertificateParams
from haproxy_py.tls.words import SERVER_VERIFY


def client_context(server: Server, config: Config, alpn: tuple[str, ...]) -> ssl.SSLContext:
    """The context of a check over TLS. Raises: ConfigError when the certificates cannot be used."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    try:
        if _verified(server, config):
            _trust(made, server[CA_FILE])
            made.check_hostname = bool(server[VERIFYHOST])
        else:
            made.verify_mode = ssl.CERT_NONE
        if server[CRT] is not None:
            _show(made, server[CRT])
    except (OSError, ValueError) as wrong:
        raise ConfigError(f"'server {server.name}' : health check over TLS: {wrong}.", server.where, SERVER) from None
    if alpn:
        made.set_alpn_protocols(list(alpn))
    return made


def _verified(server: Server, config: Config) -> bool:
    said = server[VERIFY]
    return said != VERIFY_NONE if said is not None else config.globals[SERVER_VERIFY] != "none"


def _trust(made: ssl.SSLContext, authorities: bytes | None) -> None:
    if authorities is None:
        made.load_default_certs()
    else:
        made.load_verify_locations(cadata=authorities.decode("latin-1"))


def _show(made: ssl.SSLContext, certificate: CertificateParams | None) -> None:
    """Load a certificate that was read long ago: `ssl` takes files only, so it gets one in memory."""
    assert certificate is not None
    number = os.memfd_create("crt", os.MFD_CLOEXEC)
    try:
        os.write(number, certificate.cert_pem + certificate.chain_pem + certificate.key_pem)
        made.load_cert_chain(f"/proc/self/fd/{number}")
    finally:
        os.close(number)
