"""One resolvers section at work: its nameservers, the names that are asked of them, who asked for which number."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping

from backends.resolvers import message
from backends.resolvers.nameserver import Channel, Counters, channel
from backends.resolvers.resolution import Requester, Resolution
from haproxy_py.config.keywords import resolvers as words
from haproxy_py.config.model import Section


class Resolvers:
    """Args: item: the section; counters: of its nameservers, by name. Nothing is sent before start()."""

    def __init__(self, item: Section, counters: Mapping[str, Counters] | None = None) -> None:
        self.name = item.name
        self.item = item
        self.retries = item[words.RETRIES]
        self.timeout_resolve_ms = item[words.TIMEOUT_RESOLVE]
        self.timeout_retry_ms = max(1, item[words.TIMEOUT_RETRY])
        self.payload = item[words.PAYLOAD]
        self.channels = [channel(each, self._take) for each in item[words.NAMESERVERS].values()]
        for each in self.channels:
            each.counters = counters[each.name] if counters else each.counters
        self.resolutions: dict[tuple[str, int], Resolution] = {}
        self._asked: dict[int, Resolution] = {}
        self._number: dict[Resolution, int] = {}
        self._timers: dict[Resolution, asyncio.TimerHandle] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def hold_ms(self, event: str) -> int:
        """`hold EVENT`."""
        return words.hold_ms(self.item, event)

    def now_ms(self) -> int:
        """The loop's clock."""
        assert self._loop is not None
        return int(self._loop.time() * 1000)

    # --- names

    def link(self, who: Requester, name: str, preferred: int) -> Resolution:
        """`who` wants a name from now on, shared with others that want the same."""
        key = (name.lower(), preferred)
        found = self.resolutions.get(key)
        if found is None:
            found = self.resolutions[key] = Resolution(self, name, preferred)
            if self._loop is not None:
                self._loop.call_soon(self._first, found)
        found.requesters.append(who)
        return found

    def unlink(self, who: Requester, found: Resolution) -> None:
        """... and not any more; a name that nobody wants is forgotten."""
        if who in found.requesters:
            found.requesters.remove(who)
        if not found.requesters:
            self.resolutions.pop((found.name.lower(), found.preferred), None)
            self._forget(found)

    def _first(self, found: Resolution) -> None:
        if self._loop is not None and found.requesters and not found.running:
            found.begin()

    def _forget(self, found: Resolution) -> None:
        timer = self._timers.pop(found, None)
        if timer is not None:
            timer.cancel()
        self._asked.pop(self._number.pop(found, -1), None)

    # --- life

    def start(self, loop: asyncio.AbstractEventLoop, first: bool) -> None:
        """Begin to ask. first: nobody has asked before; else `hold` begins now."""
        self._loop = loop
        for each in self.channels:
            each.start(loop)
        for found in list(self.resolutions.values()):
            if not first:
                found.last_valid_ms = self.now_ms()
            found.begin()

    def stop(self) -> None:
        """Ask no more."""
        for found in list(self.resolutions.values()):
            self._forget(found)
            found.running = False
        for each in self.channels:
            each.stop()
        self._loop = None

    # --- what a resolution needs

    def renew(self, found: Resolution) -> None:
        """A number of its own for the questions of a round: late answers to the first count as long as the round lasts."""
        self._asked.pop(self._number.pop(found, -1), None)
        number = random.SystemRandom().randrange(65536)
        while number in self._asked:
            number = (number + 1) % 65536
        self._asked[number] = found
        self._number[found] = number

    def ask(self, found: Resolution, kind: int) -> int:
        """A question to every nameserver, under the number of the round."""
        data = found.questions.get(kind)
        if data is None:
            try:
                data = found.questions[kind] = message.question(found.name, kind, 0, self.payload)
            except ValueError:
                return 0
        data = self._number[found].to_bytes(2, "big") + data[2:]
        return sum(each.send(data) for each in self.channels)

    def wake(self, found: Resolution, delay_ms: int) -> None:
        """found.due() after so long."""
        timer = self._timers.pop(found, None)
        if timer is not None:
            timer.cancel()
        if self._loop is not None:
            self._timers[found] = self._loop.call_later(delay_ms / 1000, found.due)

    def _take(self, source: Channel, data: bytes) -> None:
        """Bytes from a nameserver."""
        if not data:
            return
        found = self._asked.get(message.number_of(data))
        if found is None or not found.running:
            source.counters.add("outdated")
            return
        if len(data) > self.payload:
            source.counters.add("too_big")
            return
        reply = message.parse(data, found.name, found.preferred == message.SRV)
        source.counters.add(reply.status.value)
        found.take(reply, source)

    # --- what is shown

    def show(self) -> str:
        """Its part of `show resolvers`."""
        lines = [f"Resolvers section {self.name}"]
        for each in self.channels:
            lines.append(f" nameserver {each.name}:")
            lines += [f"  {name + ':':<12} {count}" for name, count in each.counters.values().items()]
        return "\n".join(lines) + "\n"



