"""The statistics page as a service: `stats enable` and its kin (manual 4.2 `stats uri`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from haproxy_py.config.model import Proxy
from haproxy_py.observe.statistics import formats
from haproxy_py.observe.statistics.query import Query
from haproxy_py.rules.rule import RuleSet
from haproxy_py.services import asked, form
from haproxy_py.services.html import page
from haproxy_py.services.keywords import StatsUri, stats_of
from haproxy_py.stream.service import Answer, Request, Service, holds

NO_CACHE = (b"cache-control", b"no-cache")


class StatsService(Service):
    """The page of one proxy. `world`, the Instance, comes by resolve()."""

    def __init__(self, proxy: Proxy, told: StatsUri) -> None:
        self.name = b"<STATS>"
        self.prefix = told.uri.encode("utf-8", "surrogateescape")
        self.rules = RuleSet(told.rules) if told.rules else None
        self.proxy = proxy
        self.told = told
        self.admin = RuleSet(told.admin) if told.admin else None
        self.world: Any = None

    def resolve(self, world: Any) -> None:
        """The running proxies are there."""
        self.world = world

    def respond(self, request: Request) -> Answer:
        """HEAD and GET give the page in the form asked for, POST is the admin form."""
        target = request.target
        at = target.find(self.prefix or b"")
        wanted = asked.read(target[at + len(self.prefix or b"") :])
        may_change = self.admin is not None and holds(self.admin, request.txn)
        if request.method == b"POST":
            return self._posted(request, wanted, may_change)
        fields = [NO_CACHE, (b"content-type", wanted.content_type.encode())]
        if self.told.refresh_s and wanted.refresh:
            fields.append((b"refresh", b"%d" % self.told.refresh_s))
        if wanted.form == "html":
            fields += page.FIELDS
        return Answer(200, fields, self._body(wanted, may_change))

    def _posted(self, request: Request, wanted: asked.Asked, may_change: bool) -> Answer:
        if not may_change:
            code = "DENY"
        elif not request.whole:
            code = "EXCD"
        else:
            code = form.apply(self.world, request.body)
        where = f"{self.told.uri};st={code}{wanted.words()}".encode("utf-8", "surrogateescape")
        return Answer(303, [NO_CACHE, (b"content-type", b"text/plain"), (b"content-length", b"0"), (b"location", where)])

    def query(self, wanted: asked.Asked) -> Query:
        """The rows that this page shows."""
        names = tuple(self.proxy.name if name == "." else name for name in self.told.scope)
        return Query(up=wanted.up, no_maint=wanted.no_maint, legends=self.told.legends, proxies=names, part_of_name=wanted.scope)

    def _body(self, wanted: asked.Asked, may_change: bool) -> Iterator[bytes]:
        if wanted.form == "json-schema":
            return iter((formats.schema(),))
        rows = self.world.statistics.rows(self.query(wanted))
        if wanted.form == "csv":
            return formats.csv(rows)
        if wanted.form == "typed":
            return formats.typed(rows)
        if wanted.form == "json":
            return formats.json_rows(rows)
        return page.pieces(self.world, self.told, wanted, rows, may_change=may_change)


def service_of(proxy: Proxy) -> StatsService | None:
    """The page of a proxy, None without `stats`."""
    told = stats_of(proxy)
    return StatsService(proxy, told) if told is not None else None
