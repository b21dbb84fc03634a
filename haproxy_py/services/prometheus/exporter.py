"""`http-request use-service prometheus-exporter` (manual 4.2 use-service)."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Any

from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS

from haproxy_py.engine.reply import builtin
from haproxy_py.services.prometheus.exposition import Exposition
from haproxy_py.services.prometheus.wish import BadRequest, Wish
from haproxy_py.stream.service import Answer, Request, Service

PLAIN = "text/plain; version=0.0.4"
NO_CACHE = (b"cache-control", b"no-cache")
PACKED = [(b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")]
_GZIP = re.compile(rb"(?:^|,)[ \t]*(?:x-)?gzip[ \t]*(?:$|,|;[ \t]*q=(?!0(?:\.0*)?[ \t]*(?:,|$)))", re.IGNORECASE)


def takes_gzip(accepted: bytes) -> bool:
    """Whether `accept-encoding` names gzip and does not weigh it 0 (RFC 9110 12.5.3)."""
    return _GZIP.search(accepted) is not None


def packed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces in gzip's format. Fast rather than small: names and labels repeat so often that level 1 leaves a twentieth."""
    made = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    for piece in pieces:
        yield made.compress(piece)
    yield made.flush()


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
        """Any method gives the metrics: OpenMetrics by `accept`, gzip by `accept-encoding`."""
        try:
            wish = Wish(request.target.partition(b"?")[2])
        except BadRequest:
            page = builtin(400)
            return Answer(400, page.fields, page.body, closes=True, reason=page.reason)
        modern = b"application/openmetrics-text" in request.header(b"accept")
        type_ = OPENMETRICS if modern else PLAIN
        pieces = Exposition(self.world.statistics, wish, open_metrics=modern).pieces()
        fields = [NO_CACHE, (b"content-type", type_.encode())]
        if takes_gzip(request.header(b"accept-encoding")):
            return Answer(200, fields + PACKED, packed(pieces))
        return Answer(200, fields, pieces)
