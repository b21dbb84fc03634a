"""TLS of health checks: a context of asyncio's `ssl` made from the server's own TLS options (manual 5.2).

The options are named, not imported: they belong to backends.tls_options, which may hold more than a check can use.
"""

from __future__ import annotations

import ssl
from typing import Any

from haproxy_py.config.model import Server


def said(server: Server, name: str) -> Any:
    """What the server line said for an option, None when nothing."""
    return next((value for setting, value in server.values.items() if setting.name == name), None)


def client_context(server: Server, alpn: tuple[str, ...]) -> ssl.SSLContext:
    """The context of a check over TLS. Raises OSError (ssl.SSLError included) when a file cannot be loaded."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    if said(server, "verify") == "none":
        made.verify_mode = ssl.CERT_NONE
    else:
        authorities = said(server, "ca-file")
        if authorities and authorities != "@system-ca":
            made.load_verify_locations(authorities)
        else:
            made.load_default_certs()
    if said(server, "crt"):
        made.load_cert_chain(said(server, "crt"))
    if alpn:
        made.set_alpn_protocols(list(alpn))
    return made
