"""The name that a server is asked for: `sni EXPRESSION` compiled once the whole file is known (manual 5.2 sni)."""

from __future__ import annotations

from typing import Any

from backends.tls_options import SNI
from backends.tls_use import has_settings
from haproxy_py.config.errors import Faults
from haproxy_py.config.model import Config, Setting
from haproxy_py.config.registry import whole_file_check
from haproxy_py.rules.logparse import FormatError, parse_format
from haproxy_py.rules.scope import Scope

SNI_FORMAT: Setting[Any] = Setting("compiled sni", None)


@whole_file_check
def compile_sni(config: Config, faults: Faults) -> None:
    """Compile the expression of every server that has one."""
    for proxy in config.proxies:
        for server in proxy.servers:
            if server[SNI] and has_settings(proxy, server):
                scope = Scope(config, proxy, server.where, faults, "be http-request")
                try:
                    server[SNI_FORMAT] = parse_format(f"%[{server[SNI]}]", scope, http=True)
                except FormatError as wrong:
                    faults.alert(f"'server {server.name}' : error detected while parsing sni expression : {wrong}.", server.where)
