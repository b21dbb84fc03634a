"""SRV records shared out among the servers that wait for them: each record is one server (RFC 2782, manual 5.3)."""

from __future__ import annotations

from collections import deque

from backends import state
from backends.resolvers.message import SRV, Record, Status
from backends.resolvers.nameserver import Channel
from backends.resolvers.resolution import Resolution
from backends.resolvers.section import Resolvers
from backends.resolvers.server_name import ADDITIONAL, ServerName
from haproxy_py.config.keywords import server_names as words

REMOVED = "entry removed from SRV record"


def addresses_of(found: Resolution) -> dict[str, deque[str]]:
    """The addresses that came along, by name, in their order; each goes to one record."""
    given: dict[str, deque[str]] = {}
    for name, record in found.addresses:
        given.setdefault(name, deque()).append(record.value)
    return given


class SrvName:
    """One SRV name of one backend. servers: in their order, with or without a record."""

    def __init__(self, section: Resolvers, name: str) -> None:
        self.name = name
        self.section = section
        self.servers: list[ServerName] = []
        self.resolution: Resolution | None = None

    def link(self) -> None:
        """Have the name asked for."""
        self.resolution = self.section.link(self, self.name, SRV)

    def answered(self, found: Resolution, channel: Channel | None) -> None:
        """Records that a server has stay with it, new ones go to who had none; who has lost one is free for the next answer."""
        records = [r for r in found.records.values() if r.kind == SRV]
        there = {(r.value, r.port) for r in records}
        having = {s.record: s for s in reversed(self.servers) if s.record}
        free = deque(s for s in self.servers if s.record is None)
        given = addresses_of(found)
        for record in records:
            server = having.get((record.value, record.port)) or (free.popleft() if free else None)
            if server is not None:
                left = given.get(record.value)
                self._give(server, record, left.popleft() if left else "")
        for server in self.servers:
            if server.record is not None and server.record not in there:
                self._take_back(server)

    def _give(self, server: ServerName, record: Record, host: str) -> None:
        """A record for a server: its weight, its name and port when they are news, its address when that came along."""
        if server.record is None:
            server.record = record.value, record.port
            state.forget_address(server.slot, record.port)
            state.set_port_map(server.slot, False, 0)
            server.life.set_admin(server.slot, state.HMAINT, 0)
        self._weigh(server, record.weight)
        if host:
            server.unlink()
            state.set_fqdn(server.slot, record.value)
            server.attached = host
            server.move(host, ADDITIONAL, record.port)
            if server.waits:
                server.life.set_admin(server.slot, 0, state.RMAINT, host=server.fqdn)
            return
        if server.resolution is None:
            server.name(record.value)
        where, port = state.address(server.slot)
        if where and port != record.port:  # the runtime socket has said another
            server.move(where, "", record.port)

    def _weigh(self, server: ServerName, weight: int) -> None:
        """0..65535 of the record to 0..256 of a server."""
        wanted = (weight + 255) // 256
        if not server.one.item[words.IGNORE_WEIGHT] and state.facts(server.slot)["uweight"] != wanted:
            server.life.reweigh(server.slot, wanted)

    def _take_back(self, server: ServerName) -> None:
        server.record = None
        server.unname()
        server.lose(REMOVED)
        state.forget_address(server.slot, 0)

    def failed(self, found: Resolution, status: Status) -> None:
        """No answer for longer than `hold`: nobody has a record."""
        if not found.held(status):
            for server in self.servers:
                if server.record is not None:
                    self._take_back(server)
