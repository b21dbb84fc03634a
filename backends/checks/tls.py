"""TLS of health checks: a context of the engine made from the server's own TLS options (manual 5.2).

Contexts are made while the configuration is built, before privileges and the file system may be gone.
"""

from __future__ import annotations

from backends.tls_options import CONTEXT, build
from haproxy_py.config.model import Config, Proxy, Server
from haproxy_py.engine.tls import TlsContext


def client_context(proxy: Proxy, server: Server, config: Config, alpn: tuple[str, ...]) -> TlsContext:
    """The context of a check over TLS; without protocols of its own it offers the server's. Raises: ConfigError when the certificates cannot be used."""
    shared = server[CONTEXT]
    if not alpn and shared is not None:
        return shared
    offered = tuple(name.encode("utf-8", "surrogateescape") for name in alpn) if alpn else None
    return build(server, config, proxy.name, alpn=offered)
