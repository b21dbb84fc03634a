"""All names of a configuration: made before the fork, asked for in the one worker that also runs the checks.

    names = Names(config, life, nameserver_counters(sections(config), segment))
    names.start(loop, True)     # in the worker that was elected
    names.show("")              # `show resolvers`
    names.stop()

Addresses go to shared memory, so every worker has them at once.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from backends import state
from backends.commands import Answer, refused
from backends.life import Life, ServerLife
from backends.resolvers.nameserver import COUNTERS, Counters, NameserverCounters
from backends.resolvers.section import Resolvers
from backends.resolvers.server_name import ServerName, Shares
from backends.resolvers.srv import SrvName
from haproxy_py.config.errors import Where
from haproxy_py.config.keywords import resolvers as words
from haproxy_py.config.keywords import server_names
from haproxy_py.config.model import Config, Section
from haproxy_py.engine.shm import Segment, ServerSlot
from haproxy_py.engine.tally import Tally

WARNING = 4
NO_RESOLUTION = "set server <b>/<s> fqdn failed because no resolution is configured.\n"
NO_NAME = "set server <b>/<s> fqdn requires a FQDN.\n"
OF_SRV = "set server <b>/<s> fqdn failed because SRV resolution is configured.\n"
NO_SECTION = "Can't find that resolvers section\n"


def systems() -> Section | None:
    """The section `default`, of /etc/resolv.conf; None when that names no nameserver."""
    where = Where("", 0)
    with suppress(OSError), open(words.RESOLV_CONF, encoding="utf-8", errors="replace") as stream:
        found = words.from_resolv_conf(stream.read(), where)
        made = Section(where, kind="resolvers", name=server_names.SYSTEMS)
        made[words.NAMESERVERS] = {each.name: each for each in found}
        return made if found else None
    return None


def sections(config: Config) -> list[Section]:
    """The resolvers sections of the files, and the system's own unless a file has one of its name."""
    found = [s for s in config.sections if s.kind == "resolvers"]
    own = None if any(s.name == server_names.SYSTEMS for s in found) else systems()
    return found if own is None else [*found, own]


def nameserver_counters(found: list[Section], segment: Segment) -> NameserverCounters:
    """Counters of all workers, by section and nameserver."""
    return {
        each.name: {name: Counters(Tally(segment, len(COUNTERS))) for name in (one.name for one in each[words.NAMESERVERS].values())}
        for each in found
    }


def shared_bytes(config: Config) -> int:
    """Bytes of the segment that nameserver_counters() takes: whole lines of 64."""
    return sum(len(each[words.NAMESERVERS]) for each in sections(config)) * (len(COUNTERS) * 8 + 64)


class Names:
    """Args: life: of the servers; counters: of the nameservers. Attributes: sections by name, servers (those that have a name) by slot."""

    def __init__(self, config: Config, life: Life, counters: NameserverCounters) -> None:
        self.life = life
        self.sections = {each.name: Resolvers(each, counters[each.name]) for each in sections(config)}
        self.servers: dict[ServerSlot, ServerName] = {}
        self.services: dict[tuple[str, str, str], SrvName] = {}  # backend, section, name
        self._shares: dict[str, Shares] = {}  # by backend
        for one in life.servers.values():
            self._add(one)

    def _add(self, one: ServerLife) -> None:
        section = self.sections.get(one.item[server_names.RESOLVERS].strip())
        if section is None or one.item.address.family not in ("inet", "inet6", ""):
            return
        made = ServerName(one, section, self.life, self._shares.setdefault(one.proxy.name, Shares()))
        self.servers[one.slot] = made
        name = one.item.address.name
        if name and server_names.is_srv(name):
            self._service(one, section, name).servers.append(made)
        elif name:
            state.set_fqdn(one.slot, name.rstrip("."))

    def _service(self, one: ServerLife, section: Resolvers, name: str) -> SrvName:
        key = (one.proxy.name, section.name, name.lower())
        made = self.services.get(key)
        if made is None:
            made = self.services[key] = SrvName(section, name.rstrip("."))
            made.link()
        return made

    def start(self, loop: asyncio.AbstractEventLoop, first: bool) -> None:
        """Ask from now on. first: no worker has asked before; a later one takes what servers have for the last valid answers."""
        for server in self.servers.values():
            if server.fqdn and server.resolution is None:
                server.name(server.fqdn)
                if server_names.is_srv(server.one.item.address.name or ""):
                    server.record = server.fqdn.lower(), state.address(server.slot)[1]
                if not first:
                    server.attached = state.address(server.slot)[0]
        for section in self.sections.values():
            section.start(loop, first)

    def stop(self) -> None:
        """Ask no more."""
        for section in self.sections.values():
            section.stop()

    # --- for the runtime socket

    def show(self, section: str) -> Answer:
        """`show resolvers [SECTION]`."""
        if section and section not in self.sections:
            return refused(NO_SECTION)
        wanted = [self.sections[section]] if section else list(self.sections.values())
        return Answer(0, "".join(each.show() for each in wanted))

    def set_fqdn(self, slot: ServerSlot, fqdn: str) -> Answer:
        """`set server B/S fqdn NAME`, in the worker that resolves."""
        if not fqdn:
            return refused(NO_NAME)
        named = self.servers.get(slot)
        if named is None:
            return refused(NO_RESOLUTION)
        if server_names.is_srv(named.one.item.address.name or ""):
            return refused(OF_SRV)
        before = named.fqdn
        if before.lower() == fqdn.lower():
            return Answer(WARNING, "no need to change the FDQN by 'stats socket command'\n")
        named.name(fqdn.rstrip("."))
        return Answer(WARNING, f"{named.title} changed its FQDN from {before or '(null)'} to {fqdn} by 'stats socket command'\n")
