"""`http-request use-service prometheus-exporter` (manual 4.2 use-service)."""

from __future__ import annotations

from typing import Any

from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS

from haproxy_py.engine.reply import builtin
from haproxy_py.services.prometheus.exposition import Exposition
from haproxy_py.services.prometheus.wish import BadRequest, Wish
from haproxy_py.stream.service import Answer, Request, Service

PLAIN = "text/plain; version=0.0.4"
NO_CACHE = (b"cache-control", b"no-cache")


class Exporter(Service):
    """The service. `world`, the Instance, comes by resolve()."""

    def __init__(self) -> None:
        self.name = b"<PROMEX>"
        self.response_rules = True
        self.world: Any = None

    def resolve(self, world: Any) -> None:
        """The running proxies are there."""
        self.world = world

    def respond(self, request: Request) -> Answer:
        """Any method gives the metrics."""
        try:
            wish = Wish(request.target.partition(b"?")[2])
        except BadRequest:
            page = builtin(400)
            return Answer(400, page.fields, page.body, closes=True, reason=page.reason)
        modern = b"application/openmetrics-text" in request.header(b"accept")
        type_ = OPENMETRICS if modern else PLAIN
        pieces = Exposition(self.world.statistics, wish, open_metrics=modern).pieces()
        return Answer(200, [NO_CACHE, (b"content-type", type_.encode())], pieces)
