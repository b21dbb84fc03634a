"""A server whose address comes from a name: which of the records it takes, and what it says when that changes.

Source: manual 5.2 (resolve-prefer, resolve-net, resolve-opts) and what HAProxy was seen to print.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address

from backends import state
from backends.checks.report import NOTICE
from backends.life import Life, ServerLife
from backends.resolvers.message import AAAA, SRV, A, Record, Status
from backends.resolvers.nameserver import Channel
from backends.resolvers.resolution import Resolution
from backends.resolvers.section import Resolvers
from backends.sentences import said
from haproxy_py.config.keywords import server_names as words
from haproxy_py.config.keywords.server_names import Network
from haproxy_py.engine.shm import ServerSlot

WHY = {
    Status.NX: "DNS NX status", Status.TIMEOUT: "DNS timeout status", Status.REFUSED: "DNS refused status",
}  # fmt: skip
OTHER = "unspecified DNS error"
NO_IP = "No IP for server "
CACHE = "DNS cache"
ADDITIONAL = "DNS additional record"
FAMILY, NETWORK, UNUSED, SAME = 8, 4, 2, 1  # what is better about one of several addresses


def choose(
    records: Iterable[Record], current: str, attached: str, prefer: int, nets: Iterable[Network], taken: set[str], duplicates: bool
) -> str | None:
    """The address to take, the best of several and the first of equals; None: there is none.

    Args: current: what the server has, attached: the record that it took ("": nothing). prefer: A or AAAA. taken: by other servers of the backend that have the
    same name; duplicates: such an address may be taken all the same.
    """
    best, most = None, -1
    for record in records:
        if record.kind == SRV or record.value in taken and not duplicates and record.value != attached:
            continue
        score = FAMILY * (record.kind == prefer) + UNUSED * (record.value not in taken) + SAME * (record.value == current)
        if any(ip_address(record.value) in net for net in nets):
            score += NETWORK
        if score > most:
            best, most = record.value, score
    return best


class ServerName:
    """One server. peers: the others of its backend that are looked up."""

    def __init__(self, one: ServerLife, section: Resolvers, life: Life, peers: Callable[[], Iterable[ServerName]]) -> None:
        self.one = one
        self.slot: ServerSlot = one.slot
        self.section = section
        self.life = life
        self.peers = peers
        self.resolution: Resolution | None = None
        self.prefer = A if one.item[words.RESOLVE_PREFER] == "ipv4" else AAAA
        self.nets = one.item[words.RESOLVE_NET]
        self.duplicates = one.item[words.ALLOW_DUP_IP]
        self.attached = ""  # the record that its address came from; the runtime socket may have moved it elsewhere since

    @property
    def fqdn(self) -> str:
        """Its name now, "" when it has none."""
        return state.fqdn(self.slot)

    @property
    def title(self) -> str:
        """backend/server."""
        return f"{self.one.proxy.name}/{self.slot.name}"

    @property
    def waits(self) -> bool:
        """In maintenance for want of an address."""
        return bool(state.facts(self.slot)["admin"] & state.RMAINT)

    # --- the name

    def name(self, fqdn: str) -> None:
        """Take a name and have it resolved."""
        self.unlink()
        state.set_fqdn(self.slot, fqdn)
        self.resolution = self.section.link(self, fqdn, self.prefer)

    def unname(self) -> None:
        """Have no name."""
        self.unlink()
        state.set_fqdn(self.slot, "")

    def unlink(self) -> None:
        """Keep the name, but have nobody ask for it."""
        if self.resolution is not None:
            self.section.unlink(self, self.resolution)
            self.resolution = None

    # --- what comes back

    def answered(self, found: Resolution, channel: Channel | None) -> None:
        """Take the best address."""
        where, _ = state.address(self.slot)
        records = found.records.values()
        current = self.attached if any(r.value == self.attached for r in records) else where
        wanted = choose(records, current, self.attached, self.prefer, self.nets, self._taken(), self.duplicates)
        if wanted is None:
            self.lose(NO_IP)
            return
        by = f"{self.section.name}/{channel.name}" if channel is not None else CACHE
        if wanted != current or not where:
            if channel is not None:
                channel.counters.update += 1
            self.move(wanted, by)
        self.attached = wanted
        self._back()

    def _taken(self) -> set[str]:
        """Addresses of the others that share its name."""
        return {
            each.attached
            for each in self.peers()
            if each is not self and each.attached and each.fqdn.lower() == self.fqdn.lower()
        }

    def _back(self) -> None:
        """It has an address: out of maintenance."""
        if self.waits:
            self.life.set_admin(self.slot, 0, state.RMAINT, host=self.fqdn)
            backup = "Backup " if self.one.name.startswith("Backup ") else ""
            self.say(f"{backup}Server {self.title} administratively READY thanks to valid DNS answer")

    def failed(self, found: Resolution, status: Status) -> None:
        """A round without an answer: it counts once the last good answer is too old."""
        if not found.held(status):
            self.lose(WHY.get(status, OTHER))

    # --- the server

    def say(self, text: str) -> None:
        """A sentence about it."""
        self.life.speak(self.one, said(NOTICE, text))

    def move(self, host: str, by: str, port: int | None = None) -> None:
        """To a new address, its port as it is unless one is given."""
        where, at = state.address(self.slot)
        mapped, offset = (False, 0) if port is not None else state.port_map(self.slot)
        state.move(self.slot, host, at if port is None else port, mapped, offset)
        if self.life.follow:
            self.life.follow(self.slot)
        if where != host:
            self.say(f"{self.title} changed its IP from {where or '(none)'} to {host} by {by}")

    def lose(self, why: str) -> None:
        """No address any more."""
        if not self.waits:
            self.life.set_admin(self.slot, state.RMAINT, 0, why=f" ({why})")
        where, port = state.address(self.slot)
        self.attached = ""
        if where:
            state.forget_address(self.slot, port)
            if self.life.follow:
                self.life.follow(self.slot)
