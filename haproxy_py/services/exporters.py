"""Services that are loaded only where a configuration uses them."""

from __future__ import annotations

from typing import Any

from haproxy_py.services.registry import service


def prometheus() -> Any:
    """The Prometheus exporter; prometheus-client is imported now."""
    from haproxy_py.services.prometheus.exporter import Exporter

    return Exporter()


service("prometheus-exporter", elsewhere="Prometheus exporter service only available on 'http-request' rulesets")(prometheus)
