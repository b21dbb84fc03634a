"""The statistics of one configuration at work: rows and facts, chosen and written as asked.

statistics = Statistics(instance)
b"".join(statistics.show_stat(["typed"]))         # what the runtime command `show stat typed` prints, without its last LF
b"".join(statistics.show_info(["json"]))
for part, row in statistics.rows(Query(up=True)): ...

Everything comes in pieces, a row or a few lines each, so that a caller may stop between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from haproxy_py.config.model import Proxy
from haproxy_py.config.units import atoi, leading_int
from haproxy_py.engine import clock
from haproxy_py.observe.statistics import formats
from haproxy_py.observe.statistics.fields import PLACE
from haproxy_py.observe.statistics.info import Info
from haproxy_py.observe.statistics.parts import BACKEND, SERVER, TYPE_BITS, Part, Parts, Row, World
from haproxy_py.observe.statistics.serverstate import STOPPED

_STATUS = PLACE["status"]


class StatError(ValueError):
    """A query that cannot be answered; str() is HAProxy's complaint."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows. iid, sid: -1 all; kinds: bits 1 frontend, 2 backend, 4 server, 8 listener; proxies: names,
    empty: all. part_of_name: text within the name of a proxy, in whatever case."""

    iid: int = -1
    kinds: int = -1
    sid: int = -1
    up: bool = False
    no_maint: bool = False
    legends: bool = True
    proxies: tuple[str, ...] = ()
    part_of_name: str = ""

    def hides(self, part: Part, row: Row) -> bool:
        """Whether a server's row is left out for its state."""
        status = str(row[_STATUS])
        if part.kind != SERVER or not (self.up or self.no_maint):
            return False
        return status.startswith("MAINT") or (self.up and not status.startswith(("UP", "no check", "DRAIN", "NOLB")))


class Statistics:
    """See the module. world: haproxy_py.process.instance.Instance or what looks like it. born: wall time of the start."""

    def __init__(self, world: World, born: float) -> None:
        self.world = world
        self.parts = Parts(world, int(born))
        self.info = Info(world, born)

    def rows(self, query: Query = Query(), at_ms: int | None = None) -> Iterator[tuple[Part, Row]]:  # noqa: B008
        """The rows in HAProxy's order, each made when it is asked for. at_ms: wall time, now by default."""
        at_ms = int(clock.now() * 1000) if at_ms is None else at_ms
        for proxy in self.parts.proxies:
            if not self._wanted(proxy, query):
                continue
            for part in self.parts.of(proxy):
                if query.kinds >= 0 and not TYPE_BITS[part.kind] & query.kinds:
                    continue
                if query.sid >= 0 and part.number != query.sid:
                    continue
                row = part.row(at_ms, legends=query.legends)
                if not query.hides(part, row):
                    yield part, self._counted(part, row, query)

    def _wanted(self, proxy: Proxy, query: Query) -> bool:
        """Whether any of a proxy's rows is."""
        if query.iid > 0 and self.parts.iid(proxy) != query.iid:
            return False
        return (not query.proxies or proxy.name in query.proxies) and query.part_of_name.lower() in proxy.name.lower()

    def _counted(self, part: Part, row: Row, query: Query) -> Row:
        """With hidden servers a backend's status says how many of them are not stopped: `UP (1/2)`."""
        if part.kind == BACKEND and (query.up or query.no_maint):
            states = [one.server.slot.gauges()["state"] for one in self.parts.servers(part.proxy)]
            row[_STATUS] = f"{row[_STATUS]} ({len(states) - states.count(STOPPED)}/{len(states)})"
        return row

    def show_stat(self, words: Sequence[str], *, legends: bool = True) -> Iterator[bytes]:
        """`show stat [domain proxy] [<iid>|<proxy> <types> <sid>] [typed|json] [desc] [up|no-maint]` (management manual 9.3).

        legends: the reader may see addresses and cookies (level operator and admin). Raises: StatError, before anything
        is yielded.
        """
        rest = list(words)
        if rest[:1] == ["domain"]:
            if rest[1:2] != ["proxy"]:
                raise StatError("Invalid statistics domain.")
            rest = rest[2:]
        query = Query(up="up" in rest, no_maint="no-maint" in rest, legends=legends)
        if len(rest) >= 3:
            query = self._chosen(query, rest)
        return self._written(self.rows(query), rest)

    def _chosen(self, query: Query, words: Sequence[str]) -> Query:
        number = atoi(words[0][1:]) if words[0][:1] == "#" else 0
        named = next((p for p in self.parts.proxies if p.name == words[0] or number and self.parts.iid(p) == number), None)
        iid = leading_int(words[0]) if named is None else self.parts.iid(named)
        if not iid:
            raise StatError("No such proxy.")
        return Query(iid, leading_int(words[1]), leading_int(words[2]), query.up, query.no_maint, query.legends)

    @staticmethod
    def _written(pairs: Iterator[tuple[Part, Row]], words: Sequence[str]) -> Iterator[bytes]:
        if "json" in words:
            return formats.json_rows(pairs)
        if "typed" in words:
            return formats.typed(pairs, desc="desc" in words)
        return formats.csv(pairs)

    def show_info(self, words: Sequence[str] = (), now: float | None = None) -> Iterator[bytes]:
        """`show info [typed|json] [desc] [float]`."""
        values = self.info.values(clock.now() if now is None else now, exact="float" in words)
        if "json" in words:
            return formats.info_json(values)
        if "typed" in words:
            return formats.info_typed(values, desc="desc" in words)
        return formats.info_lines(values, desc="desc" in words)

    def schema(self) -> bytes:
        """`show schema json`."""
        return formats.schema()
