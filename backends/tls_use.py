"""Which servers have TLS settings: those that speak it, and those that may come to by `set server B/S ssl on` or in a check."""

from __future__ import annotations

from backends.checks.keywords import CHECK_SSL, HTTP_CHECK_STEPS
from backends.checks.rules import Connect
from backends.checks.tcp_keywords import TCP_CHECK_STEPS
from haproxy_py.config.model import Proxy, Server, Setting

SSL: Setting[bool] = Setting("ssl", False)


def written(server: Server) -> int:
    """srv_use_ssl of a servers state file: 1 `ssl`, -1 `no-ssl`, 0 neither was said."""
    return (1 if server[SSL] else -1) if SSL in server else 0


def has_settings(proxy: Proxy, server: Server) -> bool:
    """Whether HAProxy makes a TLS context for a server of the configuration."""
    default = proxy.default_server
    return bool(
        server[SSL] or server[CHECK_SSL] or default is not None and default[SSL]
        or any(isinstance(step, Connect) and step.ssl for step in (*proxy[HTTP_CHECK_STEPS], *proxy[TCP_CHECK_STEPS]))
    )  # fmt: skip
