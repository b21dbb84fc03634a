"""Names that single requests ask for (do-resolve): once each, in the worker of the request, shared by those that ask at one time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from backends.resolvers.message import AAAA, A, Status
from backends.resolvers.nameserver import Channel, NameserverCounters
from backends.resolvers.resolution import Resolution
from backends.resolvers.section import Resolvers
from backends.resolvers.server_name import choose
from haproxy_py.config.model import Section

Done = Callable[[str], None]
LONGEST = 253


class Once:
    """One request's question. done: gets the address, "" for none, in a turn of the loop of its own."""

    def __init__(self, section: Resolvers, name: str, family: str, done: Done) -> None:
        self.section = section
        self.prefer = A if family == "ipv4" else AAAA
        self.done = done
        self.resolution = section.link(self, name, self.prefer)

    def answered(self, found: Resolution, channel: Channel | None) -> None:
        """The best address."""
        self._end(choose(found.records.values(), "", "", self.prefer, (), set(), True) or "")

    def failed(self, found: Resolution, status: Status) -> None:
        """None."""
        self._end("")

    def _end(self, host: str) -> None:
        self.section.unlink(self, self.resolution)
        asyncio.get_running_loop().call_soon(self.done, host)


class Lookups:
    """Args: sections: of the files, and the system's own; counters: of their nameservers. Sockets are opened by the first question
    of a worker."""

    def __init__(self, sections: list[Section], counters: NameserverCounters) -> None:
        self.sections = {each.name: Resolvers(each, counters[each.name]) for each in sections}
        self._started: set[str] = set()

    def ask(self, section: str, name: bytes, family: str, done: Done) -> bool:
        """Have `done` called with the address. False: there is nobody to ask, or no such name can be."""
        found = self.sections.get(section)
        if found is None or not found.channels or not 0 < len(name) <= LONGEST or not name.isascii() or b".." in name:
            return False
        if section not in self._started:
            self._started.add(section)
            found.start(asyncio.get_running_loop(), True)
        Once(found, name.decode("ascii").rstrip("."), family, done)
        return True

    def stop(self) -> None:
        """Ask no more; who waits is not told."""
        for name in self._started:
            self.sections[name].stop()
        self._started.clear()
